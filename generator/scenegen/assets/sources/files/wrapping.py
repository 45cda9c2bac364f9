"""Textures that do not repeat: what lies outside the image is put into a larger image, because prepared ones repeat."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scenegen.assets.prepare.textures import TextureError, tiled

MOST_TILES = 8
Ranges = tuple[tuple[int, int], tuple[int, int]]
ONE_TILE: Ranges = ((0, 1), (0, 1))


def wrap_textures(
    described: Sequence[dict[str, Any]],
    slots: Sequence[dict[str, str]],
    uvs: NDArray[np.float32],
    material_index: NDArray[np.int32],
    textures: dict[str, bytes],
) -> list[str]:
    """Enlarge the images of materials whose wrap modes are not "repeat", and fit the UVs to them, in place.

    described: materials as import_model writes them; slots: their textures, slot to path; uvs (F, 3, 2);
    material_index (F,). Returns warnings.
    """
    warnings = []
    for number, material in enumerate(described):
        modes = {slot: texture["wrap"] for slot, texture in material.get("textures", {}).items()}
        chosen = material_index == number
        if not slots[number] or not chosen.any() or all(mode == ["repeat", "repeat"] for mode in modes.values()):
            continue
        ranges = _ranges(uvs[chosen], [modes[slot] for slot in slots[number]])
        if ranges is None:
            warnings.append(f"{material['name']}: its textures repeat, because its UVs go over {MOST_TILES} images")
        elif ranges != ONE_TILE:
            try:
                larger = {slot: tiled(textures[path], ranges, modes[slot]) for slot, path in slots[number].items()}
            except TextureError as error:
                warnings.append(f"{material['name']}: its textures repeat, because one is unreadable: {error}")
                continue
            for slot, content in larger.items():
                slots[number][slot] += f"_wrapped_{number}"
                textures[slots[number][slot]] = content
            low, high = np.array(ranges, dtype=np.float32).T
            uvs[chosen] = (uvs[chosen] - low) / (high - low)
    return warnings


def _ranges(uvs: NDArray[np.float32], modes: Sequence[Sequence[str]]) -> Ranges | None:
    """The tiles that the larger image covers along u and v; None where there are too many."""
    found = []
    uvs = np.nan_to_num(uvs, nan=0.0, posinf=0.0, neginf=0.0)
    for axis in range(2):
        low, high = int(np.floor(uvs[..., axis].min() + 1e-4)), int(np.ceil(uvs[..., axis].max() - 1e-4))
        kinds = {mode[axis] for mode in modes}
        if kinds == {"repeat"} or (low >= 0 and high <= 1):
            found.append((0, 1))
        elif "clamp" not in kinds:
            found.append((0, 2))  # a mirrored pair repeats
        elif high - low > MOST_TILES:
            return None
        else:
            found.append((low, max(high, low + 1)))
    return found[0], found[1]
