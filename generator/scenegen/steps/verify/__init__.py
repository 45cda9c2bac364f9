"""The rules of the data set format, checked on every scene."""
