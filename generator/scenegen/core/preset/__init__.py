"""Kinds of scenes: presets and the TOML files that hold them."""
