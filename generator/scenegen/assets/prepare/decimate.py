"""Brings a mesh within its triangle budget and keeps every connected piece of it."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from scenegen.assets.prepare.clean import MERGE_DISTANCE, Triangles, connected, merge_vertices
from scenegen.assets.prepare.flat import dissolve_flat
from scenegen.assets.prepare.leaves import joined, loose_leaves, thin_out
from scenegen.assets.prepare.resample import resample
from scenegen.assets.prepare.shape import Shape, alike, shape_of
from scenegen.assets.prepare.tidy import tidied
from scenegen.assets.prepare.triangles import face_areas

LEAF_SHARE = 0.8  # share of the triangle budget for a tree's leaves
TOLERANCE = 0.02  # a piece may lose so much of its volume, extent and silhouette
HIDDEN = 0.0025  # where a mesh has too many pieces: the same, as a share of the whole mesh's
FEWEST = 12  # triangles of a piece: a closed box
FEWEST_HIDDEN = 4  # of a piece too small to be seen beside the others: a closed tetrahedron
LEAST_WELD = 1 / 2000  # where slivers block every collapse, vertices closer than this share of the size are merged
WORTH_A_WORD = 1.25  # what so many times the budget costs in memory and time, nobody notices
PATIENCE = (2, 3, 4)  # how fast the library raises the error that a collapse may make: the most careful first

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


def decimate(mesh: Triangles, budget: int) -> tuple[Triangles, str | None]:
    """Simplify a mesh to about `budget` triangles; keep materials and UVs, drop corner normals.

    Returns the mesh, and a warning where it has over WORTH_A_WORD times the budget, because fewer would change its
    shape.
    Flat patches are dissolved first. The rest of the budget goes to the connected pieces by their area. Each piece
    keeps its volume, extent and silhouette within TOLERANCE; where all pieces together are then over budget, within
    HIDDEN of the whole mesh's. Vertices at the same place must be merged.
    """
    if len(mesh.faces) <= budget:
        return mesh, None
    leaves = loose_leaves(mesh)
    if leaves is not None:
        kept = thin_out(mesh, leaves, int(LEAF_SHARE * budget))
        body = mesh.keep(leaves < 0)
        if not len(body.faces):
            return kept, None
        body, warning = decimate(body, budget - len(kept.faces))
        return joined(body, kept), warning
    mesh = merge_vertices(dissolve_flat(mesh))[0]
    if len(mesh.faces) <= budget:
        return mesh, None
    pieces = _pieces(mesh)
    simple = _within_budget(pieces, budget, shape_of(mesh.vertices, mesh.faces))
    made = [
        piece if len(faces) == len(piece.faces) else resample(piece, points, faces)
        for piece, (points, faces) in zip(pieces, simple, strict=True)
    ]
    result = _together(made)
    if len(result.faces) <= WORTH_A_WORD * budget:
        return result, None
    return result, (
        f"{len(result.faces):,} triangles instead of {budget:,}: fewer would change its shape by more than "
        f"{TOLERANCE:.0%}; simplify the model by hand if that is too many"
    )


class _Mesh(NamedTuple):
    """vertices (V, 3) and faces (F, 3)."""

    vertices: Floats
    faces: Ints


def _within_budget(pieces: list[Triangles], budget: int, whole: Shape) -> list[_Mesh]:
    """The pieces, simplified until together they have `budget` triangles or none can have fewer."""
    areas = np.array([face_areas(piece.vertices[piece.faces]).sum() for piece in pieces])
    simple = [_Mesh(piece.vertices, piece.faces) for piece in pieces]
    kinds = [_kind(piece, area) for piece, area in zip(pieces, areas, strict=True)]

    def bring_to(targets: Ints, beside: Shape | None = None) -> Ints:
        reached: dict[tuple[Any, ...], int] = {}
        for number, target in enumerate(targets):
            if len(simple[number].faces) > target:
                # What one bolt needed, the others of its kind need too: the search for the fewest is made once.
                kind = *kinds[number], len(simple[number].faces), int(target)
                fewest = max(int(target), reached.get(kind, 0))
                simple[number] = _simplest(pieces[number], simple[number], fewest, beside)
                reached.setdefault(kind, len(simple[number].faces))
        return np.array([len(mesh.faces) for mesh in simple])

    targets = _shares(budget, np.array([len(piece.faces) for piece in pieces]), areas)
    left = bring_to(targets)
    stuck = left > targets
    if left.sum() > budget and left[stuck].sum() < budget:  # the others make room
        targets = left.copy()
        targets[~stuck] = _shares(budget - left[stuck].sum(), left[~stuck], areas[~stuck])
        left = bring_to(targets)
    if left.sum() > budget:
        bring_to(_shares(budget, left, areas, FEWEST_HIDDEN), whole)
    return simple


def _pieces(mesh: Triangles) -> list[Triangles]:
    """The connected pieces, each with its own vertices alone."""
    part = connected(mesh.faces, len(mesh.vertices))[mesh.faces[:, 0]]
    order = np.argsort(part, kind="stable")
    ends = np.flatnonzero(np.diff(part[order])) + 1
    return [_compact(mesh.keep(chosen)) for chosen in np.split(order, ends)]


def _kind(piece: Triangles, area: float) -> tuple[int, int, float]:
    """The same for copies of a piece, however they are turned: numbers of faces and vertices, and area."""
    return len(piece.faces), len(piece.vertices), float(f"{area:.4g}")


def _compact(mesh: Triangles) -> Triangles:
    used, faces = np.unique(mesh.faces, return_inverse=True)
    return Triangles(mesh.vertices[used], faces.reshape(-1, 3), mesh.material_index, mesh.uvs, mesh.normals)


def _together(pieces: list[Triangles]) -> Triangles:
    whole = pieces[0]
    starts = np.cumsum([0] + [len(piece.vertices) for piece in pieces])
    faces = np.concatenate([piece.faces + start for piece, start in zip(pieces, starts, strict=False)])
    vertices = np.concatenate([piece.vertices for piece in pieces])
    uvs = None if whole.uvs is None else np.concatenate([p.uvs for p in pieces if p.uvs is not None])
    return Triangles(vertices, faces, np.concatenate([p.material_index for p in pieces]), uvs, None)


def _shares(budget: int, sizes: Ints, areas: Floats, fewest: int = FEWEST) -> Ints:
    """How many triangles each piece gets: by area, at least `fewest`, at most what it has."""
    share = np.minimum(sizes, fewest).astype(np.float64)
    for _ in range(30):  # what a piece cannot use goes to the others
        open_ = share < sizes
        spare = budget - share.sum()
        if spare < 1 or not open_.any():
            break
        share[open_] = np.minimum(sizes[open_], share[open_] + spare * areas[open_] / max(areas[open_].sum(), 1e-300))
    return share.astype(np.int64)


def _simplest(piece: Triangles, begun: _Mesh, target: int, whole: Shape | None) -> _Mesh:
    """The piece, of which `begun` is a simple form, with `target` triangles, or as few more as its shape needs.

    Its shape must stay within TOLERANCE of its own, or, where `whole` is given, within HIDDEN of the whole mesh's.
    """
    frame = None if whole is None else (whole.low, whole.high)
    before = shape_of(piece.vertices, piece.faces, frame)
    frame = frame or (before.low, before.high)
    tolerance = TOLERANCE if whole is None else HIDDEN

    def keeps_shape(mesh: _Mesh) -> bool:
        return len(mesh.faces) > 0 and alike(before, shape_of(mesh.vertices, mesh.faces, frame), tolerance, whole)

    # Where the library gave up before the target, it gives the same mesh for every lower target.
    given_up: dict[tuple[int, int], tuple[_Mesh, _Mesh, bool]] = {}

    def simpler_than(mesh: _Mesh, patience: int) -> tuple[_Mesh, bool]:
        """The mesh with fewer triangles where the library finds a way, and whether it keeps the shape."""
        known = given_up.get((id(mesh), patience))
        if known is not None and len(known[1].faces) > target:
            return known[1:]
        simpler = _collapse_edges(mesh, target, patience)
        keeps = len(simpler.faces) >= len(mesh.faces) or keeps_shape(simpler)
        if len(simpler.faces) > target:
            given_up[id(mesh), patience] = mesh, simpler, keeps
        return simpler, keeps

    def collapsed(mesh: _Mesh) -> tuple[_Mesh, bool]:
        """The simplest mesh of the same shape, and whether its shape, not the library, stopped it."""
        for patience in PATIENCE:
            if len(mesh.faces) > target:
                simpler, keeps = simpler_than(mesh, patience)
                if not keeps:
                    return mesh, True
                if len(simpler.faces) < len(mesh.faces):
                    mesh = simpler
        return mesh, False

    best, blocked_by_shape = collapsed(begun)
    if len(best.faces) > target:
        flat = _without_flat(begun)
        if len(flat.faces) < len(begun.faces) and keeps_shape(flat):
            made, by_shape = collapsed(flat)
            if len(made.faces) < len(best.faces):
                best, blocked_by_shape = made, by_shape
    share = LEAST_WELD
    while len(best.faces) > target and not blocked_by_shape:  # slivers block every collapse
        welded = _Mesh(*tidied(*best, share))
        if not keeps_shape(welded):
            break
        best, blocked_by_shape = collapsed(welded)
        share *= 2
    target += target // 2 + 1  # more triangles, a closer shape
    while len(best.faces) > target:
        best, _ = collapsed(best)
        target += target // 2 + 1
    return best


def _without_flat(mesh: _Mesh) -> _Mesh:
    """Dissolve flat patches whatever their materials and UVs, which `resample` finds again."""
    left = dissolve_flat(Triangles(mesh.vertices, mesh.faces, np.zeros(len(mesh.faces), dtype=np.int64), None, None))
    return _Mesh(left.vertices, left.faces)


def _collapse_edges(mesh: _Mesh, target: int, patience: int) -> _Mesh:
    """Collapse edges, the least harmful first, until `target` triangles are left or every collapse does harm."""
    import fast_simplification

    extent = float(np.ptp(mesh.vertices, axis=0).max())  # the library's thresholds are absolute
    share = 1.0 - target / len(mesh.faces)
    points, faces = fast_simplification.simplify(
        mesh.vertices / extent, mesh.faces.astype(np.int32), share, agg=patience
    )
    return _Mesh(*tidied(points.astype(np.float64) * extent, faces.astype(np.int64), MERGE_DISTANCE))
