"""The scenes of boxes, with two crossed cards with holes for the human."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
from scenegen.core.asset_library import Asset, Mesh, list_assets, read_mesh
from scenegen.core.dataset.credits import write_credits
from scenegen.core.dataset.info import check_dataset_json
from scenegen.core.labels.label_meshes import LabelMesh, label_mesh
from scenegen.core.scene.scene import Scene

from helpers.box_scenes import CLASSES, SIZES, box_asset, box_info, make_box_scene, write_box_library, write_images
from helpers.cut_out_assets import card, write_cut_out
from helpers.labelled_scenes import SceneLabels, make_labels, write_scene

ALPHA = 255 * ((np.indices((16, 16)) // 4).sum(axis=0) % 2)
"""A checker of four by four squares."""

ReadLabelMesh = Callable[[Asset, Mesh], LabelMesh]


def write_cut_out_library(folder: Path) -> Path:
    """The boxes' assets, with cards for the human."""
    write_box_library(folder)
    x, y, z = SIZES["human"]
    write_cut_out(folder, "human_box", "human", card(x, z).joined(card(y, z, turn=90.0)), ALPHA)
    return folder


def labels_by(scene: Scene, library: Path, read: ReadLabelMesh) -> SceneLabels:
    """A scene's labels, its meshes read in this way."""
    return make_labels(scene, {asset.name: read(asset, read_mesh(asset)) for asset in list_assets(library)})


def uncut(_asset: Asset, mesh: Mesh) -> LabelMesh:
    """Cards without their holes, as labels were before."""
    return LabelMesh(mesh.vertices, mesh.faces)


def write_cut_out_dataset(out: Path, library: Path, read: ReadLabelMesh = label_mesh) -> Path:
    """A data set of one scene."""
    check_dataset_json(out, box_info(1))
    write_credits(out, map(box_asset, CLASSES))
    scene = make_box_scene(0)
    labels = labels_by(scene, library, read)
    write_scene(out, scene, write_images(out.parent, labels), labels)
    return out
