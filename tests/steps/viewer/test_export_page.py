"""One file to mail, runs beside the truth, and faults that `verify` found."""

from __future__ import annotations

import base64
import gzip
import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner
from helpers.box_scenes import CLASSES, FRUSTUM, GRID, labelled_box_scene, write_box_dataset
from scenegen.cli.main import cli
from scenegen.core.dataset.reading import Dataset
from scenegen.core.errors import DamageError, ScenegenError
from scenegen.steps.verify.verify import Fault, VerifyReport
from scenegen.steps.viewer.export_page import export_page
from scenegen.steps.viewer.faults import read_faults
from scenegen.steps.viewer.runs import open_run


@pytest.fixture(scope="module")
def boxes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_box_dataset(tmp_path_factory.mktemp("view") / "set", 1)


def write_run(run: Path, boxes: Path, **changes: Any) -> Path:
    """A run that knows the truth of scene 0, less surely where a chair is."""
    info = Dataset(boxes).info
    folder = run / "predictions" / "set"
    folder.mkdir(parents=True)
    body = {
        "format": "scenetrain-predictions/1",
        "run": "known",
        "family": "lift",
        "title": "masks",
        "kind": "masks",
        "threshold": 0.5,
        "frustum": None,
        "classes": CLASSES,
        "grid": {"origin": GRID.origin, "voxel_size": GRID.voxel_size, "shape": GRID.shape},
        "dataset": {"preset": "boxes", "seed": 0, "split": "train", "library_checksum": info.library_checksum},
        "scenes": [{"index": 0, "camera": None, "iou": 1.0, "classes": [1.0] * 6}],
        **changes,
    }
    (folder / "predictions.json").write_text(json.dumps(body))
    masks = labelled_box_scene(0)[1].masks
    assert masks is not None
    hundredths = (
        np.moveaxis(masks, -1, 0).astype(np.uint8) * np.array([40, 99, 99, 99, 99, 99], np.uint8)[:, None, None, None]
    )
    np.savez_compressed(folder / "scene_000000.npz", prediction=hundredths)
    return run


def test_the_file_holds_all_that_the_page_asks_for(boxes: Path, tmp_path: Path) -> None:
    run = write_run(tmp_path / "run", boxes)
    out = tmp_path / "page.html"
    result = CliRunner().invoke(cli, ["view", str(boxes), "--run", str(run), "--export", str(out), "--limit", "1"])
    assert result.exit_code == 0
    text = out.read_text()
    match = re.search(r'<script type="application/json" id="embedded">(.*?)</script>', text, re.DOTALL)
    assert match is not None
    held = json.loads(match[1])
    _, labels = labelled_box_scene(0)
    assert labels.masks is not None
    masks = np.frombuffer(gzip.decompress(base64.b64decode(held["scenes/0/masks"]["content"])), np.uint8)
    assert np.array_equal(masks != 0, labels.masks.any(axis=-1).ravel())
    assert base64.b64decode(held["scenes/0/image/2"]["content"]).startswith(b"\x89PNG")
    assert {"dataset", "rows/0", "runs/0", "scenes/0", "scenes/0/run/0", "scenes/0/frustum/1"} <= set(held)
    assert not re.search(r'(?:src|href)="(?!data:|#|")', text.replace(match[0], ""))  # nothing from outside
    with pytest.raises(ScenegenError, match="cannot be written"):
        export_page(boxes, tmp_path / "no" / "folder.html", limit=1)


def test_a_run_is_of_this_data_set_and_grid(boxes: Path, tmp_path: Path) -> None:
    info = Dataset(boxes).info
    run = open_run(write_run(tmp_path / "run", boxes), boxes, info)
    assert run.read(0, None).shape == (6, *GRID.shape)
    with pytest.raises(DamageError, match=r"scene_000003\.npz: missing; run `scenetrain evaluate --predictions` again"):
        run.read(3, None)
    half = {"origin": GRID.origin, "voxel_size": 0.2, "shape": (20, 24, 16)}
    for number, (changes, message) in enumerate(
        (
            ({"grid": half}, r"is of another grid \(\(20, 24, 16\), the data set's is \(40, 48, 32\)\)"),
            (
                {"grid": None, "frustum": {"near": 1.0, "far": 7.0, "size": FRUSTUM.size, "hfov_deg": 90.0}},
                "another grid",
            ),
            ({"classes": CLASSES[:2]}, "its classes are chair, table, the data set's"),
            ({"dataset": {"preset": "x", "seed": 1, "split": "test", "library_checksum": ""}}, "has no predictions of"),
            ({"kind": 3}, "predictions.json: damaged"),
        )
    ):
        with pytest.raises(ScenegenError, match=message):
            open_run(write_run(tmp_path / f"run{number}", boxes, **changes), boxes, info)
    with pytest.raises(ScenegenError, match=r"run `scenetrain evaluate .* --split train --predictions`"):
        open_run(boxes, boxes, info)


def test_faults_are_read_by_scene(tmp_path: Path) -> None:
    report = VerifyReport("set", 9, ("files",), (Fault(3, "files", "is gone"), Fault(None, "folder", "of all")))
    (tmp_path / "verify.json").write_text(json.dumps(report.to_json()))
    assert read_faults(tmp_path / "verify.json") == {3: ["files: is gone"]}
    for content, reason in (("{", "Expecting"), ("[]", "has no"), ('{"a": 1}', "has no"), ('{"faults": [{}]}', ".")):
        (tmp_path / "verify.json").write_text(content)
        with pytest.raises(ScenegenError, match=rf"not what verify prints \({reason}"):
            read_faults(tmp_path / "verify.json")


def test_the_file_shows_faults_and_says_which_are_of_no_scene(boxes: Path, tmp_path: Path) -> None:
    faults = tuple(Fault(scene, "files", "is gone") for scene in (0, 7, 9))
    (tmp_path / "verify.json").write_text(json.dumps(VerifyReport("set", 9, ("files",), faults).to_json()))
    out = tmp_path / "page.html"
    result = CliRunner().invoke(
        cli, ["view", str(boxes), "--export", str(out), "--faults", str(tmp_path / "verify.json")]
    )
    assert result.exit_code == 0
    assert "is of scenes 7, 9, too, which the data set does not have" in result.output
    match = re.search(r'id="embedded">(.*?)</script>', out.read_text(), re.DOTALL)
    assert match is not None
    rows = json.loads(gzip.decompress(base64.b64decode(json.loads(match[1])["rows/0"]["content"])))
    assert rows["faults"] == {"0": ["files: is gone"]}
