"""Everything that touches bpy; `generate.py` is the entry."""
