"""Scores of anyone's predictions of a data set."""
