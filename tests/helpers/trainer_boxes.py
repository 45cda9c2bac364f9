"""Small data sets of boxes with the studio grid, and networks of seconds, for tests of the trainer."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

# Threads that spin while they wait take five times as long where other programs use the cores too.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

torch = pytest.importorskip("torch")

from PIL import Image  # noqa: E402
from scenegen.core.dataset.info import DatasetInfo, check_dataset_json  # noqa: E402
from scenegen.core.dataset.request import Request  # noqa: E402
from scenegen.core.scene.scene import (  # noqa: E402
    Bounds,
    Camera,
    FrustumSpec,
    GridSpec,
    LightLook,
    Look,
    PlacedObject,
    Scene,
    SurfaceLook,
)
from scenetrain.config import Config  # noqa: E402
from scenetrain.data.reads import Reads  # noqa: E402
from scenetrain.networks.registry import get_family  # noqa: E402
from scenetrain.networks.settings import load_config  # noqa: E402
from scenetrain.training.run_folder import TrainedModel  # noqa: E402

from helpers.labelled_scenes import write_scene  # noqa: E402

CLASSES = ("chair", "table", "nightstand", "laptop", "bag", "human")
STUDIO = GridSpec((-2.0, -2.4, 0.0), 0.05, (80, 96, 64))
BOX = Reads("box", STUDIO.shape)
EYE = ((1.0, 0.0, 0.0, 0.0), (0.0, 1.0, 0.0, 0.0), (0.0, 0.0, 1.0, 0.0), (0.0, 0.0, 0.0, 1.0))
# Where the three cameras stand: the room mirrored in x, and in x and y, brings the others to the first one's place.
PLACES = ((-0.7, -0.4), (0.7, -0.4), (0.7, 0.4))
SMALL = (
    "model.backbone=test_efficientnet",
    "model.weights=none",
    "model.width=0.02",
    "model.fusion=mean",
    "training.precision=32-true",
    "training.single_view_epochs=2",
    "training.epochs=2",
    "training.train_scenes=4",
    "reconstructor.batch_size=2",
    "segmenter.batch_size=2",
    "reconstructor.dropout=0.1",
    "segmenter.dropout=0.1",
)


@dataclass(frozen=True)
class View:
    """How large the pictures and the frusta of a data set of boxes are; a frustum's axes are multiples of 8."""

    pixels: int = 224
    frustum: tuple[int, int, int] = (8, 8, 8)


VIEW = View()


@dataclass(frozen=True)
class BoxLabels:
    """The same members as helpers.labelled_scenes.SceneLabels."""

    occupancy: np.ndarray
    masks: np.ndarray
    frusta: tuple[np.ndarray, ...]
    depths: tuple[np.ndarray, ...]
    instances: tuple[np.ndarray, ...]
    visible_pixels: tuple[tuple[int, ...], ...]
    normals: tuple[np.ndarray, ...] = ()


def write_boxes(
    out: Path,
    scenes: int,
    split: str = "train",
    grid: GridSpec = STUDIO,
    classes: tuple[str, ...] = CLASSES,
    view: View = VIEW,
) -> Path:
    """A data set of scenes with a box of two classes each; the pictures are of the boxes' colours and places."""
    random = np.random.default_rng(1 if split == "test" else 0)
    request = Request("boxes", scenes=scenes, split=split, quality="draft", assets=Path("nowhere"))
    info = DatasetInfo(request, "p", "l", classes, grid, None)
    check_dataset_json(out, info)
    surface = SurfaceLook("plain", (0.7, 0.7, 0.7), (0.6, 0.6, 0.6), 0.5, 1.0)
    light = LightLook((0.0, 0.0, 3.1), (0.0, 0.0, 0.0), 1.0, 100.0, (1.0, 1.0, 1.0))
    look = Look(surface, surface, surface, (light,), "none", 0.0, 0.0, 0.0)
    frustum = FrustumSpec(0.5, 7.0, view.frustum, 60.0)
    middle, size_of_cell = view.pixels / 2, [n // 8 for n in view.frustum]
    focal = middle * 200 / 112
    K = ((focal, 0.0, middle), (0.0, focal, middle), (0.0, 0.0, 1.0))
    cameras = tuple(
        Camera(
            f"camera_{k}", view.pixels, view.pixels, K, ((1.0, 0.0, 0.0, -x), (0.0, 1.0, 0.0, -y), *EYE[2:]), frustum
        )
        for k, (x, y) in enumerate(PLACES)
    )
    for index in range(scenes):
        masks = np.zeros((*grid.shape, len(classes)), bool)
        frusta = np.zeros((len(cameras), 8, 8, 8), np.uint8)
        image = np.full((224, 224, 3), 40, np.uint8)
        objects = []
        for number, kind in enumerate(random.choice(len(classes), 2, replace=False)):
            low = random.integers(0, np.array(grid.shape) // 2)
            x, y, z = low
            masks[x : x + 20, y : y + 20, z : z + 20, kind] = True
            image[x * 2 : x * 2 + 50, y * 2 : y * 2 + 50, :] = 80 + 25 * kind
            for k in range(len(cameras)):
                frusta[k, 4 * number : 4 * number + 3, k : k + 3, 2:6] = kind + 1
            corner = np.array(grid.origin) + grid.voxel_size * low
            size = 20 * grid.voxel_size
            centre = corner + np.array([size / 2, size / 2, 0])
            matrix = (*((*EYE[i][:3], float(centre[i])) for i in range(3)), EYE[3])
            box = Bounds(tuple(corner.tolist()), tuple((corner + size).tolist()))
            objects.append(PlacedObject(number, classes[kind], "box", None, matrix, box, (size, size, size)))
        pixels = tuple((0, 0, 0) if number else (100, 50, 25) for number in range(2))
        blank = np.zeros((view.pixels, view.pixels), np.uint16)
        frusta = [np.kron(cells, np.ones(size_of_cell, np.uint8)) for cells in frusta]
        pictures = []
        for k in range(3):
            pictures.append(out.parent / f"{out.name}_{k}.png")
            picture = Image.fromarray(np.roll(image, 20 * k, axis=1))
            (picture if view.pixels == 224 else picture.resize((view.pixels, view.pixels))).save(pictures[-1])
        labels = BoxLabels(
            masks.any(-1),
            masks,
            tuple(frusta),
            tuple(blank + 1000 * (k + 1) + index for k in range(3)),
            (blank,) * 3,
            pixels,
        )
        room = (4.0, 4.8, 3.2)
        scene = Scene(0, index, "boxes", split, classes, grid, room, cameras, tuple(objects), (), look, {"credits": []})
        write_scene(out, scene, pictures, labels)  # type: ignore[arg-type]
    return out


def set_visible_pixels(data: Path, pixels: dict[int, tuple[tuple[int, ...], ...]]) -> None:
    """Say of scenes, by index, how many pixels of each camera show each object; write_boxes says that none do."""
    for index, of_scene in pixels.items():
        path = data / "scenes" / f"scene_{index:06d}" / "scene.json"
        body = json.loads(path.read_text())
        for item, counts in zip(body["objects"], of_scene, strict=True):
            item["visible_pixels"] = list(counts)
        path.write_text(json.dumps(body))


def build(config: Config, classes: int = len(CLASSES)) -> torch.nn.Module:
    """A network with random weights."""
    return get_family(config.model.name).build(config, classes, STUDIO.shape, pretrained=False)


def trained_model(config: Config, occupancy: float, masks: float) -> TrainedModel:
    """A network with random weights as a run keeps it, its thresholds given; every class was seen in one place."""
    frequency = torch.zeros((1 + len(CLASSES), *STUDIO.shape), dtype=torch.half)
    frequency[:, 10:40, 10:40, :30] = 0.25
    family = get_family(config.model.name)
    thresholds = {"occupancy": occupancy, "masks": masks}
    return TrainedModel(build(config).eval(), family, config, CLASSES, STUDIO, thresholds, frequency)


def enliven(model: torch.nn.Module) -> None:
    """Make batch norms something else than the identity, so that answers differ from voxel to voxel."""
    for module in model.modules():
        if isinstance(module, torch.nn.BatchNorm2d | torch.nn.BatchNorm3d):
            module.running_mean.normal_(0, 0.1)
            module.running_var.uniform_(0.5, 2)


def small_config(*changes: str) -> Config:
    """A network and a protocol of seconds."""
    return load_config("first", (*SMALL, *changes))
