"""Pix2Vox and Pix2Vox++: coarse volumes of each view, fused voxel by voxel, and refined (Xie et al.)."""
