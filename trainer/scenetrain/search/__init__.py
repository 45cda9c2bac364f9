"""The search for learning rate, dropout and batch size."""
