"""Scores of labels, from arrays alone: numpy and numba, no torch."""
