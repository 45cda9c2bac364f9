"""The prepared asset library: one folder per asset, the same for every Blender, read without parsing a source file.

    LIBRARY/<name>/asset.json     an Asset
    LIBRARY/<name>/mesh.npz       a Mesh, plus the support masks (uncompressed: a load is a copy)
    LIBRARY/<name>/textures/...   png or jpg

Asset frame: metres, Z up, front toward -Y, origin at the centre of the base. Standard library and numpy only: this
runs inside Blender.
"""

from __future__ import annotations

import dataclasses
import json
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scenegen.core.decoding import read_npz
from scenegen.core.errors import DamageError, ScenegenError
from scenegen.core.files import exchange, is_folder
from scenegen.core.fingerprint import fingerprint, from_text, to_text
from scenegen.core.json_values import from_json, read_json
from scenegen.core.scene.scene import Vector

FORMAT = "scenegen-asset/1"
GLASS_FROM = 0.5  # more transmission than this is drawn as thin glass
ArrayKind = tuple[type[np.generic], int]
"""A type, and a number of dimensions."""

_MESH_ARRAYS: dict[str, ArrayKind] = {
    "vertices": (np.floating, 2),
    "faces": (np.integer, 2),
    "corner_normals": (np.floating, 3),
    "material_index": (np.integer, 1),
    "uvs": (np.floating, 3),
}
_PREPARE_AGAIN = "prepare this model again (scenegen assets build, add or fetch)"


@dataclass(frozen=True)
class Mesh:
    """A triangle mesh in the asset frame; the renderer and the voxelizer use the same one.

    vertices float32 (V, 3) in metres; faces int32 (F, 3); corner_normals float32 (F, 3, 3), unit, one per face corner;
    uvs float32 (F, 3, 2) or None; material_index int32 (F,) into the asset's materials.
    """

    vertices: NDArray[np.float32]
    faces: NDArray[np.int32]
    corner_normals: NDArray[np.float32]
    uvs: NDArray[np.float32] | None
    material_index: NDArray[np.int32]


@dataclass(frozen=True)
class Material:
    """A surface, in terms that every Blender's Principled shader knows; colours are linear RGB in [0, 1].

    `kind` "plain" uses the numbers and `textures` (slot to path below the asset's folder; slots: base_color, normal,
    roughness, metallic, alpha, emission). The procedural kinds "wood", "fabric", "leather", "metal", "plastic",
    "glass", "paint", "stone" and "concrete" (poured, rolled or grown materials) make a node texture from base_color,
    color_2 and `scale` (metres per repeat); "brick" and "tiles" are courses of base_color, `scale` metres long, with
    joints of color_2.
    """

    name: str
    kind: str = "plain"
    base_color: Vector = (0.8, 0.8, 0.8)
    color_2: Vector = (0.8, 0.8, 0.8)
    metallic: float = 0.0
    roughness: float = 0.5
    transmission: float = 0.0
    ior: float = 1.45
    alpha: float = 1.0
    emission: Vector = (0.0, 0.0, 0.0)
    emission_strength: float = 0.0
    scale: float = 1.0
    textures: Mapping[str, str] = field(default_factory=dict)

    @property
    def is_thin_glass(self) -> bool:
        """Whether it is drawn as thin glass, without its textures."""
        return self.kind == "glass" or self.transmission > GLASS_FROM

    @property
    def alpha_map(self) -> str | None:
        """The path of the alpha texture that it shows, or None."""
        return self.textures.get("alpha") if self.kind == "plain" and not self.is_thin_glass else None


@dataclass(frozen=True)
class Support:
    """A flat top where children stand, as a raster in the asset frame's (x, y).

    `mask` cell (i, j) covers [origin + cell * (i, j), origin + cell * (i + 1, j + 1)] and is true where all of it is
    at `height` with nothing of the asset above.
    """

    height: float
    origin: tuple[float, float]
    cell: float
    mask: NDArray[np.bool_]


@dataclass(frozen=True)
class Provenance:
    """Where a model comes from and under which licence; `checksum` is the source's sha256 in hexadecimal."""

    title: str
    author: str
    licence: str
    source: str
    checksum: str


@dataclass(frozen=True)
class Asset:
    """What layout and rendering need to know about a model without its mesh; `folder` is its folder in the library.

    `fingerprint` is that of its shape before triangles were removed, as text; "" in an asset that is older than that.
    """

    name: str
    class_name: str
    split: str
    family: str
    size: Vector
    triangles: int
    materials: tuple[Material, ...]
    supports: tuple[Support, ...]
    provenance: Provenance
    findings: Mapping[str, Any]
    folder: Path
    fingerprint: str = ""


@dataclass(frozen=True)
class _SupportPlace:
    """A Support in asset.json, without its mask, which is in mesh.npz."""

    height: float
    origin: tuple[float, float]
    cell: float


@dataclass(frozen=True)
class _Entry:
    """asset.json: an Asset without its folder and its support masks."""

    name: str
    class_name: str
    split: str
    family: str
    size: Vector
    triangles: int
    materials: tuple[Material, ...]
    supports: tuple[_SupportPlace, ...]
    provenance: Provenance
    findings: Mapping[str, Any]
    fingerprint: str = ""


def default_library() -> Path:
    """The default library: $SCENEGEN_ASSETS, or ~/.scenegen/assets."""
    return Path(os.environ.get("SCENEGEN_ASSETS") or Path.home() / ".scenegen" / "assets")


def write_asset(library: Path, asset: Asset, mesh: Mesh, textures: Mapping[str, bytes]) -> Path:
    """Write an asset whole or not at all, replacing one of the same name; return its folder.

    `asset.folder` is ignored. `textures` maps paths below the folder ("textures/x.png") to file contents.
    """
    library.mkdir(parents=True, exist_ok=True)
    staging = Path(tempfile.mkdtemp(prefix=".writing-", dir=library))
    try:
        arrays: dict[str, Any] = {k: v for k, v in vars(mesh).items() if v is not None}
        for number, support in enumerate(asset.supports):
            arrays[f"support_{number}"] = support.mask
        np.savez(staging / "mesh.npz", **arrays)
        for path, content in textures.items():
            (staging / path).parent.mkdir(parents=True, exist_ok=True)
            (staging / path).write_bytes(content)
        (staging / "asset.json").write_text(json.dumps(_asset_to_json(asset), indent=1), encoding="utf-8")
        return _put_in_place(staging, library / asset.name)
    finally:
        shutil.rmtree(staging, ignore_errors=True)


def _put_in_place(staging: Path, folder: Path) -> Path:
    staging.chmod(0o755)
    if not folder.exists():
        staging.rename(folder)
    elif not exchange(staging, folder):
        # For a moment there is none. After a kill, whoever next changes the library puts it back.
        retired = Path(tempfile.mkdtemp(prefix=".retired-", dir=folder.parent))
        folder.replace(retired / folder.name)
        staging.rename(folder)
        shutil.rmtree(retired)
    return folder


def remove_unfinished(library: Path) -> None:
    """Clean up after processes that died while they wrote an asset. For the holder of the library's lock."""
    for staging in library.glob(".writing-*"):
        shutil.rmtree(staging, ignore_errors=True)
    for retired in library.glob(".retired-*"):
        for folder in retired.iterdir():
            if not (library / folder.name).exists():
                folder.rename(library / folder.name)
        shutil.rmtree(retired, ignore_errors=True)


def list_assets(library: Path, split: str | None = None) -> tuple[Asset, ...]:
    """Every asset (of one split), sorted by name, so that layouts do not depend on the order of a directory."""
    return tuple(asset for asset in map(read_asset, asset_folders(library)) if split in (None, asset.split))


def asset_folders(library: Path) -> Iterator[Path]:
    """The folder of every asset, sorted by name; ScenegenError when there is no library."""
    if not is_folder(library):
        raise ScenegenError(f"{library}: no asset library here; run `scenegen assets build --assets {library}`")
    for folder in sorted(library.iterdir()):
        if not folder.name.startswith(".") and (folder / "asset.json").is_file():
            yield folder


def read_asset(folder: Path) -> Asset:
    """Read one asset's description and its support masks; its mesh stays on disk. DamageError when it is damaged."""
    entry = read_json(folder / "asset.json", partial(from_json, _Entry), (FORMAT,), _PREPARE_AGAIN)
    kinds = {f"support_{number}": (np.bool_, 2) for number in range(len(entry.supports))}
    supports = tuple(
        Support(place.height, place.origin, place.cell, mask)
        for place, mask in zip(entry.supports, _read_arrays(folder, kinds), strict=True)
    )
    fields = {field.name: getattr(entry, field.name) for field in dataclasses.fields(_Entry)}
    return Asset(**{**fields, "supports": supports, "folder": folder})


def read_mesh(asset: Asset) -> Mesh:
    """Read an asset's mesh. DamageError when it is damaged."""
    vertices, faces, corner_normals, material_index, *uvs = _read_arrays(asset.folder, _MESH_ARRAYS, optional="uvs")
    mesh = Mesh(vertices, faces, corner_normals, uvs[0] if uvs else None, material_index)
    if wrong := _wrong_in(mesh, len(asset.materials)):
        raise DamageError(f"{asset.folder / 'mesh.npz'}: damaged ({wrong}); {_PREPARE_AGAIN}")
    return mesh


def _wrong_in(mesh: Mesh, materials: int) -> str:
    """What is wrong with a mesh; "" when nothing is."""
    count = len(mesh.faces)
    shapes = {"vertices": (len(mesh.vertices), 3), "faces": (count, 3), "corner_normals": (count, 3, 3)}
    for name, shape in {**shapes, "uvs": (count, 3, 2), "material_index": (count,)}.items():
        array = getattr(mesh, name)
        if array is not None and array.shape != shape:
            return f"{name} {array.shape}, but should be {shape}"
    for name, indices, most in (
        ("faces", mesh.faces, len(mesh.vertices)),
        ("material_index", mesh.material_index, max(materials, 1)),
    ):
        if count and not 0 <= indices.min() <= indices.max() < most:
            return f"{name} are not all from 0 to {most - 1}"
    return "" if np.isfinite(mesh.vertices).all() else "vertices are not finite"


def with_fingerprint(asset: Asset) -> Asset:
    """The asset with its fingerprint: its own, or that of its mesh when it has none. DamageError: it is damaged."""
    if not asset.fingerprint:
        mesh = read_mesh(asset)
        return dataclasses.replace(asset, fingerprint=to_text(fingerprint(mesh.vertices, mesh.faces)))
    try:
        from_text(asset.fingerprint)
    except ValueError as error:
        raise DamageError(f"{asset.folder / 'asset.json'}: damaged ({error}); {_PREPARE_AGAIN}") from error
    return asset


def _read_arrays(folder: Path, kinds: Mapping[str, ArrayKind], optional: str = "") -> list[NDArray[Any]]:
    """Arrays of mesh.npz by name and kind; an `optional` one only if it is there."""
    if not kinds:
        return []
    file = folder / "mesh.npz"
    try:
        return read_npz(file, kinds, optional)
    except FileNotFoundError as error:
        raise DamageError(f"{file}: missing; {_PREPARE_AGAIN}") from error
    except OSError as error:
        raise DamageError(f"{file}: cannot be read ({error.strerror or error}); {_PREPARE_AGAIN}") from error
    except ValueError as error:
        raise DamageError(f"{file}: damaged ({error}); {_PREPARE_AGAIN}") from error


def _asset_to_json(asset: Asset) -> dict[str, Any]:
    return {
        "format": FORMAT,
        "name": asset.name,
        "class": asset.class_name,
        "split": asset.split,
        "family": asset.family,
        "size": asset.size,
        "triangles": asset.triangles,
        "materials": [dataclasses.asdict(m) for m in asset.materials],
        "supports": [{"height": s.height, "origin": s.origin, "cell": s.cell} for s in asset.supports],
        "provenance": dataclasses.asdict(asset.provenance),
        "findings": dict(asset.findings),
        "fingerprint": asset.fingerprint,
    }
