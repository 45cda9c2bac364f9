"""What runs inside any Blender: standard library, numpy, numba for labels, pillow for images."""
