"""Stages, checkpoints, run folders."""
