"""Models from any source, prepared once into the form that generation loads."""
