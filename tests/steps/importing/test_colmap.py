"""A COLMAP model, photographs and labelled meshes become a data set: boxes at known places, in cells and pixels."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import trimesh
from click.testing import CliRunner
from helpers.colmap_files import (
    BOXES,
    SIZE,
    TO_MODEL,
    camera,
    in_model,
    look,
    write_boxes,
    write_model,
    write_photographs,
)
from PIL import Image
from scenegen import Dataset
from scenegen.cli.main import cli
from scenegen.core.dataset.reading import StoredScene
from scenegen.core.errors import ScenegenError, UsageError
from scenegen.steps.importing.alignment import GPS
from scenegen.steps.verify.verify import verify

POSES = {f"{n}.png": look((2.6 * np.cos(a), 2.6 * np.sin(a), 1.6), (0, 0, 0.4)) for n, a in enumerate((0.3, 2.0, 4.4))}
LENS = camera("SIMPLE_RADIAL", [95.0, 61.0, 44.0, -0.05])
CENTRE = np.array([0.1, 0.1, 0.0])
"""Of the boxes on the floor: the world's origin after the import."""
SMALL = ["--grid", "30,20,12@0.1", "--frustum", "1,5,16", "--workers", "1"]


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("colmap")
    poses = {name: in_model(pose) for name, pose in POSES.items()}
    write_model(folder / "sparse/0", LENS, poses | {"lost.png": poses["0.png"]})
    write_photographs(folder / "images", LENS, POSES)
    write_boxes(folder / "objects.glb")
    return folder


def run(workspace: Path, out: Path, *options: str, meshes: str = "objects.glb") -> str:
    """`scenegen import colmap`, and what it prints; raises what it raises."""
    arguments = ["import", "colmap", str(workspace / "sparse/0"), str(out), "--meshes", str(workspace / meshes)]
    return CliRunner().invoke(cli, [*arguments, *SMALL, *options], catch_exceptions=False, standalone_mode=False).output


@pytest.fixture(scope="module")
def imported(workspace: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    out = tmp_path_factory.mktemp("out") / "real"
    return out, run(workspace, out, "--distance", "1,-3,5", "1,-3,9", "2", "--up", "1,0,0", "--size", "0")


def test_boxes_are_in_their_cells(imported: tuple[Path, str]) -> None:
    out, said = imported
    scene = Dataset(out)[1]
    assert "3 scenes of 3 photographs, 2 objects; classes: chair, table" in said
    assert "1 of 4 photographs are not in" in said and "lost.png" in said
    axes = np.array(scene.scene.extra["imported"]["to_world"]) @ TO_MODEL  # a turn about Z is free
    low = np.array([-1.5, -1.0, 0.0])
    for c, (first, last) in enumerate(BOXES.values()):
        ends = np.sort((axes @ np.array([[*first, 1], [*last, 1]]).T).T[:, :3], axis=0)
        cells = np.zeros(scene.masks.shape[:3], bool)
        lowest = np.ceil((ends[0] - low) / 0.1 - 1 - 1e-6).astype(int).clip(0)
        highest = np.floor((ends[1] - low) / 0.1 + 1e-6).astype(int)
        cells[lowest[0] : highest[0] + 1, lowest[1] : highest[1] + 1, lowest[2] : highest[2] + 1] = True
        assert np.argwhere(scene.masks[..., c] != cells).tolist() == []


def test_corners_are_seen_where_the_photographs_show_them(imported: tuple[Path, str]) -> None:
    for scene in Dataset(imported[0]):
        axes = np.array(scene.scene.extra["imported"]["to_world"]) @ TO_MODEL
        assert np.allclose(axes @ [*CENTRE, 1], [0, 0, 0, 1], atol=1e-6)
        view = scene.cameras[0]
        bright = scene.image(0)[..., 0] > 200
        for _, high in BOXES.values():
            u, v, w = np.array(view.K) @ (np.array(view.world_to_camera) @ axes @ [*high, 1])[:3]
            rows, columns = np.nonzero(bright)
            near = (abs(rows + 0.5 - v / w) < 4) & (abs(columns + 0.5 - u / w) < 4)
            assert abs(columns[near].mean() + 0.5 - u / w) < 0.75
            assert abs(rows[near].mean() + 0.5 - v / w) < 0.75
            shown = scene.depth(0)[int(v / w), int(u / w)]
            assert shown == 0 or abs(shown - w) < 0.1


def test_every_promise_that_it_makes_holds(imported: tuple[Path, str]) -> None:
    report = verify(imported[0])
    assert report.faults == ()
    assert "supports" not in report.checks and "recast" in report.checks
    assert "was imported (colmap), so it does not promise boxes" in report.notes[0]


def test_the_models_move_with_the_data_set(imported: tuple[Path, str], tmp_path: Path) -> None:
    shutil.copytree(imported[0], tmp_path / "moved")
    body = json.loads((tmp_path / "moved/dataset.json").read_text())
    assert (body["library"], body["imported"]) == ("models", {"form": "colmap", "measured_depth": False})
    shown: StoredScene = Dataset(tmp_path / "moved")[0]
    depth = np.array(Image.open(tmp_path / "moved/scenes/scene_000000/depth_0.png"))
    depth[depth > 0] += 30
    Image.fromarray(depth).save(tmp_path / "moved/scenes/scene_000000/depth_0.png")
    faults = verify(tmp_path / "moved").faults
    assert shown.objects and {fault.check for fault in faults} >= {"surfaces", "recast", "visibility"}


def test_the_same_command_again_makes_what_is_missing(
    workspace: Path, imported: tuple[Path, str], tmp_path: Path
) -> None:
    out, made = tmp_path / "again", "scenes/scene_000001"
    options = ("--distance", "1,-3,5", "1,-3,9", "2", "--up", "1,0,0", "--size", "0")
    shutil.copytree(imported[0], out)
    shutil.rmtree(out / made)
    run(workspace, out, *options)
    for file in ("scene.json", "image_0.png", "masks.npy"):
        assert (out / "scenes/scene_000001" / file).read_bytes() == (
            imported[0] / "scenes/scene_000001" / file
        ).read_bytes()
    with pytest.raises(UsageError, match="holds another data set, or one that was imported with other options"):
        run(workspace, out, "--scale", "0.6")
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine/notes.txt").touch()
    with pytest.raises(UsageError, match=r"mine: holds something else \(notes.txt\)"):
        run(workspace, tmp_path / "mine")


def test_a_list_names_files_classes_and_poses(workspace: Path, imported: tuple[Path, str], tmp_path: Path) -> None:
    entries = []
    for name, (low, high) in BOXES.items():
        box = trimesh.creation.box(np.subtract(high, low))
        box.export(workspace / f"{name}.obj")
        place = TO_MODEL @ trimesh.transformations.translation_matrix(np.add(low, high) / 2)
        entries.append(f'[[objects]]\nclass = "{name[:5].lower()}"\nmesh = "{name}.obj"\nmatrix = {place.tolist()}\n')
    (workspace / "list.toml").write_text("\n".join(entries))
    (workspace / "map.toml").write_text('table = "desk"\nchair = "chair"\n')
    options = ("--scale", "0.5", "--up", "1,0,0", "--views", "3", "--class-map", str(workspace / "map.toml"))
    said = run(workspace, tmp_path / "listed", *options, meshes="list.toml")
    listed, scene = Dataset(tmp_path / "listed")[0], Dataset(imported[0])[0]
    assert "1 scene of 3 photographs" in said
    assert listed.classes == ("desk", "chair")
    assert (listed.masks[..., ::-1] == scene.masks).all()
    assert [camera.width for camera in listed.cameras] == [224] * 3
    (workspace / "map.toml").write_text('table = "desk"\n')
    with pytest.raises(UsageError, match=r"map\.toml: says nothing of 'chair', which .*list.toml has"):
        run(workspace, tmp_path / "mapped", *options, meshes="list.toml")


def test_what_cannot_be_imported_is_said(workspace: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    shifted = workspace / "away.toml"
    shifted.write_text(
        '[[objects]]\nclass = "chair"\nmesh = "objects.glb"\nmatrix = '
        "[[1, 0, 0, 900], [0, 1, 0, 900], [0, 0, 1, 900], [0, 0, 0, 1]]\n"
    )
    with pytest.raises(ScenegenError, match=r"none of its 2 objects is in any of 3 photographs; .*Y Up"):
        run(workspace, out, meshes="away.toml")
    with pytest.raises(UsageError, match=r"gone\.glb: there is no such file"):
        run(workspace, out, meshes="gone.glb")
    with pytest.raises(ScenegenError, match="has none of the model's 4 photographs"):
        run(workspace, out, "--images", str(workspace / "sparse"))
    with pytest.raises(UsageError, match="2000 x 2000 x 2500 are 10,000,000,000 cells"):
        run(workspace, out, "--grid", "2000,2000,2500@0.01")
    with pytest.raises(UsageError, match="each says the scale; give one of them"):
        run(workspace, out, "--scale", "2", "--gps")
    with pytest.raises(ScenegenError, match="0 of 3 photographs have GPS"):
        run(workspace, out, "--gps")
    with pytest.raises(UsageError, match="there are only 3 photographs"):
        run(workspace, out, "--views", "4")
    assert not out.exists()


def test_gps_gives_scale_and_up(workspace: Path, tmp_path: Path) -> None:
    """Cameras on a plane of a degree's length: 111 km north, and less east at 60 degrees of latitude."""
    shutil.copytree(workspace, tmp_path / "gps")
    for name, pose in POSES.items():
        east, north, up = -pose[:3, :3].T @ pose[:3, 3]
        exif = Image.Exif()
        degrees = (60 + north / 111_412.24, 10 + east / 55_800.0)
        parts = [(int(d), 0.0, (d - int(d)) * 3600) for d in degrees]
        exif[GPS] = {1: "N", 2: parts[0], 3: "E", 4: parts[1], 5: b"\0", 6: float(up)}
        file = tmp_path / "gps/images" / name
        Image.open(file).save(file, exif=exif)
    said = run(tmp_path / "gps", tmp_path / "out", "--gps")
    to_world = np.array(Dataset(tmp_path / "out")[0].scene.extra["imported"]["to_world"]) @ TO_MODEL
    assert "GPS fits to 0.0" in said
    assert np.allclose(to_world[:3, :3], np.eye(3), atol=0.02)
    assert SIZE == (120, 90)
