"""Z-GAN: one image to a frustum by a 2D-to-3D U-Net and a patch-wise judge; the ancestor of SSZ."""
