"""Every promise of a data set, checked on every scene."""
