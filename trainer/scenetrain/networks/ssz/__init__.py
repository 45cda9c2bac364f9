"""SSZ: one image to a labelled frustum, trained against a judge of poses."""
