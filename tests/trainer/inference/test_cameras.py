"""Networks that read cameras, on photographs: which camera a photograph has once it is cut, scaled and turned."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from helpers.box_scenes import CLASSES, camera
from helpers.pulled_family import FAMILY, SHAPE, SIZE, Pulled
from PIL import Image
from scenegen.core.errors import DamageError, ScenegenError, UsageError
from scenegen.core.scene.camera import camera_matrix, look_at
from scenegen.core.scene.scene import GridSpec
from scenetrain.config import Config, ModelSettings, TrainingSettings
from scenetrain.data.given_cameras import box_extras, check_sees_grid
from scenetrain.data.reads import voxels_to_image
from scenetrain.inference.cameras import read_cameras
from scenetrain.inference.export import export
from scenetrain.inference.predict import Taken, predict
from scenetrain.networks.registry import FAMILIES
from scenetrain.training.run_folder import TrainedModel

CPU = torch.device("cpu")
GRID = GridSpec((-2.0, -2.4, 0.0), 0.2, SHAPE)
CELL = (5, 14, 3)
"""What is red in the photographs, the whole of this voxel: its colour is found there and nowhere near."""
EYES = ((1.9, 2.3, 1.9), (1.9, -2.3, 1.8), (-1.0, 2.3, 2.2))
WIDE, HIGH = 640, 400


@pytest.fixture
def trained(monkeypatch: pytest.MonkeyPatch) -> TrainedModel:
    """What all views see, and see red, is a chair."""
    monkeypatch.setitem(FAMILIES, "pulled", "helpers.pulled_family")
    network = Pulled(len(CLASSES), SHAPE).eval()
    with torch.no_grad():
        network.head.weight.zero_()
        network.head.bias.fill_(-52.0)
        network.head.weight[0, 0] = network.head.weight[0, 6] = 30.0
    return model_of(network)


def model_of(network: torch.nn.Module) -> TrainedModel:
    config = Config(ModelSettings("pulled"), TrainingSettings(views=2))
    frequency = torch.zeros((1 + len(CLASSES), *SHAPE), dtype=torch.half)
    return TrainedModel(network, FAMILY, config, CLASSES, GRID, {"masks": 0.5}, frequency)


def pose(number: int) -> list[list[float]]:
    return [list(row) for row in look_at(EYES[number], (-0.5, 0.5, 0.7))]


def photograph(path: Path, number: int, turned: bool = False) -> None:
    """A black image of WIDE x HIGH pixels with a red disc about CELL's centre, drawn by the plain pinhole formula."""
    K, world_to_camera = np.array(camera_matrix(WIDE, HIGH, 75.0)), np.array(pose(number))
    centre = np.array(GRID.origin) + GRID.voxel_size * (np.array(CELL) + 0.5)
    x, y, z = world_to_camera[:3, :3] @ centre + world_to_camera[:3, 3]
    u, v = K[0, 0] * x / z + K[0, 2], K[1, 1] * y / z + K[1, 2]
    radius = K[0, 0] * 0.1 / z
    columns, rows = np.meshgrid(np.arange(WIDE) + 0.5, np.arange(HIGH) + 0.5)
    pixels = np.zeros((HIGH, WIDE, 3), np.uint8)
    pixels[..., 0] = 255 * (np.hypot(columns - u, rows - v) < radius)
    exif = Image.Exif()
    if turned:  # stored a quarter turned, with the tag that turns it back
        exif[0x0112] = 6
        pixels = np.rot90(pixels)
    Image.fromarray(pixels).save(path, exif=exif)


def cameras_file(path: Path, numbers: tuple[int, ...], **changes: Any) -> Path:
    one = {"K": camera_matrix(WIDE, HIGH, 75.0)}
    body = {"cameras": [{**one, "world_to_camera": pose(number)} for number in numbers]}
    body["cameras"][0].update(changes)
    path.write_text(json.dumps(body))
    return path


def test_the_red_voxel_is_found_from_any_photographs(trained: TrainedModel, tmp_path: Path) -> None:
    """Wide ones are cut to their middle square, one is turned by EXIF; K of twice the pixels says the same."""
    paths = [tmp_path / f"{number}.png" for number in range(3)]
    for number, path in enumerate(paths):
        photograph(path, number, turned=number == 1)
    twice = {"K": camera_matrix(2 * WIDE, 2 * HIGH, 75.0), "width": 2 * WIDE, "height": 2 * HIGH}
    for n, numbers in enumerate(((0, 1), (1, 0, 2), (2, 1))):
        file = cameras_file(tmp_path / "cameras.json", numbers, **(twice if n else {}))
        out = tmp_path / f"out{n}"
        predict(trained, [paths[number] for number in numbers], out, CPU, taken=Taken(cameras=read_cameras(file)))
        masks = np.load(out / "masks.npy")
        assert np.argwhere(masks[..., 0]).tolist() == [list(CELL)] and not masks[..., 1:].any()


def test_the_file_s_grid_moves_the_voxels(trained: TrainedModel, tmp_path: Path) -> None:
    """A grid that begins a voxel earlier along x counts the same place one further."""
    photograph(tmp_path / "0.png", 0), photograph(tmp_path / "1.png", 1)
    file = cameras_file(tmp_path / "cameras.json", (0, 1))
    moved = {"origin": [-2.2, -2.4, 0.0], "voxel_size": 0.2, "shape": list(SHAPE)}
    file.write_text(json.dumps({**json.loads(file.read_text()), "grid": moved}))
    pair = [tmp_path / "0.png", tmp_path / "1.png"]
    predict(trained, pair, tmp_path / "out", CPU, taken=Taken(cameras=read_cameras(file)))
    found = np.argwhere(np.load(tmp_path / "out" / "masks.npy")[..., 0]).tolist()
    assert found == [[CELL[0] + 1, CELL[1], CELL[2]]]
    assert json.loads((tmp_path / "out" / "prediction.json").read_text())["grid"]["origin"] == [-2.2, -2.4, 0.0]
    file.write_text(json.dumps({**json.loads(file.read_text()), "grid": {**moved, "shape": [9, 9, 9]}}))
    with pytest.raises(ScenegenError, match=r"its grid is \(9, 9, 9\), the network's \(20, 24, 16\)"):
        predict(trained, pair, tmp_path / "out", CPU, taken=Taken(cameras=read_cameras(file)))


NOT_RIGID = [[1.0, 0.0, 0.0, 0.0], [0.0, 2.0, 0.0, 0.0], [0.0, 0.0, 1.0, 0.0], [0.0, 0.0, 0.0, 1.0]]
MIRROR = [[-1.0, 0.0, 0.0, 0.0], [0.0, 1.0, 0.0, 0.0], [0.0, 0.0, 1.0, 0.0], [0.0, 0.0, 0.0, 1.0]]
TRANSPOSED = np.array(pose(0)).T.tolist()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"K": [[0.0, 0.0, 1.0], [0.0, 1.0, 1.0], [0.0, 0.0, 1.0]]}, r"cameras\[0\]\.K: .*fx and fy above 0"),
        ({"K": [[1.0, 0.0], [0.0, 1.0]]}, r"cameras\[0\]\.K"),
        ({"world_to_camera": NOT_RIGID}, "no rotation"),
        ({"world_to_camera": MIRROR}, "mirrors the world"),
        ({"world_to_camera": TRANSPOSED}, "is it transposed"),
        ({"world_to_camera": [[float("nan")] * 4] * 4}, r"cameras\[0\]\.world_to_camera"),
        ({"width": 640}, "width and height"),
        ({"focal": 5}, "focal"),
    ],
)
def test_wrong_matrices_are_one_line(changes: dict[str, Any], message: str, tmp_path: Path) -> None:
    with pytest.raises(DamageError, match=message) as caught:
        read_cameras(cameras_file(tmp_path / "cameras.json", (0, 1), **changes))
    assert "\n" not in str(caught.value) and "cameras.json: " in str(caught.value)


def test_what_does_not_fit_is_one_line(trained: TrainedModel, tmp_path: Path) -> None:
    paths = [tmp_path / "0.png", tmp_path / "1.png"]
    for number, path in enumerate(paths):
        photograph(path, number, turned=number == 0)

    def refused(match: str, error: type[Exception] = ScenegenError, photographs: int = 2, **changes: Any) -> None:
        file = read_cameras(cameras_file(tmp_path / "cameras.json", (0, 1), **changes))
        with pytest.raises(error, match=match):
            predict(trained, paths[:photographs], tmp_path / "out", CPU, taken=Taken(cameras=file))
        assert not (tmp_path / "out").exists()

    refused("2 cameras, photographs given: 1", UsageError, photographs=1)
    inverse = [list(row) for row in look_at(EYES[0], (1.9, 9.0, 9.0))]  # what it is the inverse of sees the grid
    nothing = r"cameras\[0\], of .*0\.png, sees nothing of the grid from \(-2.*"
    refused(nothing + "not its inverse", world_to_camera=inverse)
    away = [list(row) for row in look_at(EYES[0], (9.0, 9.0, 1.0))]
    refused(nothing + "the grid's own world and metres", world_to_camera=away)
    refused("is 640 x 400 pixels, its camera's image 400 x 640.*turned upright by EXIF", width=HIGH, height=WIDE)
    with pytest.raises(UsageError, match="give --cameras FILE"):
        predict(trained, paths, tmp_path / "out", CPU)
    (tmp_path / "cameras.json").write_text("[]")
    with pytest.raises(DamageError, match="expected a JSON object"):
        read_cameras(tmp_path / "cameras.json")
    with pytest.raises(ScenegenError, match="no such file of cameras"):
        read_cameras(tmp_path / "gone.json")


def test_extras_of_given_cameras_are_those_of_a_data_set() -> None:
    cameras = [camera("a", (1.9, 2.3, 1.9)), camera("b", (-1.9, 2.3, 1.9))]
    size = cameras[0].width
    K, poses = (torch.tensor([getattr(c, name) for c in cameras])[None] for name in ("K", "world_to_camera"))
    found = box_extras(K, poses, GRID, size).voxels_to_image
    assert found is not None
    expected = torch.from_numpy(np.stack([voxels_to_image(c, GRID) for c in cameras]))
    torch.testing.assert_close(found[0], expected, rtol=1e-5, atol=1e-5)


def test_a_scene_whose_cameras_look_away_is_refused() -> None:
    inside, away = camera("in", (1.9, 2.3, 1.9)), camera("out", (1.9, 2.3, 1.9), (9.0, 9.0, 1.0))
    check_sees_grid("scene 1", [away, inside], GRID)
    with pytest.raises(
        ScenegenError, match=r"scene 1: no camera sees anything of its grid, from \(-2\.0, -2\.4, 0\.0\)"
    ):
        check_sees_grid("scene 1", [away, away], GRID)


def test_files_for_other_programs_take_cameras(trained: TrainedModel, tmp_path: Path) -> None:
    """Several sets of cameras and numbers of views; ONNX Runtime and torch.export against the network."""
    onnxruntime = pytest.importorskip("onnxruntime")
    pytest.importorskip("onnxscript")
    torch.manual_seed(0)
    trained = model_of(Pulled(len(CLASSES), SHAPE).eval())
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    path = export(trained, tmp_path / "net.onnx", "onnx", None)
    runtime = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    program = torch.export.load(export(trained, tmp_path / "net.pt2", "torch", None)).module()
    assert [one.name for one in runtime.get_inputs()] == ["images", "K", "world_to_camera"]
    about = json.loads(runtime.get_modelmeta().custom_metadata_map["scenetrain"])
    assert about["grid"] == {"origin": [-2.0, -2.4, 0.0], "voxel_size": 0.2, "shape": list(SHAPE)}
    K = torch.tensor(camera_matrix(SIZE, SIZE, 75.0))
    for numbers in ((0,), (0, 1), (2, 0, 1)):
        images = torch.rand(2, len(numbers), 3, SIZE, SIZE)
        poses = torch.tensor([pose(number) for number in numbers]).expand(2, -1, 4, 4).contiguous()
        every = K.repeat(2, len(numbers), 1, 1)
        with torch.no_grad():
            from scenetrain.networks.contract import Inputs

            inputs = Inputs(images=images, extras=box_extras(every, poses, GRID, SIZE))
            expected = torch.sigmoid(trained.model(inputs, ("masks",))["masks"])
            [again] = program(images, every, poses)
        named = {"images": images.numpy(), "K": every.numpy(), "world_to_camera": poses.numpy()}
        [found] = runtime.run(None, named)
        assert expected.std() > 1e-2
        assert (torch.from_numpy(found) - expected).abs().max() < 1e-4
        assert (again - expected).abs().max() < 1e-4
