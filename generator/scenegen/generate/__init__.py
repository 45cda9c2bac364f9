"""Many Blender processes make one data set."""
