"""Labels of models with alpha maps: right ones pass, and those of whole cards, or of another map, are found."""

from __future__ import annotations

import dataclasses
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from helpers.box_scenes import make_box_scene
from helpers.cut_out_scenes import labels_by, uncut, write_cut_out_dataset, write_cut_out_library
from helpers.labelled_scenes import SceneLabels
from PIL import Image
from scenegen.core.labels.label_meshes import label_mesh
from scenegen.core.scene.scene import Scene
from scenegen.steps.relabel import GridChange, relabel
from scenegen.steps.verify import cut_outs
from scenegen.steps.verify.labels import CameraView, LabelledScene
from scenegen.steps.verify.recast import cast_objects
from scenegen.steps.verify.verify import verify

HUMAN = 3


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The boxes, with two crossed cards for the human."""
    return write_cut_out_library(tmp_path_factory.mktemp("library"))


def test_right_labels_pass_and_those_of_whole_cards_are_found(library: Path, tmp_path: Path) -> None:
    assert verify(write_cut_out_dataset(tmp_path / "right", library), assets=library).faults == ()
    faults = verify(write_cut_out_dataset(tmp_path / "whole", library, uncut), assets=library).faults
    assert {f.check for f in faults} == {"holes", "recast"}
    assert any("of object 3 (human_box) show no opaque texel of it" in f.detail for f in faults)
    assert any(f.detail.startswith("masks.npy") for f in faults)
    assert any(f.detail.startswith("frustum_") for f in faults)


def test_without_the_library_verify_says_what_it_did_not_compare(library: Path, tmp_path: Path) -> None:
    report = verify(write_cut_out_dataset(tmp_path / "whole", library, uncut), assets=tmp_path / "none")
    assert report.ok and "holes of their cut-outs" in report.notes[0]


def test_voxelize_makes_the_cells_of_the_opaque_texels_again(library: Path, tmp_path: Path) -> None:
    """Older cells, of whole cards, become right; `voxelize` leaves the maps as they are."""
    out = write_cut_out_dataset(tmp_path / "whole", library, uncut)
    relabel(out, grids=[GridChange((80, 96, 64))], assets=library)
    recast = [f.detail for f in verify(out, assets=library).faults if f.check == "recast"]
    assert {line.partition("_")[0] for line in recast} == {"depth", "instance"}


def check(scene: Scene, library: Path, labels: SceneLabels) -> list[str]:
    """What the check finds in all views, by itself."""
    whole = LabelledScene(scene, None, None, cast_objects(scene, library), library=library)
    found = []
    for k, camera in enumerate(scene.cameras):
        image = np.zeros((*labels.depths[k].shape, 3), dtype=np.uint8)
        view = CameraView(k, camera, image, labels.depths[k], labels.instances[k], labels.frusta[k])
        found += cut_outs.check_view(whole, view)
    return found


def test_each_wrong_pixel_is_found_both_ways(library: Path) -> None:
    scene = make_box_scene(0)
    right, whole = labels_by(scene, library, label_mesh), labels_by(scene, library, uncut)
    assert check(scene, library, right) == []
    k = int(np.argmax([np.count_nonzero(i == HUMAN + 1) for i in right.instances]))
    for into, source, said in ((right, whole, "show no opaque texel"), (right, right, "pass over an opaque texel")):
        depth, instance = into.depths[k].copy(), into.instances[k].copy()
        human = instance == HUMAN + 1
        other = source.instances[k] == HUMAN + 1
        if source is whole:
            place = tuple(np.argwhere(other & ~human)[7])
            depth[place], instance[place] = whole.depths[k][place], HUMAN + 1
        else:
            inner = human.copy()
            inner[1:-1, 1:-1] &= human[:-2, 1:-1] & human[2:, 1:-1] & human[1:-1, :-2] & human[1:-1, 2:]
            place = tuple(np.argwhere(inner)[3])
            depth[place], instance[place] = 6000, 0
        planted = dataclasses.replace(
            right,
            depths=(*right.depths[:k], depth, *right.depths[k + 1 :]),
            instances=(*right.instances[:k], instance, *right.instances[k + 1 :]),
        )
        found = check(scene, library, planted)
        assert len(found) == 1 and said in found[0] and f"instance_{k}.png: 1 " in found[0]


@pytest.mark.parametrize("turn", [np.flipud, np.fliplr, np.transpose], ids=["upside down", "mirrored", "transposed"])
def test_a_map_read_the_wrong_way_is_found(library: Path, tmp_path: Path, turn: Callable[..., np.ndarray]) -> None:
    """The check reads alpha by itself: labels of a map that is turned do not pass, whatever made them."""
    other = Path(shutil.copytree(library, tmp_path / "library"))
    leaf = np.zeros((16, 16), dtype=np.uint8)
    leaf[3:8, 1:15] = leaf[9:14, 9:12] = 255
    turned = Path(shutil.copytree(library, tmp_path / "turned"))
    for folder, alpha in ((other, leaf), (turned, turn(leaf))):
        Image.fromarray(np.ascontiguousarray(alpha)).save(folder / "human_box" / "textures" / "alpha.png")
    scene = make_box_scene(0)
    assert check(scene, other, labels_by(scene, other, label_mesh)) == []
    found = check(scene, other, labels_by(scene, turned, label_mesh))
    assert any("show no opaque texel" in line for line in found)
    assert any("pass over an opaque texel" in line for line in found)
