"""Data sets in formats that other programs read: BOP (6D poses), COCO (instance masks), glTF (meshes)."""
