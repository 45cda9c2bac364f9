"""SSZ's pose scores: a certificate written from scene.json has no errors, and a wrong one those that were put in."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace

import pytest
import torch
from helpers.frustum_boxes import CLASSES, make_camera, make_certificate, make_labels, placed_boxes
from scenetrain.data.reads import Reads, read_extras, stack_extras
from scenetrain.metrics.scorers import ScoredBatch, ScorerSetup
from scenetrain.networks.ssz.judge import Certificate
from scenetrain.networks.ssz.network import Logits
from scenetrain.networks.ssz.scores import PoseScores, scorers
from scipy.spatial.transform import Rotation

COLUMNS = ("objects", "translation (cm)", "rotation (degrees)", "ADD (cm)", "ADD-S (cm)", "ADD < 10 %")
LISTS = ("found", "listed", "right")
Change = Callable[[Certificate], Certificate]


def scored(on_true: Change, on_generated: Change) -> dict[str, dict[str, float | None]]:
    """Rows by name of two equal views, whose judge says what the changes make of the truth."""
    scene = SimpleNamespace(cameras=(make_camera(),), objects=placed_boxes(), classes=CLASSES)
    extras = read_extras(scene, [0], Reads("frustum", cameras=True, poses=True))  # type: ignore[arg-type]
    labels = torch.from_numpy(make_labels()).expand(2, -1, -1, -1)
    answers = iter((on_true(make_certificate()), on_generated(make_certificate())))

    def judge(images: torch.Tensor, frustum: torch.Tensor) -> Certificate:
        del images, frustum
        return Certificate(*(torch.stack([part, part]) for part in next(answers)))

    network = SimpleNamespace(judge=judge)
    scorer = PoseScores(network, CLASSES)  # type: ignore[arg-type]
    answer = Logits(torch.zeros(2, 4, 8, 8, 8), 16)
    scorer.count(
        ScoredBatch(
            torch.zeros(2, 3, 8, 8),
            stack_extras([extras] * 2),
            labels,
            answer,
            labels,
            [scene] * 2,
            [0, 0],
            False,
        )  # type: ignore[arg-type]
    )
    (table,) = scorer.tables()
    return {row.name: dict(zip(table.columns, row.values, strict=True)) for row in table.rows}


def same(certificate: Certificate) -> Certificate:
    return certificate


def turned(certificate: Certificate) -> Certificate:
    """Every object by 90 degrees about its own vertical axis."""
    quarter = Rotation.from_euler("z", 90, degrees=True)
    flat = certificate.rotation.flatten(1).T.double().numpy()
    rotation = (Rotation.from_quat(flat, scalar_first=True) * quarter).as_quat(scalar_first=True)
    return certificate._replace(rotation=torch.from_numpy(rotation.T).float().view_as(certificate.rotation))


def deeper(certificate: Certificate) -> Certificate:
    """Every object by a tenth of a cell farther along its ray: 12.5 cm of depth."""
    offset = certificate.offset.clone()
    offset[2] += 0.1
    return certificate._replace(offset=offset)


def test_the_truth_has_no_errors_and_a_turn_counts_for_what_is_not_round() -> None:
    rows = scored(same, turned)
    assert [name for name in rows if name.endswith("all")] == ["true frusta, all", "generated frusta, all"]
    for name, objects in (("car", 4), ("tree", 2), ("all", 6)):
        right = rows[f"true frusta, {name}"]
        assert [right[column] for column in COLUMNS] == pytest.approx([objects, 0, 0, 0, 0, 1], abs=1e-3)
        assert [right[column] for column in LISTS] == [1, objects, 1], "the hidden speck is no object"
    car, tree = (rows[f"generated frusta, {name}"] for name in ("car", "tree"))
    assert car["rotation (degrees)"] == pytest.approx(90, abs=1e-3) and car["translation (cm)"] < 1e-3
    assert car["ADD (cm)"] > car["ADD-S (cm)"] + 1 > 1 and car["ADD < 10 %"] == 0 and car["found"] == 1
    assert [tree[column] for column in COLUMNS] == pytest.approx([2, 0, 0, 0, 0, 1], abs=1e-3)


def test_an_error_of_depth_is_measured_along_the_ray() -> None:
    rows = scored(deeper, lambda certificate: deeper(deeper(deeper(deeper(deeper(certificate))))))
    one, five = rows["true frusta, car"], rows["generated frusta, car"]
    # 12.5 cm of depth; rays within 20 degrees of the axis are up to 6 % longer
    assert 12.5 <= one["translation (cm)"] < 12.5 * 1.07
    assert five["translation (cm)"] == pytest.approx(5 * one["translation (cm)"], rel=1e-3)
    assert one["ADD (cm)"] == pytest.approx(one["translation (cm)"], rel=1e-3) and one["ADD < 10 %"] == 1
    assert five["ADD < 10 %"] == 0 and five["found"] == 0 and one["found"] == 1, "62 cm"


def test_without_a_judge_there_are_no_poses() -> None:
    labels = make_labels()
    network = SimpleNamespace(judge=None, detail=1)
    names = [table.name for one in scorers(ScorerSetup(network, CLASSES, labels)) for table in _tables(one, labels)]
    assert names == ["fruxels", "depth", "rays"]


def _tables(scorer, labels):
    scene = SimpleNamespace(cameras=(make_camera(),))
    truth = torch.from_numpy(labels).unsqueeze(0)
    empty = torch.zeros(0)
    scorer.count(ScoredBatch(empty, None, truth, empty, truth, [scene], [0], False))  # type: ignore[arg-type]
    return scorer.tables()
