"""How far rendered images are from photographs, and what about them is unreal."""
