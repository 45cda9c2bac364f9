"""Labels of cut-out faces: values computed by hand, and brute force by trimesh's rays and by points on the surface."""

from __future__ import annotations

from functools import reduce
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import trimesh
from helpers.cut_out_assets import CHECKER, Cards, card, write_cut_out
from numpy.typing import NDArray
from scenegen.core.asset_library import Material, read_asset, read_mesh
from scenegen.core.labels.cut_outs import CutOut, opaque_texels
from scenegen.core.labels.depth_and_instances import rasterize
from scenegen.core.labels.grids import BoxGrid, FrustumGrid, Grid, cell_centres, to_grid_space
from scenegen.core.labels.label_meshes import LabelMesh, label_mesh
from scenegen.core.labels.voxelize import mark_cells
from scenegen.core.scene.scene import Camera, FrustumSpec, Matrix4

CELLS = BoxGrid((-0.5, -0.5, 0.0), 0.125, (8, 8, 8))
NO_FACES = np.zeros((0, 3), dtype=np.int64)


def occupied(mesh: LabelMesh, grid: Grid) -> NDArray[np.bool_]:
    cells = np.zeros(grid.shape, dtype=np.bool_)
    mark_cells(cells, mesh.vertices, mesh.faces, grid, mesh.cut_out, value=True)
    return cells


def view(eye: tuple[float, float, float], target: tuple[float, float, float], focal: float, size: int) -> Camera:
    forward = np.subtract(target, eye) / np.linalg.norm(np.subtract(target, eye))
    right = np.cross(forward, [0.0, 0.0, 1.0])
    right /= np.linalg.norm(right)
    pose = np.eye(4)
    pose[:3, :3] = [right, np.cross(forward, right), forward]
    pose[:3, 3] = -pose[:3, :3] @ eye
    matrix: Matrix4 = tuple(map(tuple, pose.tolist()))  # type: ignore[assignment]
    K = ((focal, 0.0, size / 2), (0.0, focal, size / 2), (0.0, 0.0, 1.0))
    return Camera("view", size, size, K, matrix, FrustumSpec(0.5, 7.0, (8, 8, 8), 60.0))


@pytest.fixture(scope="module")
def checker(tmp_path_factory: pytest.TempPathFactory) -> LabelMesh:
    """An upright card of 1 x 1 m at y = .0625, 8 x 8 texels of one cell each, the lower left one opaque."""
    folder = write_cut_out(tmp_path_factory.mktemp("library"), "card", "bag", card(1.0, 1.0, y=0.0625), CHECKER)
    asset = read_asset(folder)
    return label_mesh(asset, read_mesh(asset))


def test_a_checker_card_has_the_cells_of_its_opaque_texels(checker: LabelMesh) -> None:
    i, k = np.indices((8, 8))
    expected = np.zeros(CELLS.shape, dtype=bool)
    expected[:, 4, :] = (i + k) % 2 == 0
    assert np.array_equal(occupied(checker, CELLS), expected)


def test_a_checker_card_has_the_pixels_of_its_opaque_texels(checker: LabelMesh) -> None:
    """Seen at a distance of 2 m with a focal length of 128 pixels, a texel is 8 x 8 pixels."""
    camera = view((0.0, 0.0625 - 2.0, 0.5), (0.0, 0.0625, 0.5), 128.0, 96)
    depth, instance = rasterize([(4, checker.vertices, checker.faces, checker.cut_out)], camera, None)
    row, column = np.indices((64, 64)) // 8
    expected = np.zeros((96, 96), dtype=np.uint16)
    expected[16:80, 16:80] = np.where((7 - row + column) % 2 == 0, 5, 0)
    assert np.array_equal(instance, expected)
    assert np.array_equal(depth, np.where(expected, np.float32(2.0), np.float32(0.0)))


def test_through_its_holes_the_room_and_what_stands_behind_are_seen(checker: LabelMesh) -> None:
    camera = view((0.0, -1.0, 0.5), (0.0, 0.0, 0.5), 60.0, 32)
    wall, faces = np.add(checker.vertices, (0.0, 0.5, 0.0)), np.array([[0, 1, 2], [0, 2, 3]])
    card_alone = rasterize([(0, checker.vertices, checker.faces, checker.cut_out)], camera, None)[1] > 0
    wall_alone = rasterize([(1, wall, faces)], camera, None)[1] > 0
    depth, instance = rasterize(
        [(0, checker.vertices, checker.faces, checker.cut_out), (1, wall, faces)], camera, (4.0, 4.0, 3.0)
    )
    assert np.array_equal(instance, np.where(card_alone, 1, np.where(wall_alone, 2, 0)))
    assert depth[instance == 2] == pytest.approx(1.5625) and depth[instance == 1] == pytest.approx(1.0625)
    assert depth[instance == 0] == pytest.approx(3.0, rel=0.3)


def test_an_opaque_map_changes_no_label(tmp_path: Path) -> None:
    asset = read_asset(write_cut_out(tmp_path, "card", "bag", card(1.0, 1.0), np.full((8, 8), 255)))
    mesh = label_mesh(asset, read_mesh(asset))
    assert mesh.cut_out is None and np.array_equal(np.asarray(mesh.faces), read_mesh(asset).faces)


@pytest.mark.parametrize("alpha", [128, 255])
def test_a_texel_of_one_half_is_opaque(tmp_path: Path, alpha: int) -> None:
    half = np.full((8, 8), 127)
    half[:, :4] = alpha
    asset = read_asset(write_cut_out(tmp_path, "card", "bag", card(1.0, 1.0, y=0.0625), half))
    cells = occupied(label_mesh(asset, read_mesh(asset)), CELLS)
    assert cells[:4, 4].all() and cells.sum() == 32


def test_a_pane_is_whole_and_so_is_a_model_without_any_opaque_texel(tmp_path: Path) -> None:
    """Glass: alpha below one half everywhere, and nowhere clear. Nothing would be left of a model that is all clear."""
    for name, alpha in (("pane", 77), ("clear", 0)):
        asset = read_asset(write_cut_out(tmp_path, name, "bag", card(1.0, 1.0), np.full((4, 4), alpha)))
        mesh = label_mesh(asset, read_mesh(asset))
        assert mesh.cut_out is None and len(np.asarray(mesh.faces)) == 2


def test_thin_glass_shows_no_texture(tmp_path: Path) -> None:
    glass = Material("glass", transmission=1.0)
    asset = read_asset(write_cut_out(tmp_path, "card", "bag", card(1.0, 1.0), CHECKER, glass))
    assert label_mesh(asset, read_mesh(asset)).cut_out is None


def test_a_clear_face_beside_an_opaque_one_is_not_there(tmp_path: Path) -> None:
    """Two cards; the UVs of one lie in the clear half of the map, those of the other in the opaque half."""
    left, right = card(0.5, 1.0, x=-0.25, y=0.0625, u=(0.0, 0.5)), card(0.5, 1.0, x=0.25, y=0.0625, u=(0.5, 1.0))
    alpha = np.zeros((8, 8))
    alpha[:, 4:] = 255
    asset = read_asset(write_cut_out(tmp_path, "pair", "bag", left.joined(right), alpha))
    mesh = label_mesh(asset, read_mesh(asset))
    assert mesh.cut_out is None and len(np.asarray(mesh.faces)) == 2
    cells = occupied(mesh, CELLS)
    assert cells[4:, 4].all() and not cells[:3].any()


def random_cut_out(seed: int, faces: int) -> LabelMesh:
    """Loose triangles whose maps repeat, are mirrored, stretched or, on some, a single line of texels."""
    random = np.random.default_rng(seed)
    vertices = random.uniform((-0.6, -0.6, 0.0), (0.6, 0.6, 1.2), (faces, 1, 3)) + random.normal(0, 0.25, (faces, 3, 3))
    maps = [random.random((5, 9)) < 0.4, random.random((16, 16)) < 0.2]
    chosen = random.integers(0, 2, faces)
    places = random.uniform(-20, 30, (faces, 1, 2)) + random.normal(0, 6, (faces, 3, 2))
    places[: faces // 8, :, 0] = places[: faces // 8, :1, 0]
    corners = np.arange(3 * faces).reshape(-1, 3)
    cut = CutOut(corners, places, chosen.astype(np.int64), opaque_texels(maps), NO_FACES)
    return LabelMesh(vertices.reshape(-1, 3), NO_FACES, cut)


def opaque_points(cut: CutOut, face: NDArray[Any], weights: NDArray[Any]) -> NDArray[np.bool_]:
    """Whether points of faces, given by weights (N, 3) of the corners, are opaque: the table read texel by texel."""
    s, t = np.einsum("nk,nkd->dn", weights, cut.places[face])
    texels, number = cut.texels, cut.maps[face]
    widths, heights = texels.widths[number], texels.heights[number]
    i, j = (np.floor(p).astype(int) % n for p, n in ((s, widths), (t, heights)))

    def before(row: Any, column: Any) -> Any:
        return texels.sums[texels.starts[number] + row * (widths + 1) + column]

    opaque = before(j + 1, i + 1) - before(j, i + 1) - before(j + 1, i) + before(j, i)
    return np.asarray(opaque > 0)


def test_every_pixel_shows_what_trimesh_s_ray_through_its_centre_meets() -> None:
    mesh = random_cut_out(5, 60)
    assert mesh.cut_out is not None
    camera = view((0.3, -2.2, 1.1), (0.0, 0.0, 0.6), 70.0, 80)
    depth, instance = rasterize([(0, mesh.vertices, mesh.faces, mesh.cut_out)], camera, None)
    rows, columns = np.indices((80, 80)).reshape(2, -1) + 0.5
    pose = np.asarray(camera.world_to_camera)
    rays = np.stack([(columns - 40) / 70, (rows - 40) / 70, np.ones(6400)], axis=1) @ pose[:3, :3]
    eye = -pose[:3, :3].T @ pose[:3, 3]
    body = trimesh.Trimesh(mesh.vertices, mesh.cut_out.faces, process=False)
    caster = trimesh.ray.ray_triangle.RayMeshIntersector(body)
    face, ray, place = caster.intersects_id(np.tile(eye, (6400, 1)), rays, multiple_hits=True, return_locations=True)
    weights = trimesh.triangles.points_to_barycentric(body.triangles[face], place)
    shown = opaque_points(mesh.cut_out, face, weights)
    expected = np.full(6400, np.inf)
    np.minimum.at(expected, ray[shown], (place[shown] @ pose[:3, :3].T + pose[:3, 3])[:, 2])
    expected[np.isinf(expected)] = 0
    same = np.abs(depth.reshape(-1) - expected) < 1e-4
    assert (instance > 0).mean() > 0.1 and len(face) > 1.5 * np.count_nonzero(expected)
    assert same.mean() > 0.999


FRUSTUM = FrustumGrid(
    ((70.0, 0.0, 40.0), (0.0, 70.0, 40.0), (0.0, 0.0, 1.0)),
    view((0.3, -2.2, 1.1), (0.0, 0.0, 0.6), 70.0, 80).world_to_camera,
    (80, 80),
    1.0,
    4.0,
    (20, 20, 12),
)


@pytest.mark.parametrize("grid", [BoxGrid((-1.5, -1.5, -0.9), 0.1, (30, 30, 30)), FRUSTUM], ids=["box", "frustum"])
def test_cells_are_those_that_hold_a_point_of_the_opaque_area(grid: Grid) -> None:
    mesh = random_cut_out(7, 40)
    assert mesh.cut_out is not None
    cells = occupied(mesh, grid)
    random = np.random.default_rng(1)
    face = np.repeat(np.arange(40), 60_000)
    weights = random.dirichlet((1, 1, 1), len(face))
    shown = opaque_points(mesh.cut_out, face, weights)
    corners = np.asarray(mesh.vertices)[mesh.cut_out.faces]
    index = cell_of(grid, np.einsum("nk,nkd->nd", weights[shown], corners[face[shown]]))
    whole = np.zeros_like(cells)
    whole[tuple(cell_of(grid, np.einsum("nk,nkd->nd", weights, corners[face])).T)] = True
    held = np.zeros(grid.shape, dtype=np.int64)
    np.add.at(held, tuple(index.T), 1)
    assert not ((held > 0) & ~cells).any()
    assert (cells & (held == 0)).sum() < 0.04 * cells.sum()  # corners of texels that no point fell into
    assert cells.sum() < 0.9 * whole.sum()


def cell_of(grid: Grid, points: NDArray[np.float64]) -> NDArray[np.int64]:
    """The cells around points, of those in the grid."""
    places = to_grid_space(grid, points)
    if isinstance(grid, FrustumGrid):
        depth = places[:, 2]
        places[:, :2] /= depth[:, None]
        places[:, 2] = (depth - grid.near) / (grid.far - grid.near) * grid.shape[2]
    cells = np.floor(places).astype(np.int64)
    return cells[((cells >= 0) & (cells < grid.shape)).all(axis=1)]


def test_a_card_through_the_camera_is_cut_with_its_map() -> None:
    """A floor under and behind the camera, 16 x 16 texels of a checker: the cells of a frustum before it."""
    floor = np.array([[-4.0, -4.0, 0.0], [4.0, -4.0, 0.0], [4.0, 4.0, 0.0], [-4.0, 4.0, 0.0]])
    faces = np.array([[0, 1, 2], [0, 2, 3]])
    places = (floor[faces][..., :2] + 4) * 2
    texels = opaque_texels([np.indices((16, 16)).sum(axis=0) % 2 == 0])
    mesh = LabelMesh(floor, NO_FACES, CutOut(faces, places, np.zeros(2, dtype=np.int64), texels, NO_FACES))
    camera = view((0.1, 0.2, 0.5), (0.1, 3.2, -0.2), 40.0, 40)
    grid = FrustumGrid(camera.K, camera.world_to_camera, (40, 40), 0.25, 4.0, (40, 40, 30))
    cells = occupied(mesh, grid)
    x, y = np.meshgrid(np.arange(-4, 4, 0.004) + 0.002, np.arange(-4, 4, 0.004) + 0.002)
    points = np.stack([x, y, np.zeros_like(x)], axis=-1).reshape(-1, 3)
    shown = (np.floor((points[:, 0] + 4) * 2) + np.floor((points[:, 1] + 4) * 2) + 1) % 2 == 0
    ahead = to_grid_space(grid, points)[:, 2] > 0.01
    # Row 0 of an image is its top, so the opaque texels of a map of 16 rows are those of an odd sum here.
    held = np.zeros(grid.shape, dtype=bool)
    held[tuple(cell_of(grid, points[ahead & shown]).T)] = True
    assert held.sum() > 200 and (held & ~cells).sum() == 0
    assert (cells & ~held).sum() < 0.02 * cells.sum()


def texel_mesh(alpha: NDArray[Any], width: float, height: float, **place: float) -> Cards:
    """The opaque texels of a card as two triangles each."""
    rows, columns = alpha.shape
    u, v = np.arange(columns + 1) / columns, 1 - np.arange(rows + 1) / rows
    texels = [
        card(width, height, u=(u[j], u[j + 1]), v=(v[i + 1], v[i]), part=True, **place) for i, j in np.argwhere(alpha)
    ]
    return reduce(Cards.joined, texels)


BOX_SIDES: list[dict[str, float]] = [
    *({"y": -0.4, "turn": 90.0 * n} for n in range(4)),
    {"y": -0.4, "tilt": 90.0},
    {"y": -0.4, "tilt": -90.0},
]


@pytest.mark.parametrize("kind", ["holed", "cage", "walls alone"])
def test_a_box_with_holes_stays_solid_and_a_cage_is_empty(tmp_path: Path, kind: str) -> None:
    """The surface has the cells of a mesh of the opaque texels; what is inside depends on how much of it is opaque."""
    grid = BoxGrid((-0.5113, -0.5217, -0.1331), 0.0471, (22, 22, 22))
    alpha = np.full((16, 16), 255)
    alpha[4:12, 4:12] = 0
    if kind == "cage":
        alpha[:] = 255 * (np.random.default_rng(2).random((16, 16)) < 0.15)
    sides = BOX_SIDES[::2] if kind == "walls alone" else BOX_SIDES
    body = welded(reduce(Cards.joined, [card(0.8, 0.8, **side) for side in sides]))
    asset = read_asset(write_cut_out(tmp_path, "box", "bag", body, alpha))
    cells = occupied(label_mesh(asset, read_mesh(asset)), grid)
    texels = reduce(Cards.joined, [texel_mesh(alpha, 0.8, 0.8, **side) for side in sides])
    surface = occupied(LabelMesh(texels.vertices, texels.faces), grid)
    middle = np.abs(cell_centres(grid) - [0.0, 0.0, 0.4]).max(axis=-1)
    assert np.array_equal(cells[middle > 0.4], surface[middle > 0.4])
    if kind == "holed":
        assert cells[middle < 0.4].all()
    else:
        assert not cells[middle < 0.32].any()


def welded(cards: Cards) -> Cards:
    """The same with the corners merged that are at the same place."""
    _, first, number = np.unique(np.round(cards.vertices, 6), axis=0, return_index=True, return_inverse=True)
    return Cards(cards.vertices[first], number.reshape(-1)[cards.faces], cards.uvs)


def test_a_card_has_the_cells_of_a_mesh_of_its_opaque_texels(tmp_path: Path) -> None:
    alpha = 255 * (np.random.default_rng(3).random((12, 12)) < 0.35)
    turned = {"turn": 31.0, "tilt": 20.0}
    asset = read_asset(write_cut_out(tmp_path, "card", "bag", card(1.2, 0.9, **turned), alpha))
    texels = texel_mesh(alpha, 1.2, 0.9, **turned)
    grid = BoxGrid((-1.0, -1.0, -0.5), 0.04, (50, 50, 50))
    cells = occupied(label_mesh(asset, read_mesh(asset)), grid)
    assert np.array_equal(cells, occupied(LabelMesh(texels.vertices, texels.faces), grid))
    whole = read_mesh(asset)
    assert 0.3 < cells.sum() / occupied(LabelMesh(whole.vertices, whole.faces), grid).sum() < 0.8
