"""A scan becomes a data set: its labelled surface in known cells, depth as it was measured, lost poses left out."""

from __future__ import annotations

import pickle
import shutil
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from helpers.peers import needs_peers, run_peer
from helpers.scannet_files import DEPTH, HIGH, LOW, depth_of, export_frames, poses, sens, write_scan
from scenegen import Dataset
from scenegen.cli.main import cli
from scenegen.core.errors import DamageError, ScenegenError, UsageError
from scenegen.steps.exchange.class_maps import read_class_map
from scenegen.steps.exchange.export import export
from scenegen.steps.importing.scannet_scan import NYU40
from scenegen.steps.importing.sens import read_sens
from scenegen.steps.verify.verify import verify

SMALL = ["--grid", "40,40,15@0.1", "--frustum", "0.5,4,16", "--workers", "1", "--every", "1"]


def run(root: Path, out: Path, *options: str) -> str:
    """`scenegen import scannet`, and what it prints; raises what it raises."""
    arguments = ["import", "scannet", str(root), str(out), *SMALL, *options]
    return CliRunner().invoke(cli, arguments, catch_exceptions=False, standalone_mode=False).output


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("scannet")
    write_scan(folder)
    return folder


@pytest.fixture(scope="module")
def imported(root: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    out = tmp_path_factory.mktemp("out") / "scans"
    return out, run(root, out, "--size", "0")


def test_what_was_left_out_is_counted(imported: tuple[Path, str]) -> None:
    assert "3 scenes of 3 photographs, 2 objects; classes: wall, floor, cabinet, bed, chair" in imported[1]
    assert "left out, frames without a pose: 1" in imported[1]
    assert "left out, labels that are not in scannetv2-labels.combined.tsv: mystery" in imported[1]
    assert "7.7% of the scans' triangles have no class" in imported[1]


def test_depth_is_as_measured_and_corners_are_seen_where_they_were_photographed(imported: tuple[Path, str]) -> None:
    for number, (scene, pose) in enumerate(zip(Dataset(imported[0]), poses(), strict=True)):
        source = number + (number > 0)
        assert scene.scene.extra["imported"]["images"] == [f"scene0000_00/{source}"]
        assert (scene.depth_steps(0) == depth_of(source)).all()
        view = scene.cameras[0]
        found = np.array(view.world_to_camera)
        assert np.allclose(found[:3, :3], pose[:3, :3], atol=1e-5)
        assert (view.width, view.height) == DEPTH
        level = pose[2, :2] / np.linalg.norm(pose[2, :2])  # the box begins under the camera
        eye = -found[:3, :3].T @ found[:3, 3]
        assert np.allclose(eye[:2], -2.0 * level, atol=1e-5)
        box = next(item for item in scene.objects if item.class_name == "chair").bbox
        u, v, w = np.array(view.K) @ (np.array(view.world_to_camera) @ [*box.max, 1])[:3]
        rows, columns = np.nonzero(scene.image(0)[..., 0] > 150)
        assert abs(rows.mean() + 0.5 - v / w) < 0.5
        assert abs(columns.mean() + 0.5 - u / w) < 0.5


def test_the_surface_is_in_its_cells_and_nothing_inside(imported: tuple[Path, str]) -> None:
    for scene in Dataset(imported[0]):
        box = next(item for item in scene.objects if item.class_name == "chair").bbox
        assert np.allclose(np.subtract(box.max, box.min), HIGH - LOW, atol=1e-5)
        assert abs(box.min[2]) < 1e-5  # where the floor is
        low = np.array([-2.0, -2.0, 0.0])
        first = np.ceil((box.min - low) / 0.1 - 1 - 1e-4).astype(int).clip(0)
        last = np.floor((box.max - low) / 0.1 + 1e-4).astype(int)
        solid = np.zeros((40, 40, 15), bool)
        solid[first[0] : last[0] + 1, first[1] : last[1] + 1, first[2] : last[2] + 1] = True
        inside = np.zeros_like(solid)
        inside[first[0] + 1 : last[0], first[1] + 1 : last[1], first[2] : last[2]] = True
        found = scene.masks[..., scene.classes.index("chair")]
        assert np.argwhere(found != (solid & ~inside)).tolist() == []
        assert scene.masks[..., scene.classes.index("floor")][:, :, 0].any()
        labels = scene.frustum(0)
        assert set(np.unique(labels)) == {0, 2, 5}


def test_nothing_is_free_where_nothing_was_measured(imported: tuple[Path, str]) -> None:
    """The corner without depth covers the first fruxels: they are hidden, and those beside it are free."""
    seen = Dataset(imported[0])[0].frustum_visibility(0)
    assert (seen[:30, :25] == 3).all()
    assert (seen[60:, :, 0] == 1).all()


def test_every_promise_that_it_makes_holds(imported: tuple[Path, str]) -> None:
    report = verify(imported[0])
    assert report.faults == ()
    assert "depth" not in report.checks and "recast" in report.checks
    assert "nor is its measured depth compared" in report.notes[0]


@pytest.mark.parametrize("form", ["occscannet", "monoscene-nyu"])
def test_every_class_of_scans_has_a_number_in_formats_of_rooms(form: str) -> None:
    numbers = read_class_map(form, tuple(NYU40.split("|")), None, range(1, 12)).values
    assert set(numbers.values()) == set(range(1, 12))
    assert [numbers[name] for name in ("wall", "door", "curtain", "desk", "night stand", "books")] == [
        3,
        3,
        4,
        8,
        10,
        11,
    ]


def test_a_scan_is_exported_as_occ_scannet(imported: tuple[Path, str], tmp_path: Path) -> None:
    export(imported[0], tmp_path / "occ", "occscannet")
    with (tmp_path / "occ/gathered_data/scene0000_00/00000.pkl").open("rb") as file:
        frame = pickle.load(file)
    scene = Dataset(imported[0])[0]
    found = frame["target_1_4"]
    assert set(np.unique(found)) == {0, 2, 5}  # floor and chair
    edges = [frame["voxel_origin"][axis] + 0.08 * np.arange(found.shape[axis] + 1) for axis in range(3)]
    box = next(item for item in scene.objects if item.class_name == "chair").bbox
    for axis, cells in enumerate(np.nonzero(found == 5)):
        assert abs(edges[axis][cells.min()] - box.min[axis]) < 0.081
        assert abs(edges[axis][cells.max() + 1] - box.max[axis]) < 0.081
    assert (tmp_path / "occ/CREDITS.txt").is_file()


def test_images_are_the_middle_square_in_the_size_of_networks(root: Path, tmp_path: Path) -> None:
    (tmp_path / "map.toml").write_text('floor = ""\n"office chair" = "seat"\nmystery = ""\n')
    run(root / "scans/scene0000_00", tmp_path / "out", "--class-map", str(tmp_path / "map.toml"), "--views", "3")
    scene = Dataset(tmp_path / "out")[0]
    assert scene.classes == ("seat",) and len(scene.cameras) == 3
    assert scene.image(1).shape == (224, 224, 3)
    edge = ((np.arange(224) + 0.5) * 120 / 224).astype(int)
    assert (scene.depth_steps(1) == depth_of(2)[np.ix_(edge, 20 + edge)]).all()
    assert verify(tmp_path / "out").faults == ()


def test_what_is_missing_or_damaged_is_said(root: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    copy = tmp_path / "copy"
    shutil.copytree(root, copy)
    scan = copy / "scans/scene0000_00"
    (tmp_path / "empty").mkdir()
    with pytest.raises(ScenegenError, match="has no scans, such as"):
        run(tmp_path / "empty", out)
    whole = (scan / "scene0000_00.sens").read_bytes()
    (scan / "scene0000_00.sens").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(DamageError, match=r"scene0000_00\.sens: damaged \(it ends within frame [12] of 4\)"):
        run(copy, out)
    (scan / "scene0000_00.sens").write_bytes(whole)
    (scan / "scene0000_00_vh_clean_2.0.010000.segs.json").write_text('{"segIndices": [1, 2]}')
    with pytest.raises(DamageError, match=r"segs\.json: has 2 vertices, but scene0000_00_vh_clean_2\.ply 15"):
        run(copy, tmp_path / "segs")
    (copy / "scannetv2-labels.combined.tsv").unlink()
    with pytest.raises(UsageError, match=r"combined\.tsv: is missing; name it with --labels, or give --class-map"):
        run(copy, out)
    (tmp_path / "map.toml").write_text('floor = "floor"\n')
    with pytest.raises(UsageError, match=r"map\.toml: says nothing of 'office chair', 'mystery'"):
        run(copy, out, "--class-map", str(tmp_path / "map.toml"))
    (scan / "scene0000_00.aggregation.json").unlink()
    with pytest.raises(ScenegenError, match=r"scene0000_00: has no scene0000_00\.aggregation\.json; download it too"):
        run(copy, out)
    (scan / "scene0000_00.sens").unlink()
    with pytest.raises(ScenegenError, match=r"has no scene0000_00\.sens, scene0000_00\.aggregation\.json"):
        run(copy, out)
    assert not out.exists()


@pytest.mark.parametrize(
    ("file", "content", "message"),
    [
        ("aggregation.json", '{"segGroups": []}', "no object of its scans has a class; name some with --class-map"),
        ("aggregation.json", "[1]", r"aggregation\.json: damaged \(segGroups: is no list of objects\)"),
        *(
            ("txt", f"axisAlignment = {numbers}\n", r"txt: damaged \(axisAlignment is no rotation and translation")
            for numbers in ("0 " * 16, "1 2 3", "nan " * 16, "-1 0 0 0 0 1 0 0 0 0 1 0 0 0 0 1")
        ),
    ],
)
def test_what_would_label_nothing_or_bend_the_scan_is_refused(
    root: Path, tmp_path: Path, file: str, content: str, message: str
) -> None:
    copy = Path(shutil.copytree(root, tmp_path / "copy"))
    (copy / f"scans/scene0000_00/scene0000_00.{file}").write_text(content)
    with pytest.raises(ScenegenError, match=message):
        run(copy, tmp_path / "out")


@pytest.mark.parametrize(
    ("frames", "message"),
    [
        ([None, None], "all 2 frames that --every 1 takes lost their pose; give another scan"),
        ([np.diag([-1.0, 1, 1, 1])], "all 1 frames that --every 1 takes lost their pose"),  # a mirror is no pose
        ([], "its recordings have no frames that --every 1 takes"),
    ],
)
def test_scans_without_a_pose_say_so(root: Path, tmp_path: Path, frames: list[np.ndarray | None], message: str) -> None:
    copy = Path(shutil.copytree(root, tmp_path / "copy"))
    (copy / "scans/scene0000_00/scene0000_00.sens").write_bytes(sens(frames))
    with pytest.raises(ScenegenError, match=message):
        run(copy, tmp_path / "out")


def test_a_recording_says_where_its_frames_are(tmp_path: Path) -> None:
    (tmp_path / "a.sens").write_bytes(sens([np.eye(4), None]))
    recording = read_sens(tmp_path / "a.sens")
    assert [frame.pose is None for frame in recording.frames] == [False, True]
    assert (recording.depth(recording.frames[1]) == depth_of(1)).all()
    assert recording.depth_K[0, 2] == 80.0  # whole pixel centres in the file
    assert recording.colour(recording.frames[0]).shape == (240, 320, 3)


@needs_peers
def test_a_recording_is_read_as_scenezoo_reads_it(root: Path, tmp_path: Path) -> None:
    file = root / "scans/scene0000_00/scene0000_00.sens"
    run_peer("scenezoo_reader.py", file, tmp_path / "found.npz")
    found, recording = np.load(tmp_path / "found.npz"), read_sens(file)
    assert len(found["poses"]) == len(recording.frames) == 4
    for n, frame in enumerate(recording.frames):
        assert (found["depth"][n] == recording.depth(frame)).all() and (
            found["rgb"][n] == recording.colour(frame)
        ).all()
        if frame.pose is None:
            assert not np.isfinite(found["poses"][n]).all()
        else:
            assert np.allclose(found["poses"][n], frame.pose, atol=1e-6)
    for theirs, ours in ((found["colour_K"], recording.colour_K), (found["K"], recording.depth_K)):
        assert np.allclose(theirs[:2, 2] + 0.5, ours[:2, 2]) and np.allclose(np.diag(theirs)[:2], np.diag(ours)[:2])


def test_exported_frames_give_what_their_recording_gives(
    imported: tuple[Path, str], root: Path, tmp_path: Path
) -> None:
    copy = Path(shutil.copytree(root, tmp_path / "copy"))
    export_frames(copy / "scans/scene0000_00")
    printed = run(copy, tmp_path / "out", "--size", "0")
    assert "3 scenes of 3 photographs, 2 objects" in printed and "left out, frames without a pose: 1" in printed
    for one, other in zip(Dataset(imported[0]), Dataset(tmp_path / "out"), strict=True):
        assert one.scene.extra["imported"]["images"] == other.scene.extra["imported"]["images"]
        assert (one.depth_steps(0) == other.depth_steps(0)).all() and (one.image(0) == other.image(0)).all()
        assert one.cameras[0].K == other.cameras[0].K
        away = np.subtract(one.cameras[0].world_to_camera, other.cameras[0].world_to_camera)
        assert np.abs(away).max() < 1e-5  # poses are written with six digits


@pytest.mark.parametrize(
    ("file", "content", "message"),
    [
        ("pose/2.txt", "1 2 3", r"pose/2\.txt: cannot be used \(is no matrix of 16 numbers\); export the scan again"),
        ("depth/0.png", "no png", r"depth/0\.png: cannot be used \("),
        ("depth/2.png", None, r"depth/2\.png: cannot be used \(No such file or directory\)"),
        ("color/3.jpg", "no jpeg", r"color/3\.jpg: cannot be used \("),
        ("intrinsic/extrinsic_color.txt", None, r"extrinsic_color\.txt: cannot be used \(No such file"),
        ("intrinsic/intrinsic_depth.txt", "0 " * 16, r"intrinsic_depth\.txt: cannot be used \(focal lengths"),
    ],
)
def test_exported_files_that_are_missing_or_damaged_are_named(
    root: Path, tmp_path: Path, file: str, content: str | None, message: str
) -> None:
    copy = Path(shutil.copytree(root, tmp_path / "copy"))
    scan = copy / "scans/scene0000_00"
    export_frames(scan)
    (scan / file).unlink()
    if content is not None:
        (scan / file).write_text(content)
    with pytest.raises(ScenegenError, match=message):
        run(copy, tmp_path / "out")
