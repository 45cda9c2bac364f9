"""DISN (Xu et al., NeurIPS 2019): signed distances at points, from images and their cameras."""
