"""TS3DSC (Garbade et al., CVPR Workshops 2019): semantic scene completion from depth and a segmented image."""
