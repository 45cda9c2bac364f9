"""Scenes on request: the command line inside Blender and the loop that makes scenes."""
