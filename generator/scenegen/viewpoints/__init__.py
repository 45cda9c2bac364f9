"""Where to put the cameras of a room: how much they see of many layouts, and the places that see most."""
