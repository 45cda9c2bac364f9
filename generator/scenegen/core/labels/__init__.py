"""What is where: voxels, fruxels, depth, instances, object poses."""
