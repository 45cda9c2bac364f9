"""Scores of a trained network on a data set."""
