"""BOP: poses of objects in the camera, their models, and what is seen of them.

    OUT/camera.json  dataset_info.md  CREDITS.txt  CREDITS.json
    OUT/models/obj_000001.ply  models_info.json  assets.json      millimetres
    OUT/train_pbr/000017/                                         scene 17; folder `test` for the test split
        rgb/000000.png  depth/000000.png                          camera 0
        mask/000000_000003.png  mask_visib/000000_000003.png      its fourth annotated object: silhouette, visible part
        scene_camera.json  scene_gt.json  scene_gt_info.json      cameras, poses, visibility
    OUT/test_targets_bop19.json                                   of a test split: what to find where

As in docs/bop_datasets_format.md and scripts/calc_gt_info.py of the BOP toolkit, with one difference: which pixels of
an object are visible comes from the instance map, which is exact, and not from comparing depths.

cam_K counts from the corner of the image, as the toolkit's renderers do: pixel centres are at .5. Its
depth_im_to_dist_im has them at whole numbers; subtract .5 from cx and cy for it.
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
from numpy.typing import NDArray
from PIL import Image

from scenegen.core.dataset.credits import Credit
from scenegen.core.dataset.reading import Dataset
from scenegen.core.dataset.stored_scene import StoredScene
from scenegen.core.errors import ScenegenError
from scenegen.core.files import write_text
from scenegen.core.labels.depth_and_instances import rasterize
from scenegen.core.labels.label_meshes import LabelMesh
from scenegen.core.labels.placed_meshes import world_vertices
from scenegen.core.scene.scene import FARTHEST_STEP, Camera, MapSpec, PlacedObject
from scenegen.steps.exchange.bop_models import MM, BopObject, centre, write_model
from scenegen.steps.exchange.files import image_suffix, whole_folder
from scenegen.steps.exchange.masks import Mask, PixelBox, box_of
from scenegen.steps.exchange.survey import ExportJob, split_pose
from scenegen.steps.library import NAME_IT, find_library, load_asset
from scenegen.steps.scene_pool import map_scenes

SPLITS = {"train": "train_pbr", "test": "test"}
WRONG_MESH_SHARE = 0.01
"""A mesh is not the rendered one when its silhouette leaves out more than this share of the object's visible pixels."""
TARGET_VISIBLE = 0.1
"""BOP's targets are objects of which at least this share is visible."""
NO_BOX = [-1, -1, -1, -1]

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class BopWriter:
    """Writes BOP scenes into `folder`/`split`; `numbers` is BOP's obj_id of each (asset, scale)."""

    folder: Path
    split: str
    library: Path
    numbers: Mapping[tuple[str, float], int]

    def path_of(self, index: int) -> Path:
        """The folder of scene `index`."""
        return self.folder / self.split / f"{index:06d}"

    def write_scene(self, stored: StoredScene) -> None:
        """Write a scene's folder."""
        scene = stored.scene
        meshes = {item.asset: load_asset(self.library, item.asset).label_mesh for item in scene.objects}
        solids = {item.id: meshes[item.asset]._replace(vertices=world_vertices(item, meshes)) for item in scene.objects}
        cameras: dict[str, Any] = {}
        poses: dict[str, Any] = {}
        infos: dict[str, Any] = {}
        with whole_folder(self.path_of(scene.index)) as folder:
            for name in ("rgb", "depth", "mask", "mask_visib"):
                (folder / name).mkdir()
            for k, camera in enumerate(scene.cameras):
                content, depth, instance = stored.encoded_image(k), stored.depth_steps(k), stored.instance(k)
                (folder / "rgb" / f"{k:06d}{image_suffix(content)}").write_bytes(content)
                depth = np.where(depth == FARTHEST_STEP, 0, depth).astype(
                    np.uint16
                )  # "that far or farther": not a depth
                _write_png(folder / "depth" / f"{k:06d}.png", depth)
                cameras[str(k)] = _camera(camera, scene.map_spec)
                poses[str(k)], infos[str(k)] = [], []
                for item in scene.objects:
                    silhouette = _silhouette(camera, solids[item.id])
                    if silhouette is None:
                        continue
                    visible = instance == item.id + 1
                    left_out = np.count_nonzero(visible & ~silhouette.mask)
                    if left_out > WRONG_MESH_SHARE * np.count_nonzero(visible):
                        raise ScenegenError(
                            f"{stored.name}: object {item.id} is not the {item.asset} of {self.library}; {NAME_IT}"
                        )
                    name = f"{k:06d}_{len(poses[str(k)]):06d}.png"
                    _write_png(folder / "mask" / name, 255 * silhouette.mask.astype(np.uint8))
                    _write_png(folder / "mask_visib" / name, 255 * visible.astype(np.uint8))
                    poses[str(k)].append(self._pose(item, camera))
                    infos[str(k)].append(_info(silhouette, visible, depth))
            for name, entries in (("camera", cameras), ("gt", poses), ("gt_info", infos)):
                _write_json(folder / f"scene_{name}.json", entries)

    def _pose(self, item: PlacedObject, camera: Camera) -> dict[str, Any]:
        """The model's pose in the camera: rotation, and translation in millimetres."""
        pose = split_pose(item)
        view = np.array(camera.world_to_camera)
        middle = pose.rotation @ centre(load_asset(self.library, item.asset).mesh) * pose.scale + pose.translation
        return {
            "cam_R_m2c": (view[:3, :3] @ pose.rotation).reshape(-1).tolist(),
            "cam_t_m2c": ((view[:3, :3] @ middle + view[:3, 3]) * MM).tolist(),
            "obj_id": self.numbers[item.asset, pose.scale],
        }

    def finish(self, dataset: Dataset, _credits: Sequence[Credit], workers: int) -> dict[str, int]:
        """Write the models, the camera, the description and, for a test split, the targets."""
        models = [BopObject(number, asset, scale) for (asset, scale), number in self.numbers.items()]
        infos = map_scenes(partial(write_model, self.folder / "models", self.library), models, workers, None)
        _write_json(
            self.folder / "models" / "models_info.json", {str(m.number): i for m, i in zip(models, infos, strict=True)}
        )
        _write_json(self.folder / "models" / "assets.json", {str(m.number): self._about_model(m) for m in models})
        first = dataset[0].cameras[0]
        (fx, _, cx), (_, fy, cy), _ = first.K
        lens = {"cx": cx, "cy": cy, "depth_scale": float(dataset[0].map_spec.depth_unit), "fx": fx, "fy": fy}
        _write_json(self.folder / "camera.json", {**lens, "width": first.width, "height": first.height})
        counts = {"images": 0, "annotations": 0, "models": len(models), "assets": len({m.asset for m in models})}
        write_text(self.folder / "dataset_info.md", _about(dataset, counts["models"], counts["assets"]))
        targets: list[dict[str, int]] = []
        for index in dataset.indices:
            poses, infos_of = (
                json.loads((self.path_of(index) / f"scene_{name}.json").read_text()) for name in ("gt", "gt_info")
            )
            counts["images"] += len(poses)
            counts["annotations"] += sum(map(len, poses.values()))
            for image, entries in poses.items():
                targets += _targets(index, int(image), entries, infos_of[image])
        if self.split == SPLITS["test"]:
            write_text(self.folder / "test_targets_bop19.json", json.dumps(targets) + "\n")
        return counts

    def _about_model(self, model: BopObject) -> dict[str, Any]:
        """A model's entry in assets.json."""
        loaded = load_asset(self.library, model.asset)
        return {
            "asset": model.asset,
            "class": loaded.asset.class_name,
            "scale": model.scale,
            "origin_in_asset": centre(loaded.mesh).tolist(),
        }


def start_bop(job: ExportJob) -> BopWriter:
    """Number the models and make the folders. ScenegenError when the library or one of its assets is missing."""
    pairs = sorted({pair for one in job.surveys for pair in one.assets})
    library = find_library(job.dataset, job.assets, (asset for asset, _ in pairs))
    numbers = {pair: number for number, pair in enumerate(pairs, start=1)}
    writer = BopWriter(job.folder, SPLITS[job.dataset.info.request.split], library, numbers)
    for name in (writer.split, "models"):
        (job.folder / name).mkdir(exist_ok=True)
    return writer


def _targets(
    scene: int, image: int, poses: Sequence[Mapping[str, Any]], infos: Sequence[Mapping[str, Any]]
) -> list[dict[str, int]]:
    """What test_targets_bop19.json asks to find in one image."""
    found = Counter(
        pose["obj_id"] for pose, info in zip(poses, infos, strict=True) if info["visib_fract"] >= TARGET_VISIBLE
    )
    return [
        {"im_id": image, "inst_count": count, "obj_id": number, "scene_id": scene}
        for number, count in sorted(found.items())
    ]


@dataclass(frozen=True)
class _Silhouette:
    """An object as if it were alone: `mask` bool (H, W) in the image; `pixels` and `box` also beyond the image."""

    mask: Mask
    pixels: int
    box: PixelBox


def _silhouette(camera: Camera, mesh: LabelMesh) -> _Silhouette | None:
    """What a camera sees of an object alone, its mesh in world metres; None: nothing in the image."""
    vertices = np.asarray(mesh.vertices)
    width, height = camera.width, camera.height
    matrix = np.array(camera.world_to_camera)
    x, y, z = np.array(camera.K) @ (matrix[:3, :3] @ vertices.T + matrix[:3, 3:])
    within = (z, x, width * z - x, y, height * z - y)  # inside the image none of these is below 0
    if any((distance < 0).all() for distance in within):
        return None

    def draw(view: Camera) -> Mask:
        return rasterize([(0, vertices, mesh.faces, mesh.cut_out)], view, None)[1] > 0

    mask = draw(camera)
    if not mask.any():
        return None
    if all((distance > 0).all() for distance in within):
        return _Silhouette(mask, int(np.count_nonzero(mask)), box_of(mask))
    # BOP also counts what lies beyond the image, up to one image's width and height away.
    (fx, skew, cx), (_, fy, cy), last = camera.K
    K = ((fx, skew, cx + width), (0.0, fy, cy + height), last)
    large = draw(dataclasses.replace(camera, K=K, width=3 * width, height=3 * height))
    large[height : 2 * height, width : 2 * width] = mask
    box = box_of(large)
    box = PixelBox(box.left - width, box.top - height, box.right - width, box.bottom - height)
    return _Silhouette(mask, int(np.count_nonzero(large)), box)


def _camera(camera: Camera, maps: MapSpec) -> dict[str, Any]:
    matrix = np.array(camera.world_to_camera)
    return {
        "cam_K": np.array(camera.K).reshape(-1).tolist(),
        "depth_scale": float(maps.depth_unit),
        "cam_R_w2c": matrix[:3, :3].reshape(-1).tolist(),
        "cam_t_w2c": (matrix[:3, 3] * MM).tolist(),
    }


def _info(silhouette: _Silhouette, visible: Mask, depth: NDArray[np.uint16]) -> dict[str, Any]:
    pixels = int(np.count_nonzero(visible))
    return {
        "bbox_obj": _box(silhouette.box) if pixels else NO_BOX,
        "bbox_visib": _box(box_of(visible)) if pixels else NO_BOX,
        "px_count_all": silhouette.pixels,
        "px_count_valid": int(np.count_nonzero(depth[silhouette.mask])),
        "px_count_visib": pixels,
        "visib_fract": pixels / silhouette.pixels,
    }


def _box(box: PixelBox) -> list[int]:
    """x, y, width, height as BOP counts them: last pixel minus first, one less than the number of pixels."""
    return [box.left, box.top, box.right - box.left, box.bottom - box.top]


def _about(dataset: Dataset, models: int, assets: int) -> str:
    request, maps = dataset.info.request, dataset.info.request.map_spec
    return f"""# {request.preset}

{len(dataset)} rendered scenes of the preset {request.preset} (seed {request.seed}, split {request.split}), made with
scenegen {dataset.info.scenegen}. {models} models of {assets} assets: an asset shown at several sizes is several models,
because a BOP pose has no scale. `models/assets.json` gives the asset, class and scale of each model.

`cam_K` counts from the corner of the image: the centre of the top left pixel is (0.5, 0.5). Subtract 0.5 from cx and cy
for programs that have pixel centres at whole numbers, such as the BOP toolkit's depth_im_to_dist_im.

The masks are exact: a pixel belongs to the object that is visible at its centre. Depth times `depth_scale`
({maps.depth_unit}) is in millimetres, 0 where nothing was hit or beyond {maps.farthest:.1f} m.
CREDITS.txt and CREDITS.json list the models' authors and licences.
"""


def _write_png(path: Path, pixels: NDArray[Any]) -> None:
    content = io.BytesIO()
    Image.fromarray(pixels).save(content, "PNG", compress_level=1)
    path.write_bytes(content.getvalue())


def _write_json(path: Path, content: Mapping[str, Any]) -> None:
    """Write one line per key."""
    lines = (f" {json.dumps(key)}: {json.dumps(value)}" for key, value in content.items())
    write_text(path, "{\n" + ",\n".join(lines) + "\n}\n")
