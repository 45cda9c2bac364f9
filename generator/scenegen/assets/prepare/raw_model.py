"""What a source gives for each model: a RawModel, which `prepare` turns into an asset, or the reason for a refusal."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scenegen.core.asset_library import Material, Provenance

MAX_TRIANGLES = 4_000_000  # more are refused: cleaning them would take minutes and many GB


@dataclass(frozen=True)
class RawModel:
    """A model before it is cleaned: metres, Z up, front toward -Y, at any place.

    vertices float (V, 3); faces int (F, 3); material_index int (F,) into `materials`; uvs float (F, 3, 2) or None;
    corner_normals float (F, 3, 3) or None: then `prepare` smooths edges flatter than `smooth_angle_deg`.
    `textures` holds image files by the path that a material's `textures` give. `shelf_height`, in metres above the
    base, is where a catalogue says that objects may stand, or None. `named_by_file`: other models may have the
    same name, so one that joins a library may get a number. `file_size`: the extents in the file's own
    numbers, before they were scaled to metres.
    """

    name: str
    class_name: str
    split: str
    family: str
    vertices: NDArray[np.floating[Any]]
    faces: NDArray[np.integer[Any]]
    material_index: NDArray[np.integer[Any]]
    materials: tuple[Material, ...]
    provenance: Provenance
    uvs: NDArray[np.floating[Any]] | None = None
    corner_normals: NDArray[np.floating[Any]] | None = None
    smooth_angle_deg: float = 40.0
    textures: Mapping[str, bytes] = field(default_factory=dict)
    shelf_height: float | None = None
    named_by_file: bool = False
    warnings: tuple[str, ...] = ()
    file_size: tuple[float, float, float] | None = None


@dataclass(frozen=True)
class Refused:
    """A model that cannot be used: which one (`what`), and why; the other models of the source are still read."""

    what: str
    why: str

    def __str__(self) -> str:
        return f"{self.what}: {self.why}"
