"""Everted U-Net (Mymlikov et al.)."""
