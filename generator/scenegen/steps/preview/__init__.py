"""Images and pages that show a data set."""
