"""What labels need of an asset: its triangles, and which of them are cut-outs.

The rule, from the alpha maps of the library, which the renderer reads too:

- A texel whose alpha is at least one half is opaque. A face exists where its texels are opaque (`cut_outs`). A file's
  own cutoff (glTF's MASK) is in the map already: preparation writes 255 at and above the cutoff and 0 below.
- A pane is whole: a face all of whose texels are below one half, but none of them (nearly) clear, is glass, as one of a
  material whose alpha is a single number or that transmits light. Its surface counts, although it is seen through.
- An asset without any opaque texel is whole, because it would have no labels.
- What is inside: a piece (faces that share vertices) that is at least half opaque and rather closed than flat stays the
  solid that it would be without its holes, as a car does whose windows are holes. Any other, such as a leaf, a fence
  or a cage, encloses nothing by its cut-out faces.

Standard library, numpy and pillow only, until a model has an alpha map.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from scenegen.core.asset_library import Asset, Material, Mesh
from scenegen.core.decoding import decode_png, read_file

if TYPE_CHECKING:
    from scenegen.core.labels.cut_outs import CutOut

OPAQUE = 0.5  # a texel of at least this alpha is opaque
CLEAR = 0.1  # one below this is a hole, in a pane too
SOLID_SHARE = 0.5  # a piece may be a solid if at least this share of its area is opaque
FLAT_SHARE = 0.5  # and if its faces' areas, added as vectors, are at most this share of their sum: 0 closed, 1 flat
LUMINANCE = np.array([0.2126, 0.7152, 0.0722])  # what Blender makes of a colour where it needs one number


SCANNED = "scanned"
"""Of an asset's findings: its triangles are what a scan saw of a surface, so they enclose nothing."""


class LabelMesh(NamedTuple):
    """Vertices (V, 3) in metres, asset frame; faces (F, 3) that are opaque all over; those that are so in part.

    `solid`: cells inside belong to it, and not those alone that its surface meets.
    """

    vertices: ArrayLike
    faces: ArrayLike
    cut_out: CutOut | None = None
    solid: bool = True


def label_mesh(asset: Asset, mesh: Mesh) -> LabelMesh:
    """The triangles of an asset as labels see them."""
    alpha = alpha_maps(asset)
    chosen = np.flatnonzero(np.isin(mesh.material_index, list(alpha)))
    if not len(chosen):
        return LabelMesh(mesh.vertices, mesh.faces, solid=not asset.findings.get(SCANNED, False))
    from scenegen.core.labels.cut_outs import CutOut, opaque_texels, texels_of_faces

    numbers = sorted(alpha)
    maps = np.searchsorted(numbers, mesh.material_index[chosen]).astype(np.int64)
    sizes = np.array([alpha[number].shape[::-1] for number in numbers], dtype=np.float64)
    uvs = np.zeros((len(mesh.faces), 3, 2)) if mesh.uvs is None else mesh.uvs
    places = uvs[chosen].astype(np.float64) * sizes[maps][:, None]
    texels = opaque_texels([alpha[number] >= OPAQUE for number in numbers])
    opaque = texels_of_faces(places, maps, texels)
    pane = opaque.found == 0
    seen = opaque_texels([alpha[number] >= CLEAR for number in numbers])
    pane[pane] = [n == most for most, n in zip(*texels_of_faces(places[pane], maps[pane], seen), strict=True)]
    whole = (opaque.found == opaque.all) | pane
    partly = ~whole & (opaque.found > 0)
    solid = np.ones(len(mesh.faces), dtype=np.bool_)
    solid[chosen] = whole
    if solid.all() or not (solid.any() or partly.any()):
        return LabelMesh(mesh.vertices, mesh.faces)
    share = solid.astype(np.float64)
    share[chosen[~whole]] = (opaque.found / opaque.all)[~whole]
    closing = mesh.faces[~solid & _encloses(mesh, share)].astype(np.int64)
    faces = mesh.faces[chosen[partly]].astype(np.int64)
    cut = CutOut(faces, places[partly], maps[partly], texels, closing) if len(faces) or len(closing) else None
    return LabelMesh(mesh.vertices, mesh.faces[solid], cut)


def _encloses(mesh: Mesh, share: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Which faces (F,) belong to a piece that is a solid, given the opaque share of each face (F,)."""
    from scenegen.core.labels.cut_outs import pieces

    _, piece = np.unique(pieces(mesh.faces.astype(np.int64), len(mesh.vertices)), return_inverse=True)
    a, b, c = (mesh.vertices[mesh.faces[:, n]].astype(np.float64) for n in range(3))
    vectors = np.cross(b - a, c - a)
    areas = np.linalg.norm(vectors, axis=1)
    total = np.bincount(piece, areas)
    opaque = np.bincount(piece, areas * share) >= SOLID_SHARE * total
    flat = np.linalg.norm([np.bincount(piece, vectors[:, axis]) for axis in range(3)], axis=0)
    solid: NDArray[np.bool_] = opaque & (flat <= FLAT_SHARE * total)
    return solid[piece]


def alpha_maps(asset: Asset) -> dict[int, NDArray[np.float64]]:
    """Alpha in [0, 1], (height, width), of each material (its number) that the renderer shows with an alpha map.

    A map that cannot be read is left out, as the renderer does.
    """
    maps = {}
    for number, material in enumerate(asset.materials):
        if material.alpha_map:
            alpha = _read_alpha(asset, material, material.alpha_map)
            if alpha is not None:
                maps[number] = alpha
    return maps


def _read_alpha(asset: Asset, material: Material, path: str) -> NDArray[np.float64] | None:
    try:
        pixels = decode_png(read_file(asset.folder / path), ("L", "RGB", "RGBA")).astype(np.float64) / 255.0
    except (OSError, ValueError):
        return None
    if path == material.textures.get("base_color"):
        return pixels[..., 3] if pixels.shape[2:] == (4,) else np.ones(pixels.shape[:2])
    return pixels if pixels.ndim == 2 else pixels[..., :3] @ LUMINANCE
