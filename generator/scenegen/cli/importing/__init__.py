"""The commands of `scenegen import`."""
