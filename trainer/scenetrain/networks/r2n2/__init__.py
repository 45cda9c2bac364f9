"""3D-R2N2: views one after another through a 3D recurrent unit, whose state becomes the volume (Choy et al.)."""
