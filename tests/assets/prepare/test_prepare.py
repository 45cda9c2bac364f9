"""Preparation: planted faults are fixed, budgets kept, what cannot be used is refused."""

from __future__ import annotations

import dataclasses
import io
import re
from pathlib import Path

import numpy as np
import pytest
import trimesh
from helpers.model_files import chair, table
from PIL import Image
from scenegen.assets.prepare.orient import orient_faces
from scenegen.assets.prepare.prepare import Budget, prepare
from scenegen.assets.prepare.raw_model import RawModel
from scenegen.core.asset_library import Material, Provenance, read_asset, read_mesh
from scenegen.core.errors import ScenegenError

ORIGIN = Provenance("t", "a", "CC0-1.0", "s", "0")


def raw(mesh: trimesh.Trimesh, class_name: str = "table", **changes: object) -> RawModel:
    model = RawModel(
        name="model",
        class_name=class_name,
        split="train",
        family="f",
        vertices=np.asarray(mesh.vertices),
        faces=np.asarray(mesh.faces),
        material_index=np.zeros(len(mesh.faces), dtype=int),
        materials=(Material("m"),),
        provenance=ORIGIN,
    )
    return dataclasses.replace(model, **changes)  # type: ignore[arg-type]


def png(size: int, mode: str = "RGB") -> bytes:
    buffer = io.BytesIO()
    Image.effect_noise((size, size), 60).convert(mode).save(buffer, "PNG")
    return buffer.getvalue()


def test_base_centred_and_read_back(tmp_path: Path) -> None:
    mesh = table()
    mesh.apply_translation([5.0, -3.0, 1.7])
    asset = prepare(raw(mesh), tmp_path)
    assert asset == dataclasses.replace(read_asset(tmp_path / "model"), supports=asset.supports)
    vertices = read_mesh(asset).vertices
    np.testing.assert_allclose(vertices.min(axis=0), (-0.6, -0.35, 0.0), atol=1e-6)
    np.testing.assert_allclose(vertices.max(axis=0), (0.6, 0.35, 0.75), atol=1e-6)
    assert asset.size == tuple(float(e) for e in np.ptp(vertices, axis=0))
    assert asset.supports[0].height == asset.size[2]


def test_planted_faults_are_fixed(tmp_path: Path) -> None:
    """Doubled vertices and faces, back copies, degenerate and NaN faces, 30% flipped: the same solid comes out."""
    clean = trimesh.creation.icosphere(subdivisions=3, radius=0.4)
    rng = np.random.default_rng(0)
    soup = clean.vertices[clean.faces].reshape(-1, 3)
    faces = np.arange(len(soup)).reshape(-1, 3)
    flipped = rng.random(len(faces)) < 0.3
    faces[flipped] = faces[flipped][:, ::-1]
    vertices = np.vstack([soup, [[np.nan, 0, 0], [np.inf, 0, 0]]])
    extra = [faces[:100], faces[100:200, ::-1], [[0, 0, 1], [0, 1, 1]], [[0, 1, len(soup)], [len(soup) + 1, 0, 1]]]
    dirty = raw(clean, "bag", vertices=vertices, faces=np.concatenate([faces, *extra]))
    dirty = dataclasses.replace(dirty, material_index=np.zeros(len(dirty.faces), dtype=int))
    asset = prepare(dirty, tmp_path)
    mesh = read_mesh(asset)
    fixed = trimesh.Trimesh(mesh.vertices, mesh.faces, process=False)
    assert len(mesh.faces) == len(clean.faces)
    assert len(mesh.vertices) == len(clean.vertices)
    assert fixed.is_watertight
    assert fixed.is_winding_consistent
    assert fixed.volume == pytest.approx(clean.volume, rel=1e-5)
    assert asset.findings["dropped_faces"] == 204
    assert asset.findings["leaky_columns"] == 0.0
    assert 0.5 < asset.findings["orientation_agreement"] < 0.9


def test_inward_normals_are_turned_out(tmp_path: Path) -> None:
    ball = trimesh.creation.icosphere(subdivisions=2, radius=0.4)
    normals = -ball.vertex_normals[ball.faces]
    inward = raw(ball, "bag", faces=ball.faces[:, ::-1], corner_normals=normals[:, ::-1])
    mesh = read_mesh(prepare(inward, tmp_path))
    flat = np.cross(*(mesh.vertices[mesh.faces[:, k]] - mesh.vertices[mesh.faces[:, 0]] for k in (1, 2)))
    assert (np.einsum("fkx,fx->fk", mesh.corner_normals, flat) > 0).all()
    middle = mesh.vertices[mesh.faces].mean(axis=1) - [0, 0, 0.4]
    assert (np.einsum("fx,fx->f", flat, middle) > 0).all()


def test_smooth_angle_splits_edges(tmp_path: Path) -> None:
    mesh = read_mesh(prepare(raw(table()), tmp_path))
    assert np.isclose(np.abs(mesh.corner_normals).max(axis=2), 1.0, atol=1e-6).all()  # a box stays sharp
    tube = trimesh.creation.cylinder(radius=0.3, height=0.5, sections=64)
    mesh = read_mesh(prepare(raw(tube, "bag"), tmp_path))
    side = np.abs(mesh.corner_normals[..., 2]) < 0.5
    radial = mesh.vertices[mesh.faces][..., :2] / 0.3
    assert np.einsum("fkx,fkx->fk", mesh.corner_normals[..., :2], radial)[side].min() > 0.999


def test_decimation_keeps_size_uvs_and_materials(tmp_path: Path) -> None:
    """A ball with a UV seam and two materials: after decimation UVs still follow longitude, materials the halves."""
    ball = trimesh.creation.uv_sphere(radius=0.4, count=[200, 200])
    corners = ball.vertices[ball.faces]
    longitude = np.arctan2(corners[..., 1], corners[..., 0]) / (2 * np.pi) + 0.5
    seam = np.ptp(longitude, axis=1) > 0.5
    longitude[seam] = np.where(longitude[seam] < 0.5, longitude[seam] + 1, longitude[seam])
    uvs = np.stack([longitude, corners[..., 2] + 0.5], axis=2)
    upper = (corners[..., 2].mean(axis=1) > 0).astype(int)
    model = raw(ball, "bag", uvs=uvs, material_index=upper, materials=(Material("low"), Material("high")))
    asset = prepare(model, tmp_path, Budget(triangles=3000))
    assert 2000 < asset.triangles <= 3000
    np.testing.assert_allclose(asset.size, (0.8, 0.8, 0.8), atol=0.01)
    mesh = read_mesh(asset)
    assert mesh.uvs is not None
    places = mesh.vertices[mesh.faces] - [0, 0, 0.4]
    wrong_half = (places[..., 2].mean(axis=1) > 0) != (mesh.material_index == 1)
    assert np.abs(places[..., 2].mean(axis=1))[wrong_half].max(initial=0) < 0.03
    off_pole = np.hypot(places[..., 0], places[..., 1]).min(axis=1) > 0.1
    true = np.arctan2(places[..., 1], places[..., 0]) / (2 * np.pi) + 0.5
    error = np.abs((mesh.uvs[..., 0] - true + 0.5) % 1.0 - 0.5)[off_pole]
    assert np.quantile(error, 0.95) < 0.02
    assert error.max() < 0.12  # in turns: the few corners that lie beyond the seam go on as their own face does
    assert np.ptp(mesh.uvs[off_pole][..., 0], axis=1).max() < 0.4  # a face smeared over the seam spans nearly 1


def test_textures_within_budget_and_missing_ones_grey(tmp_path: Path) -> None:
    textures = {"textures/big": png(900), "textures/small": png(64), "textures/noise": b"no image"}
    slots = {"base_color": "textures/big", "normal": "textures/small", "roughness": "textures/none"}
    materials = (Material("m", textures=slots), Material("b", textures={"base_color": "textures/noise"}))
    mesh = table()
    index = (np.arange(len(mesh.faces)) % 2).astype(int)
    uvs = np.zeros((len(mesh.faces), 3, 2))
    model = raw(mesh, materials=materials, textures=textures, material_index=index, uvs=uvs)
    asset = prepare(model, tmp_path, Budget(texture_edge=256))
    first, second = asset.materials
    assert set(first.textures) == {"base_color", "normal"}
    with Image.open(asset.folder / first.textures["base_color"]) as image:
        assert max(image.size) == 256
    assert (asset.folder / first.textures["normal"]).read_bytes() == textures["textures/small"]
    assert second.textures == {}
    assert second.base_color == (0.5, 0.5, 0.5)
    assert len(asset.findings["warnings"]) == 2


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"faces": np.zeros((0, 3), dtype=int), "material_index": np.zeros(0, dtype=int)}, "no triangles"),
        ({"vertices": np.full((48, 3), np.nan)}, "finite coordinates"),
        ({"vertices": np.ones((48, 3))}, "zero area"),
    ],
)
def test_useless_models_are_refused(tmp_path: Path, change: dict[str, np.ndarray], reason: str) -> None:
    with pytest.raises(ScenegenError, match=reason):
        prepare(dataclasses.replace(raw(chair()), **change), tmp_path)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("scale", [0.001, 0.1, 10.0])
def test_implausible_sizes_are_refused(tmp_path: Path, scale: float) -> None:
    mesh = chair()
    mesh.apply_scale(scale)
    with pytest.raises(ScenegenError, match=r"chair|too small"):
        prepare(raw(mesh, "chair"), tmp_path)
    prepare(raw(chair(), "chair"), tmp_path)


@pytest.mark.parametrize(
    ("class_name", "size"), [("chair", (5.0, 5.5, 9.0)), ("car", (0.4, 1.0, 9.0)), ("bus", (30.0, 1.0, 110.0))]
)
def test_the_advice_of_a_refusal_helps(tmp_path: Path, class_name: str, size: tuple[float, float, float]) -> None:
    box = trimesh.creation.box(size)
    with pytest.raises(ScenegenError, match=r"in the file's own numbers") as refusal:
        prepare(raw(box, class_name, file_size=size), tmp_path)
    height = re.search(r"--height (\S+)", str(refusal.value))
    assert height is not None
    if "--up -y" in str(refusal.value):
        box.vertices = box.vertices[:, [0, 2, 1]]
    elif "--up x" in str(refusal.value):
        box.vertices = box.vertices[:, [2, 1, 0]]
    box.apply_scale(float(height[1]) / box.extents[2])
    prepare(raw(box, class_name), tmp_path)


def test_what_no_option_helps_is_said(tmp_path: Path) -> None:
    with pytest.raises(ScenegenError, match="no scale gives it the shape of a car"):
        prepare(raw(trimesh.creation.box((0.1, 0.1, 40.0)), "car"), tmp_path)


def test_a_cloud_of_leaf_cards_keeps_the_sides_it_was_drawn_on() -> None:
    """Bent cards keep the side they were drawn on, also where they lie inside a solid; the solid is turned outward."""
    rng = np.random.default_rng(0)
    card = np.array([[-0.05, 0, 0], [0, -0.03, 0.004], [0.05, 0, 0], [0, 0.03, 0.004]])
    places = rng.uniform(-1, 1, (6000, 1, 3))
    turns = np.linalg.qr(rng.normal(size=(6000, 3, 3)))[0]
    cards = (card @ turns + places).reshape(-1, 3)
    two = np.array([[0, 1, 2], [0, 2, 3]])
    leaves = (two + 4 * np.arange(6000)[:, None, None]).reshape(-1, 3)
    trunk = trimesh.creation.box((0.4, 0.4, 2.0))
    vertices = np.concatenate([trunk.vertices, cards])
    faces = np.concatenate([trunk.faces[:, ::-1], leaves + len(trunk.vertices)])
    oriented, agreement = orient_faces(vertices, faces)
    assert np.array_equal(oriented[12:], faces[12:])
    assert trimesh.Trimesh(vertices, oriented[:12], process=False).volume > 0
    assert agreement == pytest.approx(1 - 12 / len(faces))


def test_the_walls_of_many_cavities_look_inward() -> None:
    """A wall of 343 hollow bricks, with the outside of every sixth turned the wrong way."""
    bricks, expected = [], []
    for number in range(343):
        place = np.array([number % 7, number // 7 % 7, number // 49]) * 0.12
        for size, outward in ((0.1, True), (0.05, False)):
            box = trimesh.creation.box((size,) * 3)
            box.apply_translation(place)
            right = np.asarray(box.faces if outward else box.faces[:, ::-1])
            turned = number % 2 == 1 and number % 3 == 0
            bricks.append(trimesh.Trimesh(box.vertices, right[:, ::-1] if turned and outward else right, process=False))
            expected.append(box.volume if outward else -box.volume)
    whole = trimesh.util.concatenate(bricks)
    faces, _ = orient_faces(whole.vertices, whole.faces)
    volumes = [
        trimesh.Trimesh(whole.vertices, faces[12 * n : 12 * n + 12], process=False).volume for n in range(len(bricks))
    ]
    np.testing.assert_allclose(volumes, expected, rtol=1e-6)
