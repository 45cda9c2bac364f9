"""A .blend file as its renders show it. Blender evaluates objects as the viewport shows them."""

from __future__ import annotations

from typing import Any

import bpy


def show_as_rendered() -> None:
    """Give the viewport the settings of renders: hidden objects, modifiers and levels of subdivision."""
    for each in [*bpy.data.objects, *bpy.data.collections]:
        each.hide_viewport = each.hide_render
    layer = bpy.context.view_layer
    _open(layer.layer_collection)
    for each in layer.objects:
        each.hide_set(state=False)
    for each in bpy.data.objects:
        for modifier in each.modifiers:
            modifier.show_viewport = modifier.show_render
            for shown, rendered in (("levels", "render_levels"), ("steps", "render_steps")):
                if hasattr(modifier, shown) and hasattr(modifier, rendered):
                    setattr(modifier, shown, getattr(modifier, rendered))
    for curve in bpy.data.curves:
        curve.resolution_u = curve.render_resolution_u or curve.resolution_u
        curve.resolution_v = curve.render_resolution_v or curve.resolution_v
    for ball in bpy.data.metaballs:
        ball.resolution = ball.render_resolution


def _open(collection: Any) -> None:
    """Undo what hides a collection in the viewport alone."""
    collection.hide_viewport = False
    for child in collection.children:
        _open(child)
