"""Blender processes: setup, devices, processor cores, and the pipe to one of them."""
