"""A library as a whole: checks, contact sheets, splits, dropped assets."""
