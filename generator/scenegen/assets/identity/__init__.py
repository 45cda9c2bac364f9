"""Which models have the same shape: one shape is never in training and in testing."""
