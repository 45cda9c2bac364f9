"""Model files of any format."""
