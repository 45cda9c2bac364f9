"""Reads an export with nuscenes-devkit, in an environment of its own: `python nuscenes_reader.py ROOT IMAGES`.

Prints JSON: how far boxes are from the points that lie on their objects, what the tables hold, and the scores of the
truth as a prediction. Draws into IMAGES. Not a test by itself: test_nuscenes.py runs it.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("Agg")
import numpy as np
from nuscenes.eval.detection.config import config_factory
from nuscenes.eval.detection.evaluate import DetectionEval
from nuscenes.eval.detection.utils import category_to_detection_name
from nuscenes.nuscenes import NuScenes
from nuscenes.utils.data_classes import LidarPointCloud

VERSION = "v1.0-scenegen"


def outside_box(nusc: NuScenes, sample: dict[str, Any]) -> float:
    """The most metres that a point is outside the box of the annotation whose category it has, nearest box first."""
    lidar = sample["data"]["LIDAR_TOP"]
    path, boxes, _ = nusc.get_sample_data(lidar)
    points = LidarPointCloud.from_file(path).points[:3]
    labels = np.fromfile(Path(nusc.dataroot) / nusc.get("lidarseg", lidar)["filename"], np.uint8)
    most = 0.0
    for category in {box.name for box in boxes}:
        own = points[:, labels == nusc.lidarseg_name2idx_mapping[category]]
        distances = []
        for box in (one for one in boxes if one.name == category):
            local = np.abs(box.rotation_matrix.T @ (own - box.center[:, None]))
            width, length, height = box.wlh
            distances.append((local - np.array([[length], [width], [height]]) / 2).max(axis=0))
        if own.size:
            most = max(most, float(np.min(distances, axis=0).max()))
    return most


def ego_velocities(nusc: NuScenes) -> list[list[float]]:
    """The velocity of the vehicle between neighbouring samples, m/s, from its poses at the lidar's data."""
    found = []
    for sample in nusc.sample:
        if sample["next"]:
            data = [
                nusc.get("sample_data", s["data"]["LIDAR_TOP"]) for s in (sample, nusc.get("sample", sample["next"]))
            ]
            one, other = (nusc.get("ego_pose", record["ego_pose_token"]) for record in data)
            seconds = (other["timestamp"] - one["timestamp"]) / 1e6
            found.append(((np.array(other["translation"]) - one["translation"]) / seconds).tolist())
    return found


def evaluate_truth(nusc: NuScenes, split: str, folder: Path) -> dict[str, Any]:
    """The devkit's detection scores of predictions that are the truth."""
    results: dict[str, list[dict[str, Any]]] = {}
    for sample in nusc.sample:
        results[sample["token"]] = []
        for token in sample["anns"]:
            one = nusc.get("sample_annotation", token)
            name = category_to_detection_name(one["category_name"])
            if name and one["num_lidar_pts"]:
                velocity = nusc.box_velocity(token)[:2]
                attributes = [nusc.get("attribute", a)["name"] for a in one["attribute_tokens"]]
                results[sample["token"]].append(
                    {
                        "sample_token": sample["token"],
                        "translation": one["translation"],
                        "size": one["size"],
                        "rotation": one["rotation"],
                        "velocity": np.nan_to_num(velocity).tolist(),
                        "detection_name": name,
                        "detection_score": 1.0,
                        "attribute_name": attributes[0] if attributes else "",
                    }
                )
    uses = {"use_camera": True, "use_lidar": False, "use_radar": False, "use_map": False, "use_external": False}
    file = folder / "results.json"
    file.write_text(json.dumps({"meta": uses, "results": results}))
    found = DetectionEval(nusc, config_factory("detection_cvpr_2019"), str(file), split, str(folder), verbose=False)
    scores, _ = found.evaluate()
    present = {one["detection_name"] for boxes in results.values() for one in boxes}
    return {name: ap for name, ap in scores.mean_dist_aps.items() if name in present}


def main(root: Path, images: Path) -> dict[str, Any]:
    colors = {name: tuple(color) for name, color in json.loads((root / "colormap.json").read_text()).items()}
    nusc = NuScenes(version=VERSION, dataroot=str(root), verbose=False, colormap=colors)
    images.mkdir(parents=True, exist_ok=True)
    seen = [one for one in nusc.sample_annotation if one["num_lidar_pts"] > 40]
    moved = [float(np.nan_to_num(nusc.box_velocity(one["token"])).max()) for one in nusc.sample_annotation]
    answer = {
        "tables": {name: len(getattr(nusc, name)) for name in nusc.table_names},
        "outside": [outside_box(nusc, sample) for sample in nusc.sample],
        "fastest": max(moved, default=0.0),
        "ego_velocity": ego_velocities(nusc),
        "split": json.loads((root / VERSION / "splits.json").read_text()),
    }
    answer["scores"] = evaluate_truth(nusc, next(iter(answer["split"])), images)
    nusc.render_sample(nusc.sample[0]["token"], out_path=str(images / "sample.png"), verbose=False)
    nusc.render_annotation(seen[0]["token"], out_path=str(images / "annotation.png"), extra_info=True)
    lidar = nusc.sample[0]["data"]["LIDAR_TOP"]
    nusc.render_sample_data(
        lidar, out_path=str(images / "lidar.png"), underlay_map=True, show_lidarseg=True, verbose=False
    )
    log = nusc.get("log", nusc.scene[0]["log_token"])
    nusc.render_egoposes_on_map(log_location=log["location"], out_path=str(images / "map.png"))
    return answer


if __name__ == "__main__":
    print(json.dumps(main(Path(sys.argv[1]), Path(sys.argv[2]))))
