"""pix2pixHD: photographs from edges."""
