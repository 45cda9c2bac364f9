"""BOP exports: models cast with Open3D through the poses give back what was exported; the toolkit reads them."""

from __future__ import annotations

import io
import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import open3d
import pytest
import trimesh
from helpers.box_scenes import (
    CLASSES,
    as_matrix,
    box_asset,
    box_info,
    make_box_scene,
    placed,
    with_bbox,
    write_box_library,
    write_images,
)
from helpers.cut_out_scenes import write_cut_out_dataset, write_cut_out_library
from helpers.labelled_scenes import make_labels, write_scene
from numpy.typing import NDArray
from PIL import Image
from scenegen.core.asset_library import Material, Mesh, read_asset, read_mesh, write_asset
from scenegen.core.dataset.credits import write_credits
from scenegen.core.dataset.info import check_dataset_json, write_dataset_json
from scenegen.core.dataset.packing import Packing
from scenegen.core.dataset.reading import Dataset
from scenegen.core.errors import ScenegenError
from scenegen.core.labels.depth_and_instances import rasterize
from scenegen.steps.exchange.bop_models import BopObject, write_model
from scenegen.steps.exchange.export import export
from scenegen.steps.pack import pack
from scipy.spatial.distance import pdist

Array = NDArray[np.float64]
VIEWS = range(3)


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A data set with chairs of three sizes, one of them half outside an image and one tilted; and its library."""
    place = tmp_path_factory.mktemp("bop")
    assets = write_box_library(place / "library")
    scene = make_box_scene(0)
    tilt = np.eye(4)
    c, s = np.cos(0.4), np.sin(0.4)
    tilt[:3, :3] = 0.95 * np.array([[1, 0, 0], [0, c, -s], [0, s, c]])
    tilt[:3, 3] = (0.2, -0.3, 0.9)
    grown = np.diag([1.3, 1.3, 1.3, 1.0])
    grown[:3, 3] = (-1.6, 1.9, 0.0)
    objects = (
        *scene.objects,
        with_bbox(replace(placed(6, "chair", (0, 0, 0), 0.0), matrix=as_matrix(tilt))),
        with_bbox(replace(placed(7, "chair", (0, 0, 0), 0.0), matrix=as_matrix(grown))),
    )
    scene = replace(scene, objects=objects)
    meshes = {a.name: (m.vertices, m.faces) for a in assets for m in [read_mesh(a)]}
    labels = make_labels(scene, meshes)
    out = place / "set"
    check_dataset_json(out, box_info(1, assets=place / "library"))
    write_credits(out, map(box_asset, CLASSES))
    write_scene(out, scene, write_images(place, labels), labels)
    return out, place / "library"


@pytest.fixture(scope="module")
def exported(source: tuple[Path, Path]) -> Path:
    out = source[0].parent / "bop"
    done = export(source[0], out, "bop")
    assert done.counts["models"] == 8  # six classes, and the chair at two more sizes
    return out


def read(path: Path) -> Any:
    return json.loads(path.read_text())


def picture(path: Path) -> NDArray[Any]:
    with Image.open(path) as image:
        return np.asarray(image).astype(np.int64)


def cast(out: Path, camera: dict[str, Any], poses: list[dict[str, Any]], margin: int = 0) -> tuple[Array, Array]:
    """Depth in millimetres along the axis (inf: nothing) and the index of the pose seen (-1: none), with Open3D."""
    scene = open3d.t.geometry.RaycastingScene()
    for pose in poses:
        mesh = trimesh.load(out / "models" / f"obj_{pose['obj_id']:06d}.ply", process=False)
        rotation, shift = np.reshape(pose["cam_R_m2c"], (3, 3)), np.array(pose["cam_t_m2c"])
        points = np.asarray(mesh.vertices) @ rotation.T + shift
        scene.add_triangles(points.astype(np.float32), np.asarray(mesh.faces, np.uint32))
    K = np.reshape(camera["cam_K"], (3, 3))
    v, u = np.mgrid[-margin : 96 + margin, -margin : 96 + margin] + 0.5
    directions = np.stack([(u - K[0, 2]) / K[0, 0], (v - K[1, 2]) / K[1, 1], np.ones_like(u)], axis=-1)
    rays = np.concatenate([np.zeros_like(directions), directions], axis=-1).astype(np.float32)
    hit = scene.cast_rays(open3d.core.Tensor(rays))
    ids = hit["geometry_ids"].numpy().astype(np.int64)
    ids[ids == open3d.t.geometry.RaycastingScene.INVALID_ID] = -1
    return hit["t_hit"].numpy(), ids


def alike(ours: NDArray[Any], theirs: NDArray[Any]) -> bool:
    """Two masks may differ where a pixel's centre is right on an edge."""
    return int((ours.astype(bool) != theirs.astype(bool)).sum()) <= 2


def test_models_through_poses_give_depth_and_masks(exported: Path) -> None:
    scene = exported / "train_pbr/000000"
    cameras, gt = read(scene / "scene_camera.json"), read(scene / "scene_gt.json")
    compared = 0
    for k in VIEWS:
        poses = gt[str(k)]
        depth, ids = cast(exported, cameras[str(k)], poses)
        stored = picture(scene / "depth" / f"{k:06d}.png") * cameras[str(k)]["depth_scale"]
        for n, pose in enumerate(poses):
            seen = picture(scene / "mask_visib" / f"{k:06d}_{n:06d}.png")
            assert set(np.unique(seen)) <= {0, 255}
            assert alike(seen, ids == n)
            alone = cast(exported, cameras[str(k)], [pose])[1] == 0
            assert alike(picture(scene / "mask" / f"{k:06d}_{n:06d}.png"), alone)
            both = (seen > 0) & (ids == n)
            np.testing.assert_allclose(stored[both], depth[both], atol=0.75)  # stored in whole millimetres
            compared += int(both.sum())
    assert compared > 3000


def distance_to_models(out: Path, poses: list[dict[str, Any]], points: Array) -> Array:
    """Millimetres from each point (N, 3) in the camera to the nearest surface of the posed models, with Open3D."""
    scene = open3d.t.geometry.RaycastingScene()
    for pose in poses:
        mesh = trimesh.load(out / "models" / f"obj_{pose['obj_id']:06d}.ply", process=False)
        placed = np.asarray(mesh.vertices) @ np.reshape(pose["cam_R_m2c"], (3, 3)).T + np.array(pose["cam_t_m2c"])
        scene.add_triangles(placed.astype(np.float32), np.asarray(mesh.faces, np.uint32))
    nearest: Array = scene.compute_distance(points.astype(np.float32)).numpy()
    return nearest


def opengl_ray(K: Array, columns: Array, rows: Array, size: int) -> Array:
    """The toolkit's renderers: K as an OpenGL projection; pixel (i, j) is sampled at its centre, (i + .5, j + .5)."""
    projection = np.array(
        [
            [2 * K[0, 0] / size, -2 * K[0, 1] / size, 1 - 2 * K[0, 2] / size],
            [0, 2 * K[1, 1] / size, 2 * K[1, 2] / size - 1],
            [0, 0, -1],
        ]
    )
    screen = np.stack([2 * (columns + 0.5) / size - 1, 1 - 2 * (rows + 0.5) / size, np.ones_like(columns)])
    x, y, z = np.linalg.inv(projection) @ screen  # the camera looks along -z and y is up
    return np.stack([x / -z, -y / -z, np.ones_like(x)], axis=-1)


def integer_ray(K: Array, columns: Array, rows: Array) -> Array:
    """The toolkit's depth_im_to_dist_im: pixel (i, j) is the ray through the point (i, j)."""
    return np.stack([(columns - K[0, 2]) / K[0, 0], (rows - K[1, 2]) / K[1, 1], np.ones_like(columns)], axis=-1)


def test_half_a_pixel_lies_between_the_toolkits_two_conventions(exported: Path) -> None:
    """What docs/exchange.md says: the renderers take cam_K as it is, depth_im_to_dist_im with .5 less in cx and cy."""
    scene = exported / "train_pbr/000000"
    cameras, gt = read(scene / "scene_camera.json"), read(scene / "scene_gt.json")
    shift = np.array([[0, 0, 0.5], [0, 0, 0.5], [0, 0, 0]])
    for k in map(str, VIEWS):
        K, depth = np.reshape(cameras[k]["cam_K"], (3, 3)), picture(scene / "depth" / f"{int(k):06d}.png")
        masks = [picture(scene / "mask_visib" / f"{int(k):06d}_{n:06d}.png") > 0 for n in range(len(gt[k]))]
        rows, columns = np.nonzero(np.any(masks, axis=0) & (depth > 0))
        z, at = depth[rows, columns][:, None], (columns.astype(float), rows.astype(float))
        for rays in (opengl_ray(K, *at, size=96), integer_ray(K - shift, *at)):
            assert distance_to_models(exported, gt[k], rays * z).max() < 1.0
        astray = distance_to_models(exported, gt[k], integer_ray(K, *at) * z)
        assert (astray > 1.0).mean() > 0.3
        assert np.abs(integer_ray(K, *at) - opengl_ray(K, *at, size=96))[:, 0] == pytest.approx(0.5 / K[0, 0])


def test_visibility_counts_what_lies_beyond_the_image(exported: Path) -> None:
    scene = exported / "train_pbr/000000"
    cameras, gt, info = (read(scene / f"scene_{name}.json") for name in ("camera", "gt", "gt_info"))
    cut = 0
    for k in map(str, VIEWS):
        ids = cast(exported, cameras[k], gt[k])[1]
        for n, (pose, entry) in enumerate(zip(gt[k], info[k], strict=True)):
            large = cast(exported, cameras[k], [pose], margin=96)[1] == 0
            rows, columns = np.nonzero(large)
            assert entry["px_count_all"] == pytest.approx(large.sum(), abs=3)
            visible = int((ids == n).sum())
            assert entry["px_count_visib"] == pytest.approx(visible, abs=2)
            assert entry["visib_fract"] == entry["px_count_visib"] / entry["px_count_all"]
            assert entry["px_count_valid"] == (picture(scene / "mask" / f"{int(k):06d}_{n:06d}.png") > 0).sum()
            if not entry["px_count_visib"]:
                assert entry["bbox_obj"] == entry["bbox_visib"] == [-1, -1, -1, -1]
                continue
            box = [columns.min() - 96, rows.min() - 96, np.ptp(columns), np.ptp(rows)]
            np.testing.assert_allclose(entry["bbox_obj"], box, atol=1)
            seen_rows, seen_columns = np.nonzero(picture(scene / "mask_visib" / f"{int(k):06d}_{n:06d}.png"))
            box = [seen_columns.min(), seen_rows.min(), np.ptp(seen_columns), np.ptp(seen_rows)]
            assert entry["bbox_visib"] == box
            cut += entry["px_count_all"] > large[96:192, 96:192].sum() + 3
    assert cut


def test_poses_are_rigid_and_lead_through_the_world(exported: Path, source: tuple[Path, Path]) -> None:
    stored = Dataset(source[0])[0]
    names = read(exported / "models/assets.json")
    scene = exported / "train_pbr/000000"
    cameras, gt = read(scene / "scene_camera.json"), read(scene / "scene_gt.json")
    for k, camera in enumerate(stored.cameras):
        w2c = np.eye(4)
        w2c[:3, :3] = np.reshape(cameras[str(k)]["cam_R_w2c"], (3, 3))
        w2c[:3, 3] = np.array(cameras[str(k)]["cam_t_w2c"]) / 1000
        np.testing.assert_allclose(w2c, camera.world_to_camera, atol=1e-12)
        np.testing.assert_allclose(np.reshape(cameras[str(k)]["cam_K"], (3, 3)), camera.K)
        shown = {(names[str(p["obj_id"])]["asset"], names[str(p["obj_id"])]["scale"]) for p in gt[str(k)]}
        assert shown <= {(o.asset, round(float(np.cbrt(np.linalg.det(np.array(o.matrix)[:3, :3]))), 6)) for o in
                         stored.objects}  # fmt: skip
        for pose in gt[str(k)]:
            rotation = np.reshape(pose["cam_R_m2c"], (3, 3))
            np.testing.assert_allclose(rotation @ rotation.T, np.eye(3), atol=1e-12)
            assert np.linalg.det(rotation) > 0


def test_models_are_centred_with_their_sizes(exported: Path) -> None:
    infos = read(exported / "models/models_info.json")
    assert len(infos) == len(list((exported / "models").glob("*.ply"))) == 8
    for number, info in infos.items():
        points = np.asarray(trimesh.load(exported / f"models/obj_{int(number):06d}.ply", process=False).vertices)
        np.testing.assert_allclose(points.min(axis=0), [info[f"min_{a}"] for a in "xyz"], atol=1e-3)
        np.testing.assert_allclose(np.ptp(points, axis=0), [info[f"size_{a}"] for a in "xyz"], atol=1e-3)
        np.testing.assert_allclose(points.min(axis=0), -points.max(axis=0), atol=1e-3)
        assert info["diameter"] == pytest.approx(pdist(points).max(), abs=1e-3)


def test_images_and_credits(exported: Path, source: tuple[Path, Path]) -> None:
    theirs = (source[0] / "scenes/scene_000000/image_1.png").read_bytes()
    assert (exported / "train_pbr/000000/rgb/000001.png").read_bytes() == theirs
    camera = read(exported / "camera.json")
    assert (camera["width"], camera["height"], camera["depth_scale"]) == (96, 96, 1.0)
    assert {c["name"] for c in read(exported / "CREDITS.json")} == {f"{name}_box" for name in CLASSES}
    assert "by nobody, tests, modified" in (exported / "CREDITS.txt").read_text()


def test_a_packed_data_set_exports_alike(exported: Path, source: tuple[Path, Path], tmp_path: Path) -> None:
    pack(source[0], tmp_path / "packed", Packing("jpeg", 95, True, 250))
    export(tmp_path / "packed", tmp_path / "out", "bop", workers=2)
    theirs = {p.relative_to(exported): p for p in exported.rglob("*") if p.is_file() and p.parent.name != "rgb"}
    for name, path in theirs.items():
        assert (tmp_path / "out" / name).read_bytes() == path.read_bytes(), name
    assert [p.name for p in sorted((tmp_path / "out/train_pbr/000000/rgb").iterdir())] == [
        f"{k:06d}.jpg" for k in VIEWS
    ]


def test_the_test_split_has_targets(source: tuple[Path, Path], tmp_path: Path) -> None:
    copy = shutil.copytree(source[0], tmp_path / "set")
    info = Dataset(copy).info
    write_dataset_json(copy, replace(info, request=replace(info.request, split="test")))
    export(copy, tmp_path / "out", "bop")
    folder, wanted = tmp_path / "out/test/000000", []
    gt, info = read(folder / "scene_gt.json"), read(folder / "scene_gt_info.json")
    for k in map(str, VIEWS):
        ids = [p["obj_id"] for p, i in zip(gt[k], info[k], strict=True) if i["visib_fract"] >= 0.1]
        wanted += [(0, int(k), number, ids.count(number)) for number in sorted(set(ids))]
    targets = read(tmp_path / "out/test_targets_bop19.json")
    assert [(t["scene_id"], t["im_id"], t["obj_id"], t["inst_count"]) for t in targets] == wanted
    assert len(wanted) > 10


def test_another_library_is_refused(source: tuple[Path, Path], tmp_path: Path) -> None:
    with pytest.raises(ScenegenError, match=r"has no asset .*_box; name the library"):
        export(source[0], tmp_path / "out", "bop", assets=tmp_path)
    library = tmp_path / "library"
    write_box_library(library)
    mesh = dict(np.load(library / "chair_box/mesh.npz"))
    mesh["vertices"] = mesh["vertices"] * np.float32(0.8)
    np.savez(library / "chair_box/mesh.npz", **mesh)
    with pytest.raises(ScenegenError, match=r"is not the chair_box of .*; name the library"):
        export(source[0], tmp_path / "out", "bop", assets=library)
    assert not (tmp_path / "out").exists()


def test_the_toolkit_reads_it(exported: Path) -> None:
    """With the BOP toolkit itself, where it is installed (it is not on PyPI; see docs/exchange.md)."""
    inout = pytest.importorskip("bop_toolkit_lib.inout")
    misc = pytest.importorskip("bop_toolkit_lib.misc")
    visibility = pytest.importorskip("bop_toolkit_lib.visibility")
    infos = inout.load_json(str(exported / "models/models_info.json"), keys_to_int=True)
    for number, info in infos.items():
        model = inout.load_ply(str(exported / f"models/obj_{number:06d}.ply"))
        assert model["normals"].shape == model["colors"].shape == model["pts"].shape
        assert misc.calc_pts_diameter(model["pts"]) == pytest.approx(info["diameter"], abs=1e-3)
        box = misc.calc_3d_bbox(*model["pts"].T)
        np.testing.assert_allclose(box, [info[f"{w}_{a}"] for w in ("min", "size") for a in "xyz"], atol=1e-3)
    assert inout.load_cam_params(str(exported / "camera.json"))["im_size"] == (96, 96)
    scene = exported / "train_pbr/000000"
    cameras, gt = (getattr(inout, f"load_scene_{n}")(str(scene / f"scene_{n}.json")) for n in ("camera", "gt"))
    info = inout.load_json(str(scene / "scene_gt_info.json"), keys_to_int=True)
    for k in VIEWS:
        depth = inout.load_depth(str(scene / f"depth/{k:06d}.png")) * cameras[k]["depth_scale"]
        distance = misc.depth_im_to_dist_im_fast(depth, cameras[k]["cam_K"])
        for n, pose in enumerate(gt[k]):
            told = {key: np.asarray(value).reshape(-1).tolist() for key, value in pose.items() if key != "obj_id"}
            alone, _ = cast(exported, {"cam_K": cameras[k]["cam_K"]}, [{**told, "obj_id": pose["obj_id"]}])
            model = misc.depth_im_to_dist_im_fast(np.where(np.isinf(alone), 0, alone), cameras[k]["cam_K"])
            seen = visibility.estimate_visib_mask_gt(distance, model, 15, visib_mode="bop19")
            # Theirs takes a surface up to 15 mm behind another for seen: more along what objects stand on.
            exact = inout.load_depth(str(scene / f"mask_visib/{k:06d}_{n:06d}.png")) > 0
            assert info[k][n]["px_count_visib"] == exact.sum()
            assert (exact & ~seen).sum() <= 2
            assert (seen & ~exact).sum() <= 0.1 * exact.sum() + 5


def test_models_have_normals_and_a_colour_a_material(tmp_path: Path) -> None:
    ball = trimesh.creation.icosphere(3, 0.2)
    kind = (ball.triangles_center[:, 2] > 0).astype(np.int32)
    corner_normals = np.repeat(ball.face_normals[:, None], 3, axis=1).astype(np.float32)
    mesh = Mesh(ball.vertices.astype(np.float32), ball.faces.astype(np.int32), corner_normals, None, kind)
    materials = (Material("dark", base_color=(0.0, 0.0, 0.0)), Material("mid", base_color=(1.0, 0.2159, 0.0)))
    write_asset(tmp_path, replace(box_asset("bag"), materials=materials), mesh, {})
    info = write_model(tmp_path, tmp_path, BopObject(1, "bag_box", 0.5))
    model = trimesh.load(tmp_path / "obj_000001.ply", process=False)
    outward = np.asarray(model.vertices) / np.linalg.norm(model.vertices, axis=1, keepdims=True)
    inner = np.abs(model.vertices[:, 2]) > 20  # at the border a vertex has the faces of one side alone
    assert ((model.vertex_normals * outward).sum(axis=1)[inner] > 0.999).all()
    colours = np.asarray(model.visual.vertex_colors)[:, :3]
    assert {tuple(c) for c in colours[model.faces[model.triangles_center[:, 2] > 0]].reshape(-1, 3)} == {(255, 128, 0)}
    assert {tuple(c) for c in colours[model.faces[model.triangles_center[:, 2] < 0]].reshape(-1, 3)} == {(0, 0, 0)}
    assert info["diameter"] == pytest.approx(200, abs=0.01)


def test_models_take_their_textures_colours(tmp_path: Path) -> None:
    content = io.BytesIO()
    Image.fromarray(np.array([[[200, 0, 0], [0, 200, 0]], [[0, 0, 200], [90, 90, 90]]], np.uint8)).save(content, "PNG")
    corners = np.array([[0, 0, 0], [1, 0, 0], [1, 1, 0], [0, 1, 0]], np.float32)
    faces = np.array([[0, 1, 2], [0, 2, 3]], np.int32)
    uvs = (corners[faces][..., :2] * 0.5 + 0.25).astype(np.float32)  # from the lower left of the picture
    mesh = Mesh(corners, faces, np.zeros((2, 3, 3), np.float32), uvs, np.zeros(2, np.int32))
    material = Material("print", textures={"base_color": "textures/print.png"})
    asset = replace(box_asset("bag"), materials=(material,))
    write_asset(tmp_path, asset, mesh, {"textures/print.png": content.getvalue()})
    write_model(tmp_path, tmp_path, BopObject(1, "bag_box", 1.0))
    colours = np.asarray(trimesh.load(tmp_path / "obj_000001.ply", process=False).visual.vertex_colors)[:, :3]
    assert colours.tolist() == [[0, 0, 200], [90, 90, 90], [0, 200, 0], [200, 0, 0]]


def test_a_flat_model_has_a_diameter(tmp_path: Path) -> None:
    sheet = np.array([[0, 0, 0], [3, 0, 0], [3, 4, 0], [0, 4, 0]], np.float32) / 10
    faces = np.array([[0, 1, 2], [0, 2, 3]], np.int32)
    mesh = Mesh(sheet, faces, np.zeros((2, 3, 3), np.float32), None, np.zeros(2, np.int32))
    write_asset(tmp_path, box_asset("bag"), mesh, {})
    assert write_model(tmp_path, tmp_path, BopObject(1, "bag_box", 1.0))["diameter"] == pytest.approx(500, abs=1e-3)


def test_silhouettes_have_the_holes_of_cut_outs(tmp_path: Path) -> None:
    """Two crossed cards, a checker of half their area, against the same cards without holes."""
    library = write_cut_out_library(tmp_path / "library")
    out = write_cut_out_dataset(tmp_path / "set", library)
    export(out, tmp_path / "bop", "bop", assets=library)
    scene = make_box_scene(0)
    human = next(item for item in scene.objects if item.asset == "human_box")
    mesh = read_mesh(read_asset(library / "human_box"))
    world = mesh.vertices @ np.array(human.matrix)[:3, :3].T + np.array(human.matrix)[:3, 3]
    for k, camera in enumerate(scene.cameras):
        whole = rasterize([(0, world, mesh.faces)], camera, None)[1] > 0
        mask, visible = (
            picture(tmp_path / f"bop/train_pbr/000000/{kind}/{k:06d}_{human.id:06d}.png") > 0
            for kind in ("mask", "mask_visib")
        )
        assert visible.sum() > 30 and not (visible & ~mask).any() and not (mask & ~whole).any()
        assert 0.4 < mask.sum() / whole.sum() < 0.9
