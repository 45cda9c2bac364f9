"""Built-in people."""
