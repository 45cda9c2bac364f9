"""A trained network at work: photographs to voxels, files for other programs."""
