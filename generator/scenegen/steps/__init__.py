"""Steps over a finished data set."""
