"""Textures that do not repeat, or that a material places otherwise than its first one: their images are made anew.

Prepared images repeat, and all images of a material share its UVs.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scenegen.assets.prepare.textures import TextureError, tiled

MOST_TILES = 8
REPEAT = ["repeat", "repeat"]
Ranges = tuple[tuple[int, int], tuple[int, int]]
ONE_TILE: Ranges = ((0, 1), (0, 1))


def wrap_textures(
    described: Sequence[dict[str, Any]],
    slots: Sequence[dict[str, str]],
    uvs: NDArray[np.float32],
    material_index: NDArray[np.int32],
    textures: dict[str, bytes],
) -> list[str]:
    """Enlarge or turn the images of materials that do not simply repeat on its UVs, and fit the UVs to them, in place.

    described: materials as import_model writes them; slots: their textures, slot to path; uvs (F, 3, 2);
    material_index (F,). Returns warnings.
    """
    warnings = []
    for number, material in enumerate(described):
        own = slots[number]
        named = {slot: material["textures"][slot] for slot in own}
        chosen = material_index == number
        moves = {slot: _relative(texture["uv_transform"], material["uv_transform"]) for slot, texture in named.items()}
        if not chosen.any() or all(named[slot]["wrap"] == REPEAT and _is_identity(moves[slot]) for slot in own):
            continue
        for slot in [slot for slot, move in moves.items() if move is None]:
            warnings.append(f"{material['name']}: its {slot} texture is not shown, because others have a size of 0")
            own.pop(slot)
        modes = [named[slot]["wrap"] if _repeats(moves[slot]) else ["free", "free"] for slot in own]
        ranges = _ranges(uvs[chosen], modes)
        if ranges is None:
            warnings.append(f"{material['name']}: its textures repeat, because its UVs go over {MOST_TILES} images")
            for slot in [slot for slot in own if not _is_identity(moves[slot])]:
                warnings.append(f"{material['name']}: its {slot} texture is not shown, because it is placed otherwise")
                own.pop(slot)
            continue
        if ranges == ONE_TILE and all(_is_identity(moves[slot]) for slot in own):
            continue
        try:
            larger = {
                slot: tiled(textures[path], ranges, named[slot]["wrap"], moves[slot], normals=slot == "normal")
                for slot, path in own.items()
            }
        except TextureError as error:
            warnings.append(f"{material['name']}: its textures repeat, because one is unreadable: {error}")
            continue
        for slot, content in larger.items():
            own[slot] += f"_wrapped_{number}"
            textures[own[slot]] = content
        low, high = np.array(ranges, dtype=np.float32).T
        uvs[chosen] = (uvs[chosen] - low) / (high - low)
    return warnings


def _matrix(transform: Sequence[float] | None) -> NDArray[np.float64]:
    """The matrix (3, 3) of a scale, a rotation and an offset of UVs, in that order."""
    su, sv, turn, u, v = transform or (1.0, 1.0, 0.0, 0.0, 0.0)
    cos, sin = np.cos(turn), np.sin(turn)
    return np.array([[cos * su, -sin * sv, u], [sin * su, cos * sv, v], [0.0, 0.0, 1.0]])


def _relative(own: Sequence[float] | None, first: Sequence[float] | None) -> NDArray[np.float64] | None:
    """What brings UVs with the transform `first` to those with `own` (2, 3); None where `first` leaves no area."""
    if own == first:
        return np.eye(2, 3)
    matrix = _matrix(first)
    if abs(np.linalg.det(matrix)) < 1e-12:
        return None
    found: NDArray[np.float64] = (_matrix(own) @ np.linalg.inv(matrix))[:2]
    return found


def _is_identity(move: NDArray[np.float64] | None) -> bool:
    return move is not None and np.allclose(move, np.eye(2, 3), atol=1e-5)


def _repeats(move: NDArray[np.float64] | None) -> bool:
    """Whether an image that repeats on its own UVs also repeats, with period 1, on the material's."""
    return move is not None and np.allclose(move[:, :2], np.round(move[:, :2]), atol=1e-4)


def _ranges(uvs: NDArray[np.float32], modes: Sequence[Sequence[str]]) -> Ranges | None:
    """The tiles that the larger image covers along u and v; None where there are too many."""
    found = []
    uvs = np.nan_to_num(uvs, nan=0.0, posinf=0.0, neginf=0.0)
    for axis in range(2):
        low, high = int(np.floor(uvs[..., axis].min() + 1e-4)), int(np.ceil(uvs[..., axis].max() - 1e-4))
        kinds = {mode[axis] for mode in modes}
        if kinds <= {"repeat"} or (low >= 0 and high <= 1):
            found.append((0, 1))
        elif kinds <= {"repeat", "mirror"}:
            found.append((0, 2))  # a mirrored pair repeats
        elif high - low > MOST_TILES:
            return None
        else:
            found.append((low, max(high, low + 1)))
    return found[0], found[1]
