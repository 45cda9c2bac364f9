"""Data sets of real photographs: recordings of other programs, read and labelled as generated scenes are."""
