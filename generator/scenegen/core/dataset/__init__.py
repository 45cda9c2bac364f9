"""How a data set lies on disk: reading, writing, packing, locking."""
