"""BOP: poses of objects in the camera, their models, and what is seen of them.

    OUT/camera.json  dataset_info.md  CREDITS.txt  CREDITS.json
    OUT/models/obj_000001.ply  models_info.json  assets.json      millimetres
    OUT/train_pbr/000017/                                         scene 17; `test` for the test split
        rgb/000000.png  depth/000000.png                          camera 0
        mask/000000_000003.png  mask_visib/000000_000003.png      its fourth annotated object: silhouette, and seen part
        scene_camera.json  scene_gt.json  scene_gt_info.json      cameras, poses, visibility
    OUT/test_targets_bop19.json                                   of a test split: what to find where

After docs/bop_datasets_format.md and scripts/calc_gt_info.py of the BOP toolkit, except that what is seen of an object
comes from the instance map, which is exact, and not from comparing depths.
"""

from __future__ import annotations

import dataclasses
import io
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from PIL import Image

from scenegen.core.dataset.credits import Credit
from scenegen.core.dataset.reading import FAR_MM, Dataset, StoredScene
from scenegen.core.errors import ScenegenError
from scenegen.core.files import write_text
from scenegen.core.labels.depth_and_instances import rasterize
from scenegen.core.labels.scene_labels import world_vertices
from scenegen.core.scene.scene import Camera, PlacedObject
from scenegen.steps.exchange.bop_models import MM, Model, centre, load, write_model
from scenegen.steps.exchange.pieces import Survey, box_of, image_suffix, split_pose, whole_folder
from scenegen.steps.scene_pool import map_scenes

SPLITS = {"train": "train_pbr", "test": "test"}
STRANGE_SHARE = 0.01
"""A mesh whose silhouette misses more than this of the pixels where the object is seen is not the one rendered."""
TARGET_VISIBLE = 0.1
"""BOP asks for objects of which at least this share is seen."""
NOWHERE = [-1, -1, -1, -1]

Mask = NDArray[np.bool_]
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Plan:
    """What the scenes have in common: where all goes, the asset library, and BOP's number of each (asset, scale)."""

    folder: Path
    split: str
    library: Path
    numbers: Mapping[tuple[str, float], int]


def plan(dataset: Dataset, folder: Path, surveys: Sequence[Survey], assets: Path | None) -> Plan:
    """Number the models, make the folders, and write what does not depend on a scene."""
    library = assets or Path(dataset.info.library)
    pairs = sorted({pair for one in surveys for pair in one.assets})
    made = Plan(folder, SPLITS[dataset.info.split], library, {pair: n for n, pair in enumerate(pairs, start=1)})
    for name in (made.split, "models"):
        (folder / name).mkdir(exist_ok=True)
    return made


def piece(plan: Plan, index: int) -> Path:
    """What is there once scene `index` is done."""
    return plan.folder / plan.split / f"{index:06d}"


def write_scene(plan: Plan, stored: StoredScene) -> None:
    """Write a scene's folder."""
    scene = stored.scene
    meshes = {o.asset: (m.vertices, m.faces) for o in scene.objects for _, m in [load(plan.library, o.asset)]}
    solids = {o.id: (world_vertices(o, meshes), meshes[o.asset][1]) for o in scene.objects}
    cameras: dict[str, Any] = {}
    poses: dict[str, Any] = {}
    infos: dict[str, Any] = {}
    with whole_folder(piece(plan, scene.index)) as folder:
        for name in ("rgb", "depth", "mask", "mask_visib"):
            (folder / name).mkdir()
        for k, camera in enumerate(scene.cameras):
            content, depth, instance = stored.encoded_image(k), stored.depth_mm(k), stored.instance(k)
            (folder / "rgb" / f"{k:06d}{image_suffix(content)}").write_bytes(content)
            depth = np.where(depth == FAR_MM, 0, depth).astype(np.uint16)  # "that far or farther" is no measurement
            _write_png(folder / "depth" / f"{k:06d}.png", depth)
            cameras[str(k)] = _camera(camera)
            poses[str(k)], infos[str(k)] = [], []
            for item in scene.objects:
                silhouette = _silhouette(camera, *solids[item.id])
                if silhouette is None:
                    continue
                seen = instance == item.id + 1
                if np.count_nonzero(seen & ~silhouette.mask) > STRANGE_SHARE * np.count_nonzero(seen):
                    raise ScenegenError(
                        f"{stored.name}: object {item.id} is not the {item.asset} of {plan.library}; "
                        f"name the library the data set was made from with --assets"
                    )
                name = f"{k:06d}_{len(poses[str(k)]):06d}.png"
                _write_png(folder / "mask" / name, 255 * silhouette.mask.astype(np.uint8))
                _write_png(folder / "mask_visib" / name, 255 * seen.astype(np.uint8))
                poses[str(k)].append(_pose(plan, item, camera))
                infos[str(k)].append(_info(silhouette, seen, depth))
        for name, entries in (("camera", cameras), ("gt", poses), ("gt_info", infos)):
            _write_json(folder / f"scene_{name}.json", entries)


@dataclass(frozen=True)
class _Silhouette:
    """An object as if alone: `mask` bool (H, W) in the image, and pixel count and box of all, beyond the image too."""

    mask: Mask
    pixels: int
    box: tuple[int, int, int, int]


def _silhouette(camera: Camera, vertices: Floats, faces: ArrayLike) -> _Silhouette | None:
    """What a camera would see of an object alone, its vertices (V, 3) in the world; None: nothing in the image."""
    width, height = camera.width, camera.height
    matrix = np.array(camera.world_to_camera)
    x, y, z = np.array(camera.K) @ (matrix[:3, :3] @ vertices.T + matrix[:3, 3:])
    within = (z, x, width * z - x, y, height * z - y)  # an image's points have none of these below 0
    if any((distance < 0).all() for distance in within):
        return None

    def draw(view: Camera) -> Mask:
        return rasterize([(0, vertices, faces)], view, None)[1] > 0

    mask = draw(camera)
    if not mask.any():
        return None
    if all((distance > 0).all() for distance in within):
        return _Silhouette(mask, int(np.count_nonzero(mask)), box_of(mask))
    # BOP counts what lies beyond the image too, up to one image's width and height away.
    (fx, skew, cx), (_, fy, cy), last = camera.K
    K = ((fx, skew, cx + width), (0.0, fy, cy + height), last)
    large = draw(dataclasses.replace(camera, K=K, width=3 * width, height=3 * height))
    large[height : 2 * height, width : 2 * width] = mask
    left, top, right, bottom = box_of(large)
    box = (left - width, top - height, right - width, bottom - height)
    return _Silhouette(mask, int(np.count_nonzero(large)), box)


def _camera(camera: Camera) -> dict[str, Any]:
    matrix = np.array(camera.world_to_camera)
    return {
        "cam_K": np.array(camera.K).reshape(-1).tolist(),
        "depth_scale": 1.0,
        "cam_R_w2c": matrix[:3, :3].reshape(-1).tolist(),
        "cam_t_w2c": (matrix[:3, 3] * MM).tolist(),
    }


def _pose(plan: Plan, item: PlacedObject, camera: Camera) -> dict[str, Any]:
    """The model's pose in the camera: rotation, and translation in millimetres."""
    rotation, scale, translation = split_pose(item)
    view = np.array(camera.world_to_camera)
    middle = rotation @ centre(load(plan.library, item.asset)[1]) * scale + translation
    return {
        "cam_R_m2c": (view[:3, :3] @ rotation).reshape(-1).tolist(),
        "cam_t_m2c": ((view[:3, :3] @ middle + view[:3, 3]) * MM).tolist(),
        "obj_id": plan.numbers[item.asset, scale],
    }


def _info(silhouette: _Silhouette, seen: Mask, depth: NDArray[np.uint16]) -> dict[str, Any]:
    visible = int(np.count_nonzero(seen))
    return {
        "bbox_obj": _box(silhouette.box) if visible else NOWHERE,
        "bbox_visib": _box(box_of(seen)) if visible else NOWHERE,
        "px_count_all": silhouette.pixels,
        "px_count_valid": int(np.count_nonzero(depth[silhouette.mask])),
        "px_count_visib": visible,
        "visib_fract": visible / silhouette.pixels,
    }


def _box(corners: tuple[int, int, int, int]) -> list[int]:
    """x, y, width, height as BOP counts them: from the first pixel to the last, one less than there are."""
    left, top, right, bottom = corners
    return [left, top, right - left, bottom - top]


def finish(plan: Plan, dataset: Dataset, _credits: Sequence[Credit], workers: int) -> dict[str, int]:
    """Write the models and what sums up the scenes; how many of what there are."""
    models = [Model(number, asset, scale) for (asset, scale), number in plan.numbers.items()]
    infos = map_scenes(partial(write_model, plan.folder / "models", plan.library), models, workers, None)
    classes = {m.asset: load(plan.library, m.asset)[0].class_name for m in models}
    _write_json(
        plan.folder / "models" / "models_info.json", {str(m.number): i for m, i in zip(models, infos, strict=True)}
    )
    _write_json(
        plan.folder / "models" / "assets.json",
        {
            str(m.number): {
                "asset": m.asset,
                "class": classes[m.asset],
                "scale": m.scale,
                "origin_in_asset": centre(load(plan.library, m.asset)[1]).tolist(),
            }
            for m in models
        },
    )
    first = dataset[0].cameras[0]
    (fx, _, cx), (_, fy, cy), _ = first.K
    size = {"width": first.width, "height": first.height}
    _write_json(plan.folder / "camera.json", {"cx": cx, "cy": cy, "depth_scale": 1.0, "fx": fx, "fy": fy, **size})
    write_text(plan.folder / "dataset_info.md", _about(dataset, len(models), len(classes)))
    counts = {"images": 0, "annotations": 0, "models": len(models), "assets": len(classes)}
    targets = []
    for index in dataset.indices:
        poses, seen = (
            json.loads((piece(plan, index) / f"scene_{name}.json").read_text()) for name in ("gt", "gt_info")
        )
        counts["images"] += len(poses)
        counts["annotations"] += sum(map(len, poses.values()))
        for image, entries in poses.items():
            found = Counter(
                pose["obj_id"]
                for pose, info in zip(entries, seen[image], strict=True)
                if info["visib_fract"] >= TARGET_VISIBLE
            )
            targets += [
                {"im_id": int(image), "inst_count": count, "obj_id": number, "scene_id": index}
                for number, count in sorted(found.items())
            ]
    if plan.split == SPLITS["test"]:
        write_text(plan.folder / "test_targets_bop19.json", json.dumps(targets) + "\n")
    return counts


def _about(dataset: Dataset, models: int, assets: int) -> str:
    info = dataset.info
    return f"""# {info.preset}

{len(dataset)} rendered scenes of the preset {info.preset} (seed {info.seed}, split {info.split}), made with scenegen
{info.scenegen}. {models} models of {assets} assets: an asset shown at several sizes is several models, because a BOP
pose has no scale. `models/assets.json` says which model is which asset, of which class, at which scale.

The masks are exact: a pixel belongs to the object that its centre sees. Depth is in millimetres, 0 where nothing was
hit or beyond 65.5 m. Who made the models, and under which licences: CREDITS.txt, CREDITS.json.
"""


def _write_png(path: Path, pixels: NDArray[Any]) -> None:
    content = io.BytesIO()
    Image.fromarray(pixels).save(content, "PNG", compress_level=1)
    path.write_bytes(content.getvalue())


def _write_json(path: Path, content: Mapping[str, Any]) -> None:
    """One line a key."""
    lines = (f" {json.dumps(key)}: {json.dumps(value)}" for key, value in content.items())
    write_text(path, "{\n" + ",\n".join(lines) + "\n}\n")
