"""Networks that rebuild and label a room in 3D, trained from generated data sets."""
