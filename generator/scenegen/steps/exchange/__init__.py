"""Data sets in formats that other programs read: BOP (6D poses) and COCO (instance masks)."""
