"""Exports for occupancy networks: one lone object in known cells, read as the loaders of each format read its files."""

from __future__ import annotations

import io
import json
import pickle
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from helpers import box_scenes
from helpers.box_scenes import CLASSES, box_corners, make_box_scene, write_box_dataset
from PIL import Image
from scenegen.core.dataset.packing import Packing
from scenegen.core.errors import UsageError
from scenegen.core.scene.scene import Scene
from scenegen.steps.exchange.class_maps import read_class_map
from scenegen.steps.exchange.export import export
from scenegen.steps.exchange.framed_voxels import downsample
from scenegen.steps.exchange.monoscene_nyu import nyu_image
from scenegen.steps.exchange.samples import Sample
from scenegen.steps.exchange.uniocc import flow
from scenegen.steps.pack import pack

# A chair (0.5 x 0.5 x 0.88 m) ahead and to the right of a camera that looks along +y, in none of the grids' middles.
PLACE = (0.9, 1.5, 0.0)
EYE = (-0.3, -2.2, 1.2)


def lone_chair(index: int, grid: object = None) -> Scene:
    scene = make_box_scene(index)
    cameras = (box_scenes.camera("ahead", EYE, (-0.3, 2.0, 1.0)),)
    return replace(scene, cameras=cameras, objects=(box_scenes.placed(0, "chair", PLACE, 0.0),))


@pytest.fixture(scope="module")
def chair_set(tmp_path_factory: pytest.TempPathFactory) -> Path:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(box_scenes, "make_box_scene", lone_chair)
        box_scenes.labelled_box_scene.cache_clear()
        out = write_box_dataset(tmp_path_factory.mktemp("chair") / "set", 1)
    box_scenes.labelled_box_scene.cache_clear()
    return out


@pytest.fixture(scope="module")
def streets(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A class map for formats of streets."""
    file = tmp_path_factory.mktemp("map") / "own.toml"
    file.write_text("".join(f"{name} = {n}\n" for n, name in enumerate(CLASSES, start=10)))
    return file


def cells_of(low: np.ndarray, high: np.ndarray, origin: tuple[float, ...], size: float, shape: tuple[int, ...]) -> set:
    """The closed cells that meet a box whose faces are along the grid's axes."""
    axes = [
        [
            n
            for n in range(shape[a])
            if origin[a] + size * (n + 1) >= low[a] - 1e-6 and origin[a] + size * n <= high[a] + 1e-6
        ]
        for a in range(3)
    ]
    return {(i, j, k) for i in axes[0] for j in axes[1] for k in axes[2]}


def seen_from(x: np.ndarray, y: np.ndarray, z: float, at: float) -> tuple[np.ndarray, np.ndarray]:
    """The chair's ends along x and y (unit vectors in the world) from under the camera, and its heights above `at`."""
    corners = box_corners(lone_chair(0).objects[0]) - (EYE[0], EYE[1], at)
    local = np.stack([corners @ np.array(x), corners @ np.array(y), corners[:, 2]], axis=1)
    return local.min(axis=0), local.max(axis=0)


AHEAD, LEFT, RIGHT = np.array([0, 1.0, 0]), np.array([-1.0, 0, 0]), np.array([1.0, 0, 0])


def occupied(labels: np.ndarray, empty: int) -> set:
    return set(map(tuple, np.argwhere(labels != empty).tolist()))


def test_occ3d(chair_set: Path, box_assets: Path, streets: Path, tmp_path: Path) -> None:
    own = tmp_path / "own.toml"
    own.write_text("".join(f"{name} = {n}\n" for n, name in enumerate(CLASSES)))
    export(chair_set, tmp_path / "out", "occ3d", assets=box_assets, class_map=own)
    body = json.loads((tmp_path / "out/annotations.json").read_text())
    assert (body["train_split"], body["val_split"]) == (["scene-0000"], [])
    ((token, info),) = body["scene_infos"]["scene-0000"].items()
    assert info["gt_path"] == f"gts/scene-0000/{token}/labels.npz"
    with np.load(tmp_path / "out" / info["gt_path"]) as labels:
        semantics, mask = labels["semantics"], labels["mask_camera"]
        assert semantics.shape == mask.shape == (200, 200, 16) and semantics.dtype == mask.dtype == np.uint8
    wanted = cells_of(*seen_from(AHEAD, LEFT, 2, 0.0), (-40, -40, -1), 0.4, (200, 200, 16))
    assert occupied(semantics, 17) == wanted
    assert set(semantics[semantics != 17]) == {CLASSES.index("chair")}
    assert mask[tuple(np.array(sorted(wanted)).T)].any() and not mask[:100].any(), "nothing is seen behind the camera"
    (camera,) = info["camera_sensor"].values()
    assert (tmp_path / "out" / camera["img_path"]).is_file()


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ('"ground/pavemnt" = 3', r"ground/pavemnt: is no form of ground .*\(road, crossing, pavement, lot\)"),
        ('"ground/" = 3', "ground/: is no form of ground"),
        ('"chair/leg" = 3', "chair/leg: the class chair has no forms.*leave out /leg"),
        *((f"tree = {v}", "tree: expected a whole number from 0 to 16") for v in ("17", "-1", "true", "4.5", '"a"')),
        ("[ground]\nroad = 3", "ground: expected a whole number"),
    ],
)
def test_a_line_of_a_class_map_that_says_nothing_is_refused(line: str, message: str, tmp_path: Path) -> None:
    file = tmp_path / "own.toml"
    file.write_text(line)
    with pytest.raises(UsageError, match=rf"own\.toml: {message}"):
        read_class_map("occ3d", (), file, range(17))


def test_a_folder_within_the_data_set_is_refused(chair_set: Path, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(chair_set)
    before = sorted(chair_set.iterdir())
    for out in (chair_set / "inner", chair_set / "scenes/inner", tmp_path / "link/inner"):
        with pytest.raises(UsageError, match="inner: is inside of"):
            export(chair_set, out, "nerf")
        with pytest.raises(UsageError, match="inner: is inside of"):
            pack(chair_set, out, Packing("jpeg", 95, True, 250))
    for run in (
        lambda: export(chair_set, chair_set.parent, "nerf"),
        lambda: pack(chair_set, chair_set.parent, Packing("jpeg", 95, True, 250)),
    ):
        with pytest.raises(UsageError, match=r"set: is inside of .*, which is written"):
            run()
    assert sorted(chair_set.iterdir()) == before


def test_progress_counts_the_scene_that_tells_the_size(box_set: Path, tmp_path: Path) -> None:
    told: list[tuple[int, int]] = []
    export(box_set, tmp_path / "out", "nerf", on_progress=lambda done, total, failed=0: told.append((done, total)))
    assert told == [(2, 2)]


def test_surroundocc(chair_set: Path, box_assets: Path, streets: Path, tmp_path: Path) -> None:
    own = tmp_path / "own.toml"
    own.write_text("".join(f"{name} = {n}\n" for n, name in enumerate(CLASSES, start=1)))
    export(chair_set, tmp_path / "out", "surroundocc", assets=box_assets, class_map=own)
    rows = np.load(tmp_path / "out/nuscenes_occ/samples/000000_0000.pcd.bin.npy")
    wanted = cells_of(*seen_from(RIGHT, AHEAD, 2, EYE[2]), (-50, -50, -5), 0.5, (200, 200, 16))
    assert set(map(tuple, rows[:, :3].tolist())) == wanted
    assert set(rows[:, 3]) == {1 + CLASSES.index("chair")}


def test_uniocc(chair_set: Path, box_assets: Path, tmp_path: Path) -> None:
    own = tmp_path / "own.toml"
    own.write_text("".join(f"{name} = {n}\n" for n, name in enumerate(CLASSES)))
    export(chair_set, tmp_path / "out", "uniocc", assets=box_assets, class_map=own)
    (info,) = pickle.loads((tmp_path / "out/scene_infos.pkl").read_bytes())
    assert (info["scene_name"], info["occ_in_scene_paths"]) == ("scene-0000", ["scene-0000/0.npz"])
    with np.load(tmp_path / "out" / info["occ_in_scene_paths"][0], allow_pickle=True) as moment:
        labels, mask = moment["occ_label"], moment["occ_mask_camera"]
        (camera,), (chair,) = moment["cameras"], moment["annotations"]
        assert not moment["occ_flow_forward"].any() and moment["occ_flow_backward"].shape == (200, 200, 16, 3)
        ego_to_world = moment["ego_to_world_transformation"]
    wanted = cells_of(*seen_from(AHEAD, LEFT, 2, 0.0), (-40, -40, -1), 0.4, (200, 200, 16))
    assert occupied(labels, 10) == wanted
    assert mask[tuple(np.array(sorted(wanted)).T)].any() and not mask[:100].any()
    assert np.allclose(ego_to_world @ chair["agent_to_ego"], chair["agent_to_world"])
    assert (chair["size"], chair["category_id"]) == ([0.5, 0.5, 0.88], CLASSES.index("chair"))
    u, v, depth = camera["intrinsics"] @ (np.linalg.inv(camera["extrinsics"]) @ chair["agent_to_ego"][:, 3])[:3]
    with Image.open(tmp_path / "out" / camera["filename"]) as image:
        assert depth > 0 and 0 < u / depth < image.width and 0 < v / depth < image.height


def test_the_flow_of_a_cell_ends_where_its_place_is_at_the_next_moment() -> None:
    poses = []
    for angle, place in ((0.3, (4.0, -2.0)), (0.9, (9.0, 1.0))):
        pose = np.eye(4)
        pose[:2, :2] = [[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]
        pose[:2, 3] = place
        poses.append(Sample(len(poses), (), pose, 1.8))
    labels = np.full((200, 200, 16), 10, np.uint8)
    labels[120, 80, 5] = 7
    found = flow(labels, *poses)
    here = np.array([120, 80, 5]) + 0.5
    world = poses[0].ego_to_world @ [*(here * 0.4 + (-40, -40, -1)), 1]
    there = ((np.linalg.inv(poses[1].ego_to_world) @ world)[:3] - (-40, -40, -1)) / 0.4
    assert np.allclose(found[120, 80, 5], there - here, atol=1e-4)
    assert np.count_nonzero(found.any(axis=-1)) == 1


def test_semantickitti(chair_set: Path, box_assets: Path, streets: Path, tmp_path: Path) -> None:
    done = export(chair_set, tmp_path / "out", "semantickitti", assets=box_assets, class_map=streets)
    assert "1220 x 370" in done.notes[0]
    root = tmp_path / "out/dataset/sequences/0000000"
    labels = np.fromfile(root / "voxels/000000.label", np.uint16).reshape(256, 256, 32)
    wanted = cells_of(*seen_from(AHEAD, LEFT, 2, 1.73), (0, -25.6, -2), 0.2, (256, 256, 32))
    assert occupied(labels, 0) == wanted and set(labels[labels > 0]) == {10}
    flags = {
        name: np.unpackbits(np.fromfile(root / f"voxels/000000.{name}", np.uint8)).reshape(labels.shape)
        for name in ("bin", "occluded", "invalid")
    }
    chair = tuple(np.array(sorted(wanted)).T)
    assert flags["bin"][chair].any() and flags["occluded"][chair].any() and not flags["invalid"].any()
    assert not (flags["bin"] & flags["occluded"]).any()
    calib = {}
    for line in (root / "calib.txt").read_text().splitlines():
        key, values = line.split(":")
        calib[key] = np.array(values.split(), float).reshape(3, 4)
    scene = lone_chair(0)
    places = np.array(sorted(wanted)) * 0.2 + (0.1, -25.5, -1.9)
    image = calib["P2"] @ np.r_[calib["Tr"], [[0, 0, 0, 1]]] @ np.c_[places, np.ones(len(places))].T
    world = np.c_[EYE[0] - places[:, 1], EYE[1] + places[:, 0], places[:, 2] + 1.73, np.ones(len(places))].T
    camera = scene.cameras[0]
    np.testing.assert_allclose(image, np.array(camera.K) @ (np.array(camera.world_to_camera) @ world)[:3], atol=1e-6)
    learned = np.load(tmp_path / "out/preprocess/labels/0000000/000000_1_1.npy")
    assert occupied(learned, 0) == wanted and set(learned[learned > 0]) == {1}
    assert np.load(tmp_path / "out/preprocess/labels/0000000/000000_1_8.npy").shape == (32, 32, 4)
    assert json.loads((tmp_path / "out/splits.json").read_text()) == {"train": ["0000000"]}


def rooms_cells() -> tuple[set, np.ndarray]:
    corners = box_corners(lone_chair(0).objects[0])
    origin = np.array([-2.4, -2.4, -0.04])
    return cells_of(corners.min(axis=0), corners.max(axis=0), tuple(origin), 0.08, (60, 60, 36)), origin


def test_monoscene_nyu(chair_set: Path, box_assets: Path, tmp_path: Path) -> None:
    export(chair_set, tmp_path / "out", "monoscene-nyu", assets=box_assets)
    with (tmp_path / "out/preprocess/base/NYUtrain/NYU000000_0000.pkl").open("rb") as file:
        body = pickle.load(file)
    wanted, origin = rooms_cells()
    target = body["target_1_4"]
    assert target.shape == (60, 36, 60) and body["target_1_16"].shape == (15, 9, 15)
    upright = target.transpose(0, 2, 1)
    assert set(map(tuple, np.argwhere(upright == 5).tolist())) == wanted
    assert (upright[5:55, 1:59, 0] > 0).all() and set(np.unique(upright)) == {0, 2, 3, 5}, "no ceiling: it is at 3.2 m"
    assert upright[30, 0, 10] == 3 and upright[4, 30, 10] == 3 and upright[3, 30, 10] == 0
    np.testing.assert_allclose(body["voxel_origin"], origin, atol=1e-6)
    np.testing.assert_allclose(np.linalg.inv(body["cam_pose"]), lone_chair(0).cameras[0].world_to_camera, atol=1e-6)
    raw = tmp_path / "out/depthbin/NYUtrain/NYU000000_0000.bin"
    with raw.open("rb") as file:
        assert np.fromfile(file, np.float32, 3).tolist() == body["voxel_origin"].tolist()
        np.testing.assert_array_equal(np.fromfile(file, np.float32, 16).reshape(4, 4), body["cam_pose"])
        values, counts = np.fromfile(file, np.uint32).reshape(-1, 2).T
    fine = np.repeat(values, counts).reshape(240, 144, 240)
    to_12 = [0, 1, 2, 3, 4, 11, 5, 6, 7, 8, 8, 10, 10, 10, 11, 11, 9]  # the first of SSCNet's 37
    np.testing.assert_array_equal(np.array(to_12)[fine[1::4, 2::4, 3::4]], target)
    with Image.open(raw.with_name("NYU000000_0000_color.jpg")) as image:
        assert image.size == (640, 480)


def test_the_image_of_nyu_shows_what_the_camera_saw(chair_set: Path, box_assets: Path) -> None:
    camera = lone_chair(0).cameras[0]
    (fx, _, cx), (_, fy, cy), _ = camera.K
    rows, columns = np.indices((camera.height, camera.width))
    ramp = np.stack([columns * 2, rows * 2, rows * 0], axis=-1).astype(np.uint8)
    seen = np.asarray(Image.open(io.BytesIO(nyu_image(ramp, camera)))).astype(float)
    for v, u in ((100, 120), (300, 500), (240, 320)):
        column, row = (u + 0.5 - 320) / 518.8579 * fx + cx - 0.5, (v + 0.5 - 240) / 518.8579 * fy + cy - 0.5
        assert seen[v, u, :2] == pytest.approx([2 * column, 2 * row], abs=4)  # JPEG


def test_occscannet(chair_set: Path, box_assets: Path, tmp_path: Path) -> None:
    export(chair_set, tmp_path / "out", "occscannet", assets=box_assets)
    root = tmp_path / "out"
    (path,) = (root / "train_subscenes.txt").read_text().split()
    assert (root / "val_subscenes.txt").read_text() == ""
    with (root / path).open("rb") as file:
        body = pickle.load(file)
    wanted, origin = rooms_cells()
    assert body["target_1_4"].shape == (60, 60, 36) and body["target_1_16"].shape == (15, 15, 9)
    assert set(map(tuple, np.argwhere(body["target_1_4"] == 5).tolist())) == wanted
    np.testing.assert_allclose(body["voxel_origin"], origin)
    with Image.open(root / body["depth_gt"]) as depth, Image.open(root / body["img"]) as image:
        values = np.asarray(depth)
        assert image.format == "JPEG" and values.shape == (96, 96)
    v, u = np.argwhere(values > 0)[len(values) * 40]
    z = values[v, u] / 1000
    ray = np.linalg.inv(body["intrinsic"][:3, :3]) @ (u + 0.5, v + 0.5, 1)
    x, y, height = (body["cam_pose"] @ [*(ray * z), 1])[:3]
    assert min(abs(abs(x) - 2), abs(abs(y) - 2.4), abs(height), abs(height - 3.2)) < 2e-3, "on the room or the chair"


def test_a_class_without_a_number_is_refused_by_name(chair_set: Path, box_assets: Path, tmp_path: Path) -> None:
    for form in ("occ3d", "surroundocc", "semantickitti"):
        with pytest.raises(UsageError, match=f"class map of {form}: says nothing of the class chair; give it a number"):
            export(chair_set, tmp_path / "out", form, assets=box_assets)
    assert not list(tmp_path.iterdir())


def test_downsampling_follows_its_rule() -> None:
    """As MonoScene's _downsample_label, one block at a time."""
    rng = np.random.default_rng(0)
    labels = rng.choice(np.array([0, 255, 3, 7], np.uint8), (8, 8, 8), p=[0.5, 0.46, 0.02, 0.02])
    for i, j, k in np.ndindex(2, 2, 2):
        block = labels[4 * i : 4 * i + 4, 4 * j : 4 * j + 4, 4 * k : 4 * k + 4].ravel()
        none, unknown = (block == 0).sum(), (block == 255).sum()
        filled = block[(block > 0) & (block < 255)]
        wanted = (0 if none > unknown else 255) if none + unknown > 0.95 * 64 else np.bincount(filled).argmax()
        assert downsample(labels, 4)[i, j, k] == wanted
