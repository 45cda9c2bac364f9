"""Chairs, armchairs and stools; the person on it faces -Y."""

from __future__ import annotations

from scenegen.parametric.furniture.chair_shell import cantilever, one_piece, shell_chair, wire
from scenegen.parametric.furniture.chair_soft import armchair, office, tub, upholstered
from scenegen.parametric.furniture.chair_stool import bar_stool, stool
from scenegen.parametric.furniture.chair_wing import wingback
from scenegen.parametric.furniture.chair_wood import director, folding, ladder_back, slat_back, windsor
from scenegen.parametric.shapes.shapes import Families

TRAIN_FAMILIES: Families = {
    "slat-back": slat_back,
    "windsor": windsor,
    "folding": folding,
    "stool": stool,
    "bar-stool": bar_stool,
    "upholstered": upholstered,
    "armchair": armchair,
    "tub": tub,
    "office": office,
    "cantilever": cantilever,
    "shell": shell_chair,
}
TEST_FAMILIES: Families = {
    "ladder-back": ladder_back,
    "director": director,
    "wingback": wingback,
    "one-piece": one_piece,
    "wire": wire,
}
