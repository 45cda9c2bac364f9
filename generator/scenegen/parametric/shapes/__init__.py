"""Meshes that the built-in models are made of."""
