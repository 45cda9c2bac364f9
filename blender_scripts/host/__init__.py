"""The Blender that runs this: what differs between versions, its process and its output."""
