"""What a scene is, and its form in scene.json."""
