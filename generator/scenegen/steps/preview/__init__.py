"""Pictures and pages of a data set."""
