"""Built-in furniture and what stands on it."""
