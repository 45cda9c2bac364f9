"""A realistic image of every rendered view, painted from its edges; labels stay as they are.

OUT/scenes/scene_000000/image_restyled_0.png    beside image_0.png and the labels
OUT/restyled.json                               by which run, with which edges, how well labels' contours are kept
"""

from __future__ import annotations

import hashlib
import io
import json
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import asdict, astuple, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from scenegen.core.dataset.folders import scene_path
from scenegen.core.dataset.reading import Dataset
from scenegen.core.dataset.stored_scene import StoredScene
from scenegen.core.errors import DamageError, ScenegenError, UsageError
from scenegen.core.files import cannot_write, check_apart, remove_folder, write_bytes, write_text
from scenegen.progress import OnProgress
from scipy import ndimage

from scenetrain.config import EdgeSettings
from scenetrain.data.edges import canny_edges, edges_of, object_borders
from scenetrain.data.restyled import RECORD, read_restyled, restyled_name
from scenetrain.training.paint import TrainedPainter

NEAR = 2.0
"""Pixels from a label's contour within which an edge counts as its own."""

Picture = NDArray[np.uint8]


@dataclass(frozen=True)
class ContourRecall:
    """How many pixels of labels' contours have an edge near them, in the rendered and in the restyled images.

    `by_chance` are those of the contours seen in a mirror: images with edges everywhere have them near anything.
    """

    contours: int = 0
    rendered: int = 0
    restyled: int = 0
    by_chance: int = 0

    def __add__(self, other: ContourRecall) -> ContourRecall:
        """Of both together."""
        return ContourRecall(*(mine + theirs for mine, theirs in zip(astuple(self), astuple(other), strict=True)))


@dataclass(frozen=True)
class Restyled:
    """What `restyle` did: images written and found there already, and the recall where there are instance maps."""

    written: int
    kept: int
    recall: ContourRecall


def restyle(
    trained: TrainedPainter, data: Path, out: Path, device: torch.device, batch: int, on_progress: OnProgress
) -> Restyled:
    """Write image_restyled_K.png of every view of `data` into `out`, which is a copy, or `data` itself.

    Of a data set in folders OUT becomes a whole copy; of a packed one it holds the restyled images alone. A scene
    appears whole; those that are there are kept, so the same command continues. UsageError for folders in one another
    and for a packed data set in place; ScenegenError when OUT was made by another run, or cannot be written, and when
    the painter takes borders of objects and the data set has no instance maps.
    """
    dataset = Dataset(data)
    if trained.config.edges.borders and not dataset.maps:
        raise ScenegenError(
            f"{data}: packed without instance maps, and {trained.path.parent} paints from borders of objects too; pack "
            "it with --maps, or give a run with edges.borders=false"
        )
    in_place = out.resolve() == data.resolve()
    if in_place and dataset.packing:
        raise UsageError(f"{data}: is packed, and shards are not changed; name another OUT")
    check_apart(data, out)
    record = _record(trained, data)
    written = kept = 0
    recall = ContourRecall()
    try:
        _begin(out, record, None if in_place or dataset.packing else data)
        for done, scene in enumerate(dataset, start=1):
            target = scene_path(out, scene.index)
            views = len(scene.cameras)
            if all((target / restyled_name(k)).is_file() for k in range(views)):
                images = [read_restyled(target, k) for k in range(views)] if dataset.maps else []
                kept += views
            else:
                images = paint_edges(trained, _edges(scene, trained.config.edges), device, batch)
                source = None if in_place or dataset.packing else scene_path(data, scene.index)
                _write(target, images, source, in_place=in_place)
                written += views
            if dataset.maps:
                recall += _recall(scene, images, trained)
            on_progress(done, len(dataset))
        write_text(out / RECORD, json.dumps(record | {"images": written + kept, "contours": asdict(recall)}, indent=1))
    except OSError as error:
        raise ScenegenError(cannot_write(out, error)) from error
    return Restyled(written, kept, recall)


def paint_edges(
    trained: TrainedPainter, edges: Sequence[NDArray[np.bool_]], device: torch.device, batch: int
) -> list[Picture]:
    """An image uint8 (H, W, 3) of each edges (H, W); those of one size go through together."""
    painted: dict[int, Picture] = {}
    for numbers in _batches(edges, batch):
        stacked = torch.from_numpy(np.stack([edges[n] for n in numbers]))
        with torch.inference_mode():
            colours = trained.network.paint(stacked.unsqueeze(1).float().to(device))
        bytes_ = (colours.clamp(0, 1) * 255).round().byte().permute(0, 2, 3, 1).cpu().numpy()
        painted |= dict(zip(numbers, bytes_, strict=True))
    return [painted[n] for n in range(len(edges))]


def _edges(scene: StoredScene, settings: EdgeSettings) -> list[NDArray[np.bool_]]:
    """What each view of a scene is painted from."""
    return [
        edges_of(scene.image(k), scene.instance(k) if settings.borders else None, settings)
        for k in range(len(scene.cameras))
    ]


def contour_recall(
    instances: NDArray[np.uint16], rendered: NDArray[np.bool_], restyled: NDArray[np.bool_]
) -> ContourRecall:
    """Of an instance map and the edges of two images, all (H, W); a contour is as in object_borders."""
    contour = object_borders(instances)
    near_rendered, near_restyled = (
        ndimage.distance_transform_edt(~edges) <= NEAR if edges.any() else edges for edges in (rendered, restyled)
    )
    return ContourRecall(
        int(contour.sum()),
        int(near_rendered[contour].sum()),
        int(near_restyled[contour].sum()),
        int(near_restyled[contour[:, ::-1]].sum()),
    )


def _recall(scene: StoredScene, images: Sequence[Picture], trained: TrainedPainter) -> ContourRecall:
    settings, total = trained.config.edges, ContourRecall()
    for k, image in enumerate(images):
        total += contour_recall(scene.instance(k), canny_edges(scene.image(k), settings), canny_edges(image, settings))
    return total


def _batches(edges: Sequence[NDArray[np.bool_]], batch: int) -> Iterator[list[int]]:
    """The numbers of edges of one size, at most `batch` at a time."""
    by_shape: dict[tuple[int, ...], list[int]] = {}
    for number, each in enumerate(edges):
        by_shape.setdefault(each.shape, []).append(number)
    for numbers in by_shape.values():
        yield from (numbers[i : i + batch] for i in range(0, len(numbers), batch))


def _record(trained: TrainedPainter, data: Path) -> dict[str, Any]:
    return {
        "data": str(data),
        "run": str(trained.path.parent),
        "painter": trained.painter.name,
        "checksum": hashlib.sha256(trained.path.read_bytes()).hexdigest(),
        "edges": asdict(trained.config.edges),
    }


def _begin(out: Path, record: dict[str, Any], copied: Path | None) -> None:
    """Begin OUT, or check that it was made by the same painter; `copied` gives it what is beside the scenes."""
    path = out / RECORD
    if path.is_file():
        try:
            found = json.loads(path.read_text())["checksum"]
        except (ValueError, KeyError, TypeError) as error:
            raise DamageError(f"{path}: damaged; remove it and the image_restyled files") from error
        if found != record["checksum"]:
            raise ScenegenError(f"{path}: its images are by another run; give that --run, or another OUT")
    elif copied and (out / "scenes").exists():
        raise ScenegenError(f"{out}: is there already and not made by restyle; name another OUT")
    out.mkdir(parents=True, exist_ok=True)
    write_text(path, json.dumps(record, indent=1))
    for file in copied.iterdir() if copied else ():
        if file.is_file() and not file.name.startswith(".") and not (out / file.name).exists():
            shutil.copy2(file, out / file.name)


def _write(target: Path, images: Sequence[Picture], source: Path | None, *, in_place: bool) -> None:
    """A scene's images: beside the rendered ones, or in a new folder, with `source`'s files, that appears whole."""
    if in_place:
        for k, image in enumerate(images):
            write_bytes(target / restyled_name(k), [_png(image)])
        return
    staging = target.with_name(f".restyling-{target.name}")
    if staging.exists():
        remove_folder(staging)
    staging.parent.mkdir(parents=True, exist_ok=True)
    if source:
        shutil.copytree(source, staging)
    else:
        staging.mkdir()
    for k, image in enumerate(images):
        (staging / restyled_name(k)).write_bytes(_png(image))
    if target.exists():
        remove_folder(target)
    staging.rename(target)


def _png(image: Picture) -> bytes:
    content = io.BytesIO()
    Image.fromarray(image).save(content, "PNG")
    return content.getvalue()
