"""Every family of networks by its name; nothing else names one."""

from __future__ import annotations

import importlib
from functools import cache

from scenegen.core.errors import UsageError

from scenetrain.networks.contract import Family
from scenetrain.networks.painting import Painter

DEFAULT = "everted"

FAMILIES: dict[str, str] = {
    "disn": "scenetrain.networks.disn.family",
    "everted": "scenetrain.networks.everted.family",
    "lift": "scenetrain.networks.lift.family",
    "lift_frustum": "scenetrain.networks.lift.frustum_family",
    "pix2vox": "scenetrain.networks.pix2vox.family",
    "pix2vox_plus": "scenetrain.networks.pix2vox.plus_family",
    "r2n2": "scenetrain.networks.r2n2.family",
    "ssz": "scenetrain.networks.ssz.family",
    "ts3dsc": "scenetrain.networks.ts3dsc.family",
    "zgan": "scenetrain.networks.zgan.family",
}
"""Name to the module that holds FAMILY; a module is imported when its family is asked for."""

PAINTERS: dict[str, str] = {"pix2pixhd": "scenetrain.networks.pix2pixhd.family"}
"""The same of networks that paint photographs from edges."""


def family_names() -> tuple[str, ...]:
    """All names, sorted."""
    return tuple(sorted(FAMILIES))


def get_family(name: str) -> Family:
    """A family by name. Raises UsageError for a name that is not known."""
    if name in PAINTERS:
        raise UsageError(f"{name} paints images and labels nothing; `scenetrain fit` and `restyle` alone take it")
    if name not in FAMILIES:
        raise UsageError(f"no model {name!r}; known: {', '.join(family_names())}")
    return _import_family(FAMILIES[name])


@cache
def _import_family(module: str) -> Family:
    family = importlib.import_module(module).FAMILY
    assert isinstance(family, Family)
    return family


def get_painter(name: str) -> Painter:
    """A painter by name. Raises UsageError for a name that is none."""
    if name not in PAINTERS:
        raise UsageError(f"{name} paints no images; known: {', '.join(sorted(PAINTERS))}")
    painter = importlib.import_module(PAINTERS[name]).FAMILY
    assert isinstance(painter, Painter)
    return painter
