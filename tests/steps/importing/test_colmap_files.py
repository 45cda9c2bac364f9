"""COLMAP's files and lenses against pycolmap, which writes and bends them."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pycolmap
import pytest
from helpers.colmap_files import SIZE, camera, write_model
from PIL import Image
from scenegen.core.errors import ScenegenError
from scenegen.steps.importing.colmap_model import find_model, read_model
from scenegen.steps.importing.lenses import LENSES, Lens
from scenegen.steps.importing.photographs import ORIENTATION, Shot, photograph

PINHOLE = (100.0, 101.0, 60.5, 44.0)


def parameters(model: str) -> list[float]:
    names = LENSES[model].parameters.split()
    own = {"omega": 0.7, "alpha": 0.6, "beta": 1.1}
    places = {"f": 100.0, "fx": 100.0, "fy": 101.0, "cx": 60.5, "cy": 44.0}
    rng = np.random.default_rng(len(model))
    return [places.get(name, own.get(name, rng.uniform(-0.03, 0.03))) for name in names]


@pytest.mark.parametrize("number, model", list(enumerate(LENSES)))
def test_every_lens_bends_as_pycolmap_says(number: int, model: str) -> None:
    theirs = camera(model, parameters(model))
    x, y = np.random.default_rng(1).uniform(-0.7, 0.7, (2, 200))
    ours = np.stack(Lens.of(model, parameters(model)).place(x, y), axis=1)
    assert int(pycolmap.CameraModelId.__members__[model]) == number
    assert theirs.params_info == ", ".join(LENSES[model].parameters.split())
    assert np.abs(ours - theirs.img_from_cam(np.stack([x, y, np.ones(200)], axis=1))).max() < 1e-9


@pytest.mark.parametrize("text", [False, True])
def test_a_model_has_the_poses_that_pycolmap_wrote(tmp_path: Path, text: bool) -> None:
    turn = pycolmap.Rotation3d(np.array([0.2, -0.4, 0.1, 1.8]))  # x, y, z, w, and not of length 1
    poses = {name: pycolmap.Rigid3d(turn, np.array([n, 2.0, 3.0])) for n, name in enumerate(["a b.jpg", "in/c.jpg"])}
    images = read_model(write_model(tmp_path, camera("OPENCV", parameters("OPENCV"), number=7), poses, text))
    assert [image.name for image in images] == ["a b.jpg", "in/c.jpg"]
    right = pycolmap.Rotation3d(np.array([0.2, -0.4, 0.1, 1.8]) / np.linalg.norm([0.2, -0.4, 0.1, 1.8])).matrix()
    for n, image in enumerate(images):
        assert np.allclose(image.pose, np.column_stack([right, [n, 2, 3]]), atol=1e-12)
        assert (image.camera.id, image.camera.width, image.camera.height) == (7, *SIZE)
        assert image.camera.lens == Lens.of("OPENCV", parameters("OPENCV"))


def test_what_is_wrong_with_a_model_is_said(tmp_path: Path) -> None:
    pose = {"a.jpg": pycolmap.Rigid3d()}
    with pytest.raises(ScenegenError, match=r"has no cameras.bin and images.bin.*name COLMAP's folder"):
        read_model(tmp_path)
    model = write_model(tmp_path / "0", camera("PINHOLE", PINHOLE), pose)
    with pytest.raises(ScenegenError, match=r"or the folder sparse that holds some"):
        read_model(tmp_path)
    whole = (model / "images.bin").read_bytes()
    (model / "images.bin").write_bytes(whole[:-9])
    with pytest.raises(ScenegenError, match=r"images.bin: is damaged"):
        read_model(model)
    write_model(model, camera("EQUIRECTANGULAR", [120, 60]), pose)
    with pytest.raises(ScenegenError, match=r"camera 1: its model EQUIRECTANGULAR sees all around"):
        read_model(model)
    empty = write_model(tmp_path / "1", camera("PINHOLE", PINHOLE), {}, text=True)
    with pytest.raises(ScenegenError, match=r"images.txt: has no images"):
        read_model(empty)
    write_model(empty, camera("PINHOLE", PINHOLE), pose, text=True)
    cameras = (empty / "cameras.txt").read_text()
    (empty / "cameras.txt").write_text(cameras.replace("PINHOLE", "SPHERE"))
    with pytest.raises(ScenegenError, match=r"camera 1: its model SPHERE is unknown"):
        read_model(empty)


def test_of_several_models_the_largest_is_taken_and_named(tmp_path: Path) -> None:
    lens, pose = camera("PINHOLE", PINHOLE), pycolmap.Rigid3d()
    for name, images in (("0", "ab"), ("1", "abc"), ("2", "c")):
        write_model(tmp_path / name, lens, {f"{image}.jpg": pose for image in images}, text=name == "2")
    (tmp_path / "notes").mkdir()
    model, notes = find_model(tmp_path)
    assert model == tmp_path / "1"
    assert notes == [
        f"took the model {tmp_path / '1'} (3 images); name another one's folder to take that: "
        "0 (2 images), 2 (1 images)"
    ]
    assert find_model(tmp_path / "0") == (tmp_path / "0", [])


@pytest.mark.parametrize("part", [4, 9, 20, 60, 75, 100])
def test_a_binary_model_that_is_cut_off_anywhere_is_damaged(tmp_path: Path, part: int) -> None:
    model = write_model(tmp_path, camera("PINHOLE", PINHOLE), {"a photograph of a room.jpg": pycolmap.Rigid3d()})
    whole = (model / "images.bin").read_bytes()
    (model / "images.bin").write_bytes(whole[: len(whole) * part // 101])
    with pytest.raises(ScenegenError, match=r"images.bin: is damaged \(it ends (too early|within an image)"):
        read_model(model)


@pytest.mark.parametrize("file", ["cameras.bin", "images.bin"])
@pytest.mark.parametrize("number", [float("nan"), float("inf")])
def test_numbers_that_are_none_are_refused(tmp_path: Path, file: str, number: float) -> None:
    model = write_model(tmp_path, camera("PINHOLE", PINHOLE), {"a.jpg": pycolmap.Rigid3d()})
    content = bytearray((model / file).read_bytes())
    place = 8 + 24 if file == "cameras.bin" else 8 + 4  # the first focal length; the first number of the pose
    content[place : place + 8] = struct.pack("<d", number)
    (model / file).write_bytes(content)
    with pytest.raises(ScenegenError, match=rf"{file}: .*(pixels|no rotation and translation)"):
        read_model(model)


@pytest.mark.parametrize("model", ["OPENCV", "RADIAL_FISHEYE"])
def test_a_photograph_is_undistorted_as_pycolmap_does(tmp_path: Path, model: str) -> None:
    v, u = np.mgrid[: SIZE[1], : SIZE[0]]
    pixels = np.stack([128 + 100 * np.sin(u / 9), 128 + 100 * np.cos(v / 7), u + v], axis=-1).astype(np.uint8)
    Image.fromarray(pixels).save(tmp_path / "a.png")
    theirs = camera(model, parameters(model))
    options = pycolmap.UndistortCameraOptions(min_scale=1.0, max_scale=1.0, blank_pixels=0.0)
    bitmap, flat = pycolmap.undistort_image(options, pycolmap.Bitmap.from_array(pixels), theirs)
    shot = photograph(tmp_path / "a.png", Lens.of(model, parameters(model)), SIZE, np.eye(4))
    expected = bitmap.to_array().astype(int)
    both = (expected > 0).any(axis=-1)  # they leave the last row and column black
    assert (flat.width, flat.height) == SIZE
    assert np.allclose(shot.K, flat.calibration_matrix())
    assert both.mean() > 0.9
    assert np.abs(expected - shot.pixels)[both].max() <= 1


def test_a_photograph_without_distortion_stays_as_it_is(tmp_path: Path) -> None:
    pixels = np.random.default_rng(0).integers(0, 255, (SIZE[1], SIZE[0], 3), dtype=np.uint8)
    Image.fromarray(pixels).save(tmp_path / "a.png")
    for model in ("PINHOLE", "OPENCV"):
        lens = Lens.of(model, [*PINHOLE, 0, 0, 0, 0][: len(LENSES[model].parameters.split())])
        assert (photograph(tmp_path / "a.png", lens, SIZE, np.eye(4)).pixels == pixels).all()


@pytest.mark.parametrize("orientation", [1, 3, 6, 8])
@pytest.mark.parametrize("side", [0, 45])
def test_places_are_seen_where_their_pixels_are(tmp_path: Path, orientation: int, side: int) -> None:
    """Of a photograph that EXIF turns, and of its scaled middle square."""
    pose = np.eye(4)
    pose[:3, 3] = 0.1, -0.2, 0.3
    place = np.array([0.4, 0.3, 4.0])
    K = np.array([[100, 0, 60.5], [0, 101, 44], [0, 0, 1.0]])
    u, v, w = K @ (place + pose[:3, 3])
    pixels = np.zeros((SIZE[1], SIZE[0], 3), np.uint8)
    pixels[int(v / w), int(u / w)] = 255
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    Image.fromarray(pixels).save(tmp_path / "a.png", exif=exif)
    shot: Shot = photograph(tmp_path / "a.png", Lens.of("PINHOLE", PINHOLE), SIZE, pose).square(side)
    u, v, w = shot.K @ (shot.pose @ [*place, 1])[:3]
    row, column = np.unravel_index(shot.pixels[..., 0].argmax(), shot.pixels.shape[:2])
    assert shot.pixels.shape[:2] == ((side, side) if side else SIZE if orientation in (6, 8) else SIZE[::-1])
    assert abs(u / w - column - 0.5) <= 0.75
    assert abs(v / w - row - 0.5) <= 0.75
    assert np.isclose(np.linalg.det(shot.pose), 1)


def test_a_photograph_of_another_size_is_refused(tmp_path: Path) -> None:
    Image.new("RGB", (60, 45)).save(tmp_path / "a.png")
    with pytest.raises(ScenegenError, match=r"a.png: is 60 x 45 pixels, but its camera 120 x 90"):
        photograph(tmp_path / "a.png", Lens.of("PINHOLE", PINHOLE), SIZE, np.eye(4))
    (tmp_path / "a.png").write_bytes(b"no image")
    with pytest.raises(ScenegenError, match=r"a.png: cannot be read"):
        photograph(tmp_path / "a.png", Lens.of("PINHOLE", PINHOLE), SIZE, np.eye(4))
