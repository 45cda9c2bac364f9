"""The C++ program against Python: a compiled network, images and cameras from files, voxels and a GLB."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest
import torch
import trimesh
from helpers.pulled_family import FAMILY, SHAPE, SIZE, Pulled
from helpers.trainer_boxes import enliven, small_config, trained_model
from PIL import Image
from scenegen.core.errors import ScenegenError, UsageError
from scenegen.core.scene.camera import camera_matrix, look_at
from scenegen.core.scene.scene import GridSpec
from scenetrain.config import Config, ModelSettings, TrainingSettings
from scenetrain.data.given_cameras import box_extras
from scenetrain.evaluation.evaluate import predict_probabilities
from scenetrain.inference.cameras import extras_of, read_cameras
from scenetrain.inference.export import export
from scenetrain.inference.photographs import read_square
from scenetrain.inference.surface import voxels_to_glb
from scenetrain.networks.contract import Inputs
from scenetrain.training.run_folder import TrainedModel

SOURCE = Path(__file__).parents[3] / "trainer" / "cpp"
TOOLS = ("cmake", "c++")
HEADERS = ("/usr/include/stb/stb_image.h", "/usr/include/nlohmann/json.hpp")

pytestmark = pytest.mark.skipif(
    not all(map(shutil.which, TOOLS)) or not all(map(os.path.isfile, HEADERS)),
    reason=f"needs {', '.join(TOOLS)}, libstb-dev and nlohmann-json3-dev",
)


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    build = tmp_path_factory.mktemp("cpp")
    subprocess.run(
        ["cmake", "-S", SOURCE, "-B", build, f"-DPython3_EXECUTABLE={sys.executable}", "-DCMAKE_BUILD_TYPE=Debug"],
        check=True,
        capture_output=True,
    )
    subprocess.run(["cmake", "--build", build, "--parallel", "2"], check=True, capture_output=True)
    return build / "label_scene"


@pytest.fixture(scope="module")
def trained() -> TrainedModel:
    """A narrow network whose answers differ from voxel to voxel, on both sides of its thresholds."""
    torch.manual_seed(0)
    found = trained_model(small_config("model.prior=0.5"), 0.49, 0.08)
    enliven(found.model)
    return found


@pytest.fixture(scope="module")
def package(trained: TrainedModel, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return export(trained, tmp_path_factory.mktemp("package") / "net.pt2", "aoti", 3)


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    folder = tmp_path_factory.mktemp("images")
    rng = np.random.default_rng(0)
    paths = [folder / f"{view}.png" for view in range(3)]
    for path in paths:
        Image.fromarray(rng.integers(0, 256, (224, 224, 3), dtype=np.uint8)).save(path)
    return paths


def run(program: Path, *words: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run([program, *map(str, words)], capture_output=True, text=True, check=False)


def test_the_program_s_voxels_are_python_s(
    program: Path, package: Path, trained: TrainedModel, images: list[Path], tmp_path: Path
) -> None:
    result = run(program, package, tmp_path / "out", *images, "--probabilities")
    assert result.returncode == 0, result.stderr
    pictures = torch.stack([torch.from_numpy(np.array(Image.open(path))) for path in images]).permute(0, 3, 1, 2)
    expected = predict_probabilities(trained, pictures.unsqueeze(0))
    for output in trained.family.outputs:
        wanted = expected[output.name][0]
        wanted = wanted[0] if output.kind == "occupancy" else wanted
        found = np.load(tmp_path / "out" / f"{output.name}_probabilities.npy")
        assert wanted.std() > 5e-4
        np.testing.assert_allclose(found, wanted.numpy(), atol=1e-4, rtol=0)
        voxels = np.load(tmp_path / "out" / f"{output.name}.npy")
        threshold = trained.thresholds[output.name]
        assert threshold is not None and voxels.dtype == np.bool_
        channels_first = voxels if output.kind == "occupancy" else np.moveaxis(voxels, -1, 0)
        near = np.abs(wanted.numpy() - threshold) < 1e-4
        assert np.array_equal(channels_first[~near], (wanted.numpy() >= threshold)[~near])
        assert 0 < voxels.mean() < 1


def test_the_program_s_glb_is_python_s(
    program: Path, package: Path, trained: TrainedModel, images: list[Path], tmp_path: Path
) -> None:
    assert run(program, package, tmp_path, *images).returncode == 0
    assert isinstance(trained.grid, GridSpec)
    (tmp_path / "python.glb").write_bytes(voxels_to_glb(np.load(tmp_path / "masks.npy"), trained.grid, trained.classes))
    ours, wanted = (trimesh.load_scene(tmp_path / name) for name in ("voxels.glb", "python.glb"))
    assert set(ours.geometry) == set(wanted.geometry) != set()
    for name, mesh in wanted.geometry.items():
        found = ours.geometry[name]
        assert found.volume == pytest.approx(mesh.volume, rel=1e-4) and found.area == pytest.approx(mesh.area, rel=1e-4)
        np.testing.assert_allclose(found.bounds, mesh.bounds, atol=1e-5)
        color = found.visual.material.baseColorFactor
        assert np.abs(np.subtract(color, mesh.visual.material.baseColorFactor, dtype=float)).max() <= 1


GRID = GridSpec((-2.0, -2.4, 0.0), 0.2, SHAPE)


@pytest.fixture(scope="module")
def seeing(tmp_path_factory: pytest.TempPathFactory) -> tuple[Pulled, Path]:
    """A network that reads cameras, of two views, and its package."""
    torch.manual_seed(0)
    network = Pulled(2, SHAPE).eval()
    frequency = torch.zeros((3, *SHAPE), dtype=torch.half)
    config = Config(ModelSettings("pulled"), TrainingSettings(views=2))
    trained = TrainedModel(network, FAMILY, config, ("chair", "bag"), GRID, {"masks": 0.5}, frequency)
    return network, export(trained, tmp_path_factory.mktemp("seeing") / "net.pt2", "aoti", 2)


def small_images(folder: Path) -> list[Path]:
    paths = [folder / f"{view}.png" for view in range(2)]
    pixels = np.random.default_rng(0).integers(0, 256, (2, SIZE, SIZE, 3), dtype=np.uint8)
    for path, image in zip(paths, pixels, strict=True):
        Image.fromarray(image).save(path)
    return paths


def test_cameras_from_a_file_are_python_s(program: Path, seeing: tuple[Pulled, Path], tmp_path: Path) -> None:
    """K of half the pixels says the same; a scene's cameras in another order, or another grid, do not."""
    network, package = seeing
    paths = small_images(tmp_path)
    pixels = np.stack([np.array(Image.open(path)) for path in paths])
    K = camera_matrix(SIZE, SIZE, 75.0)
    half = [[value / 2 for value in row] for row in K[:2]] + [K[2]]
    poses = [look_at(eye, (0.0, 0.0, 0.7)) for eye in ((1.9, 2.3, 1.9), (-1.9, 0.3, 1.5))]
    whole = [{"K": K, "world_to_camera": pose} for pose in poses]
    first = {"K": half, "world_to_camera": poses[0], "width": SIZE / 2, "height": SIZE / 2}
    file = tmp_path / "cameras.json"
    images = torch.from_numpy(pixels).permute(0, 3, 1, 2).unsqueeze(0).float() / 255
    extras = box_extras(torch.tensor([[K, K]]), torch.tensor([poses]), GRID, SIZE)
    wanted = torch.sigmoid(network(Inputs(images=images, extras=extras), ("masks",))["masks"])[0].detach().numpy()
    for cameras in (whole, [first, whole[1]]):
        file.write_text(json.dumps({"cameras": cameras, "grid": asdict(GRID)}))
        result = run(program, package, tmp_path / "out", *paths, "--cameras", file, "--probabilities")
        assert result.returncode == 0, result.stderr
        found = np.load(tmp_path / "out" / "masks_probabilities.npy")
        np.testing.assert_allclose(found, wanted, atol=1e-4, rtol=0)
    file.write_text(json.dumps({"cameras": whole[::-1]}))
    assert run(program, package, tmp_path / "out", *paths, "--cameras", file, "--probabilities").returncode == 0
    assert np.abs(np.load(tmp_path / "out" / "masks_probabilities.npy") - wanted).max() > 1e-2
    file.write_text(json.dumps({"cameras": whole, "grid": asdict(replace(GRID, voxel_size=0.1))}))
    for words, message in (
        (("--cameras", file), "another grid than the package's"),
        ((), "reads cameras; give --cameras FILE"),
        (("--cameras", tmp_path / "none.json"), "none.json: no such file"),
    ):
        result = run(program, package, tmp_path / "out", *paths, *words)
        assert result.returncode == 1 and message in result.stderr and result.stderr.count("\n") == 1


def test_cameras_that_there_cannot_be_are_refused_as_by_predict(
    program: Path, seeing: tuple[Pulled, Path], tmp_path: Path
) -> None:
    paths = small_images(tmp_path)
    K = [[32.0, 0, SIZE / 2], [0, 32.0, SIZE / 2], [0, 0, 1]]
    pose = [list(row) for row in look_at((1.9, 2.3, 1.9), (0.0, 0.0, 0.7))]
    good = {"K": K, "world_to_camera": pose}
    mirrored = [[-value for value in pose[0]], *pose[1:]]
    sheared = [[2 * value for value in pose[0]], *pose[1:]]
    file = tmp_path / "cameras.json"
    for change, message in (
        ({"width": 0, "height": SIZE}, "expected width and height, both above 0"),
        ({"width": SIZE}, "expected width and height, both above 0"),
        ({"K": [[-32.0, 0, 32.0], *K[1:]]}, "with fx and fy above 0"),
        (
            {"K": [[900.0, 0, 960.0], [0, 900.0, 540.0], [0, 0, 1]]},
            "give the width and height of the image that K is of",
        ),
        ({"world_to_camera": mirrored}, "it mirrors the world"),
        ({"world_to_camera": sheared}, "is no rotation"),
        ({"world_to_camera": np.transpose(pose).tolist()}, "is it transposed?"),
    ):
        file.write_text(json.dumps({"cameras": [good, {**good, **change}]}))
        result = run(program, seeing[1], tmp_path / "out", *paths, "--cameras", file)
        assert result.returncode == 1 and "cameras[1]" in result.stderr and message in result.stderr, result
        with pytest.raises(ScenegenError, match=re.escape(message)):
            extras_of(read_cameras(file), [read_square(path, SIZE) for path in paths], GRID, SIZE)


def test_what_the_program_refuses(program: Path, package: Path, images: list[Path], tmp_path: Path) -> None:
    Image.new("RGB", (300, 200)).save(tmp_path / "large.png")
    (tmp_path / "text.png").write_text("no image")
    (tmp_path / "cut.pt2").write_bytes(package.read_bytes()[:5000])
    for words, status, message in (
        ((package,), 2, "usage: label_scene MODEL.pt2"),
        ((package, tmp_path, *images, "--repeat", "0"), 2, "usage: label_scene MODEL.pt2"),
        ((tmp_path / "none.pt2", tmp_path, *images), 1, "none.pt2: no such file"),
        ((tmp_path / "cut.pt2", tmp_path, *images), 1, "cut.pt2: no package that can be opened"),
        ((package, images[0], *images[1:], tmp_path), 1, f"{images[0]}: OUT, the second word, is a file"),
        ((package, tmp_path / "text.png" / "out", *images), 1, "out: OUT, the second word, cannot be made"),
        ((package, tmp_path, *images[:2]), 1, "images given: 2; "),
        (
            (package, tmp_path, *images[:2], tmp_path / "large.png"),
            1,
            "large.png: 300 x 200 pixels, the network takes 224",
        ),
        ((package, tmp_path, *images[:2], tmp_path / "text.png"), 1, "text.png: not an image that can be read"),
        ((package, tmp_path, *images, "--cameras", tmp_path / "c.json"), 1, "reads images alone; leave --cameras out"),
    ):
        result = run(program, *words)
        assert result.returncode == status and message in result.stderr, (result, message)
        assert result.stderr.count("\n") == 1 and result.stdout == ""


def test_a_package_says_what_it_is_of(package: Path, trained: TrainedModel) -> None:
    about = json.loads(torch._inductor.aoti_load_package(str(package)).get_metadata()["scenetrain"])
    assert [look["name"] for look in about["classes"]] == list(trained.classes)
    assert about["outputs"][0] == {"name": "occupancy", "kind": "occupancy", "threshold": 0.49}
    assert (about["views"], about["image_size"], about["cameras"]) == (3, 224, False)


def test_a_package_needs_a_number_of_views_and_a_compiler(
    trained: TrainedModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(UsageError, match="aoti packages take a number of views; leave --views out or give one"):
        export(trained, tmp_path / "net.pt2", "aoti", None)
    monkeypatch.setenv("CXX", "no-such-compiler")
    with pytest.raises(ScenegenError, match="compiles C\\+\\+, but there is no no-such-compiler"):
        export(trained, tmp_path / "net.pt2", "aoti", 3)
    assert list(tmp_path.iterdir()) == []
