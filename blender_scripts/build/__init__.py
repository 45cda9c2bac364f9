"""A Scene becomes Blender objects: meshes, materials, room, lights."""
