"""One scene of a packed data set, read from its shard.

Standard library and numpy only at import: this runs inside Blender. PNG files go through pillow, imported on use.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from scenegen.core.dataset.shards import Block, scene_key, unpack_masks, unpack_pairs
from scenegen.core.dataset.stored_scene import StoredScene, decode_sixteen_bit, grid_shape
from scenegen.core.decoding import decode_gzip, decode_npz
from scenegen.core.errors import DamageError
from scenegen.core.scene.scene import MapSpec

U = TypeVar("U", bound=np.generic)
ReadBlock = Callable[[Block], Mapping[str, bytes]]

_STACKED = {"labels": "frusta", "instances": "frusta_instances", "visibility": "frusta_visibility"}
"""Arrays of frustum_K.npz, and what holds those of all cameras in a shard."""


class PackedScene(StoredScene):
    """A scene in a shard. Every access reads and checks its whole block, about 60 kB; with many views, that of one
    view.

    Images may come from JPEG. `read` gives the members of a block of `shard`, as `shards.read_block` does.
    """

    def __init__(
        self, shard: str, read: ReadBlock, block: Block, views: Mapping[int, Block] | None, map_spec: MapSpec
    ) -> None:
        self._views = views or {}
        name = f"{shard}/{scene_key(block.scene)}"
        advice = "copy the shard again, or pack the data set again"
        super().__init__(name, partial(_read_packed, name, read, block, self._views), advice, map_spec)

    @property
    def occupancy(self) -> NDArray[np.bool_]:
        """Bool (X, Y, Z): cells that any object occupies."""
        occupied: NDArray[np.bool_] = self.mask_bits != 0
        return occupied

    @property
    def masks(self) -> NDArray[np.bool_]:
        """Bool (X, Y, Z, C): cells that each class occupies; a cell may be of several."""
        return unpack_masks(self.mask_bits, len(self.classes))

    @property
    def mask_bits(self) -> NDArray[Any]:
        """Unsigned integers (X, Y, Z), uint8 up to 8 classes: bit c is class c."""
        bits = self._parse("labels.npz", lambda content: decode_npz(content, "masks", np.unsignedinteger, 3))
        return self._fitting(bits, "labels.npz", grid_shape)

    def _sixteen_bit(self, file: str) -> NDArray[np.uint16]:
        """A map by its file name in the folders; format 1 of the shards kept it as that PNG file."""
        name = file.partition("_")[0]

        def decode(content: bytes) -> NDArray[np.uint16]:
            return decode_npz(content, name, np.uint16, 2) if content.startswith(b"PK") else decode_sixteen_bit(content)

        return self._parse(file, decode)

    def frustum(self, k: int) -> NDArray[np.uint8]:
        """Camera k's frustum labels, uint8 (w, h, d): 0 = air, else class index + 1."""
        return self._fruxels(k, "labels", np.uint8)

    def _voxels(self, name: str, dtype: type[U]) -> NDArray[U]:
        name, _, number = name.partition("_")

        def decode(content: bytes) -> NDArray[Any]:
            if name == "instances":
                return decode_npz(content, name, dtype, 3)
            pairs = decode_npz(content, name, np.uint8, 4)
            # After those of the cameras, that of all.
            return unpack_pairs(pairs, int(number) if number else len(self.cameras))

        return self._fitting(self._parse("labels.npz", decode), "labels.npz", grid_shape)

    def _fruxels(self, k: int, name: str, dtype: type[U]) -> NDArray[U]:
        file, number = (f"labels_{k}.npz", 0) if k in self._views else ("labels.npz", k)

        def decode(content: bytes) -> NDArray[Any]:
            stacked = decode_npz(content, _STACKED[name], dtype, 4)
            if name == "visibility":
                return unpack_pairs(stacked, number)
            if not number < stacked.shape[-1]:
                raise ValueError(f"holds the frusta of {stacked.shape[-1]} cameras")
            return stacked[..., number]

        return self._fitting(self._parse(file, decode), file, lambda scene: scene.cameras[k].frustum.size)


def _read_packed(name: str, read: ReadBlock, block: Block, views: Mapping[int, Block], file: str) -> bytes:
    whole = file.split(".")[0]
    stem, _, number = whole.rpartition("_")
    members: Mapping[str, bytes] = {}
    if number.isdecimal() and int(number) in views and stem != "lidar":
        members = read(views[int(number)])
    if stem not in members and (not members or stem.startswith("grid_")):  # a rig's grids are not those of its views
        members, stem = read(block), whole
    if stem not in members:
        without = " (packed without --maps)" if stem.startswith(("depth", "instance", "normals")) else ""
        raise DamageError(f"{name}: holds no {stem}{without}; pack the data set again")
    return decode_gzip(members[stem]) if stem == "scene" else members[stem]
