"""Labelled 3D rooms and streets: layout, labels and data sets. Importing this needs neither bpy nor torch."""

__version__ = "0.1.0"
FORMAT = "scenegen/1"
