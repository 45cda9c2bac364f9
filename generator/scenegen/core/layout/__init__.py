"""Where objects stand and where cameras look from."""
