"""Scenes as tensors, features and batches."""
