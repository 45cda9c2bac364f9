"""How a scene looks; never what its labels are."""
