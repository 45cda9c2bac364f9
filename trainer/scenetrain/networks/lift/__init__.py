"""Lift: image features pulled to the voxels that their pixels show."""
