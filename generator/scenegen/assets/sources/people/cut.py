"""Cuts clothes out of a skinned mesh: the part where a field is positive, moved outward and closed."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import trimesh
from numpy.typing import NDArray

from scenegen.assets.sources.people.body import Floats, Ints


@dataclass(frozen=True)
class Cloth:
    """A piece in the rest pose: points (N, 3), weights of the bones (N, B), faces (F, 3), a material for each face."""

    points: Floats
    skin: NDArray[np.float32]
    faces: Ints
    material: Ints

    def painted(self, material: int) -> Cloth:
        """The piece in one material."""
        return replace(self, material=np.full(len(self.faces), material))


def from_quads(points: Floats, skin: NDArray[np.float32], quads: Ints, material: int = 0) -> Cloth:
    """The triangles of some quads, with the vertices that they use."""
    used, inverse = np.unique(quads, return_inverse=True)
    q = inverse.reshape(quads.shape)
    faces = np.concatenate([q[:, [0, 1, 2]], q[:, [0, 2, 3]]])
    faces = faces[(faces[:, 0] != faces[:, 1]) & (faces[:, 1] != faces[:, 2]) & (faces[:, 0] != faces[:, 2])]
    return Cloth(points[used], skin[used], faces, np.full(len(faces), material))


def normals(points: Floats, faces: Ints) -> Floats:
    """Unit normals (N, 3) of vertices, weighted by the area of their faces."""
    twice_areas = trimesh.triangles.cross(points[faces])  # normals as long as twice their face's area
    return np.asarray(trimesh.geometry.mean_vertex_normals(len(points), faces, twice_areas))


def puffed(cloth: Cloth, thickness: Floats | float) -> Cloth:
    """The piece with its points moved outward by `thickness` in metres, one value or one per point (N,)."""
    thick = np.broadcast_to(np.asarray(thickness, np.float64), (len(cloth.points),))
    return replace(cloth, points=cloth.points + normals(cloth.points, cloth.faces) * thick[:, None])


def refined(cloth: Cloth, chosen: NDArray[np.bool_]) -> Cloth:
    """Cut each face that touches a `chosen` vertex (N,) in four, and its neighbours so that no gap opens."""
    touched = chosen[cloth.faces].any(axis=1)
    edges = np.sort(cloth.faces[:, [0, 1, 1, 2, 2, 0]].reshape(-1, 3, 2), axis=2)
    unique, inverse = np.unique(edges.reshape(-1, 2), axis=0, return_inverse=True)
    inverse = inverse.reshape(-1, 3)
    split = np.zeros(len(unique), bool)
    split[inverse[touched]] = True
    while True:  # faces with two cut edges are cut in four too, so that only one or three cut edges remain
        two = split[inverse].sum(axis=1) == 2
        if not two.any():
            break
        split[inverse[two]] = True
    middle = np.full(len(unique), -1)
    middle[split] = len(cloth.points) + np.arange(int(split.sum()))
    pairs = unique[split]
    faces: list[Ints] = []
    material: list[Ints] = []
    count = split[inverse].sum(axis=1)
    f, m = cloth.faces, middle[inverse]
    keep, all3 = count == 0, count == 3
    for rows, triangles in (
        (keep, (f,)),
        (
            all3,
            (
                np.stack([f[:, 0], m[:, 0], m[:, 2]], axis=1),
                np.stack([m[:, 0], f[:, 1], m[:, 1]], axis=1),
                np.stack([m[:, 2], m[:, 1], f[:, 2]], axis=1),
                np.stack([m[:, 0], m[:, 1], m[:, 2]], axis=1),
            ),
        ),
    ):
        faces += [t[rows] for t in triangles]
        material += [cloth.material[rows] for _ in triangles]
    for edge in range(3):
        rows = (count == 1) & (m[:, edge] >= 0)
        a, b, c = f[rows, edge], f[rows, (edge + 1) % 3], f[rows, (edge + 2) % 3]
        faces += [np.stack([a, m[rows, edge], c], axis=1), np.stack([m[rows, edge], b, c], axis=1)]
        material += [cloth.material[rows]] * 2
    return Cloth(
        np.concatenate([cloth.points, cloth.points[pairs].mean(axis=1)]),
        np.concatenate([cloth.skin, cloth.skin[pairs].mean(axis=1)]),
        np.concatenate(faces),
        np.concatenate(material),
    )


def cut(cloth: Cloth, field: Floats) -> tuple[Cloth, Floats]:
    """The part where `field` (N,) is positive, cut where it is zero, and the field at the points of that part."""
    inside = field > 0
    faces, material = cloth.faces, cloth.material
    count = inside[faces].sum(axis=1)
    whole = faces[count == 3]
    crossing = faces[(count == 1) | (count == 2)]
    alone = inside[crossing].sum(axis=1) == 1
    first = np.argmax(inside[crossing] == alone[:, None], axis=1)  # the corner that is alone on its side of the cut
    a, b, c = (np.take_along_axis(crossing, ((first + k) % 3)[:, None], 1)[:, 0] for k in range(3))
    edges = np.sort(np.concatenate([np.stack([a, b], 1), np.stack([a, c], 1)]), axis=1)
    unique, inverse = np.unique(edges, axis=0, return_inverse=True)
    inverse = inverse.reshape(-1) + len(cloth.points)
    ab, ac = inverse[: len(a)], inverse[len(a) :]
    share = field[unique[:, 0]] / (field[unique[:, 0]] - field[unique[:, 1]])
    share = np.clip(share, 0.02, 0.98)[:, None]
    p, s = cloth.points, cloth.skin
    points = np.concatenate([p, p[unique[:, 0]] * (1 - share) + p[unique[:, 1]] * share])
    skin = np.concatenate([s, (s[unique[:, 0]] * (1 - share) + s[unique[:, 1]] * share).astype(np.float32)])
    corner, rest = alone, ~alone
    new = np.concatenate(
        [
            whole,
            np.stack([a, ab, ac], axis=1)[corner],
            np.stack([ab, b, c], axis=1)[rest],
            np.stack([ab, c, ac], axis=1)[rest],
        ]
    )
    paint = material[(count == 1) | (count == 2)]
    materials = np.concatenate([material[count == 3], paint[corner], paint[rest], paint[rest]])
    used, index = np.unique(new, return_inverse=True)
    values = np.concatenate([field, np.zeros(len(unique))])
    return Cloth(points[used], skin[used], index.reshape(-1, 3), materials), values[used]


def closed(cloth: Cloth) -> Cloth:
    """The piece with each open rim closed by a fan of triangles to the rim's mean point."""
    points, skin, faces, material = [cloth.points], [cloth.skin], [cloth.faces], [cloth.material]
    count = len(cloth.points)
    for rim in rims(cloth.faces):
        points.append(cloth.points[rim].mean(axis=0, keepdims=True))
        skin.append(cloth.skin[rim].mean(axis=0, keepdims=True))
        following = np.roll(rim, -1)
        faces.append(np.stack([following, rim, np.full(len(rim), count)], axis=1))
        material.append(np.full(len(rim), cloth.material[0]))
        count += 1
    return Cloth(np.concatenate(points), np.concatenate(skin), np.concatenate(faces), np.concatenate(material))


def rims(faces: Ints) -> list[Ints]:
    """The open rims of a mesh, as loops of vertices in the direction of their faces' edges."""
    directed = faces[:, [0, 1, 1, 2, 2, 0]].reshape(-1, 2)
    size = int(faces.max()) + 1
    keys = directed[:, 0] * size + directed[:, 1]
    open_ = directed[~np.isin(directed[:, 1] * size + directed[:, 0], keys)]
    after: dict[int, list[int]] = {}
    for a, b in open_.tolist():
        after.setdefault(a, []).append(b)
    loops: list[Ints] = []
    for start in sorted(after):
        while after.get(start):
            loop = [start]
            while after.get(loop[-1]):
                step = after[loop[-1]].pop()
                if step == start:
                    break
                loop.append(step)
            loops.append(np.array(loop))
    return loops
