"""Bedside tables with flat tops; drawers and doors face -Y."""

from __future__ import annotations

from scenegen.parametric.furniture.nightstand_common import (
    door,
    drawer_shelf,
    drawers,
    drum,
    metal_frame,
    open_cube,
    posts,
)
from scenegen.parametric.furniture.nightstand_unseen import crates, louvred, midcentury, three_legged
from scenegen.parametric.shapes.shapes import Families

TRAIN_FAMILIES: Families = {
    "drawers": drawers,
    "posts": posts,
    "drawer-shelf": drawer_shelf,
    "open-cube": open_cube,
    "round-drum": drum,
    "door": door,
    "metal-frame": metal_frame,
}
TEST_FAMILIES: Families = {
    "louvred": louvred,
    "midcentury": midcentury,
    "crates": crates,
    "three-legged": three_legged,
}
