"""`scenetrain realism`: from folders to a report, what it says of bad input, and what it notices."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from click.testing import CliRunner, Result
from numpy.typing import NDArray
from PIL import Image
from scenegen.core.errors import ScenegenError
from scenetrain.cli.main import cli
from scenetrain.data.image_sets import open_image_set
from scenetrain.realism.advice import ADVICE, advise
from scenetrain.realism.classifier import tell_apart
from scenetrain.realism.compare_sets import compare_sets
from scenetrain.realism.describe import FeatureNetwork, describe_set
from skimage import data as photographs

SMALL = ("--network", "test_resnet", "--weights", "none", "--device", "cpu")


def crops(folder: Path, count: int, level: int = 0) -> Path:
    """Squares of photographs that scikit-image holds, `level` grey levels brighter."""
    folder.mkdir()
    draw = np.random.default_rng(level)
    sources = [photographs.astronaut(), photographs.coffee(), photographs.chelsea()]
    for i in range(count):
        image = sources[i % 3]
        top, left = (int(draw.integers(0, length - 96)) for length in image.shape[:2])
        square = image[top : top + 96, left : left + 96].astype(int) + level
        Image.fromarray(square.clip(0, 255).astype(np.uint8)).save(folder / f"{i:03d}.png")
    return folder


def run(*words: str | Path) -> Result:
    return CliRunner().invoke(cli, ["realism", *map(str, words), *SMALL])


def test_a_report_of_folders_with_files_of_every_kind(tmp_path: Path) -> None:
    rendered, real = crops(tmp_path / "rendered", 10, level=40), crops(tmp_path / "photos", 8)
    grey = np.asarray(Image.open(real / "000.png").convert("L"))
    Image.fromarray(grey).save(real / "grey.png")
    Image.fromarray(grey.astype(np.uint16) * 257).save(real / "sixteen.png")
    Image.open(real / "001.png").convert("CMYK").save(real / "ink.jpg")
    (real / "cut.jpg").write_bytes((real / "ink.jpg").read_bytes()[:300])
    (real / "raw.cr2").write_bytes(b"II*\0raw")
    (real / "notes.txt").write_text("no image")
    done = run(rendered, "--real", real, "--out", tmp_path / "out", "--json")
    assert done.exit_code == 0, done.output
    (found,) = json.loads(done.stdout)
    assert (found["images"], found["real_images"]) == (10, 11)
    assert "2 of 13 images are skipped: cut.jpg, raw.cr2" in done.stderr
    assert "rendered: 10 images are too few" in done.stderr and "photos: 11 images are too few" in done.stderr
    assert "2 of 11 images are grey" in done.stderr
    assert found["network"] == "test_resnet, random weights"
    assert "fewer" in found["statistics"]["brightness"]["advice"]
    page = (tmp_path / "out" / "realism.html").read_text()
    assert "test_resnet" in page and "data:image/png" in page
    text = (tmp_path / "out" / "realism.md").read_text()
    assert "| brightness, L* |" in text and "FID" not in text


def test_a_place_that_is_a_file_is_refused_before_the_work(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    done = run(crops(tmp_path / "a", 3), "--real", crops(tmp_path / "b", 3), "--out", tmp_path / "file")
    assert "file: cannot be written (File exists); give another folder" in str(done.exception)
    assert "images" not in done.output


def test_what_cannot_be_compared_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    real = crops(tmp_path / "photos", 2)
    for folder, said in (
        ("missing", "no such folder"),
        ("empty", "no images in it"),
        ("photos", "2 images can be read"),
    ):
        done = run(tmp_path / folder, "--real", real)
        assert isinstance(done.exception, ScenegenError) and said in str(done.exception)


def described(folder: Path) -> object:
    network = FeatureNetwork("test_resnet", "none")
    return describe_set(open_image_set(folder, 100), network, torch.device("cpu"), lambda *_: None)


def test_copies_are_noticed_however_they_were_saved(tmp_path: Path) -> None:
    rendered, real = crops(tmp_path / "a", 6), crops(tmp_path / "b", 6, level=1)
    Image.open(rendered / "003.png").resize((130, 130)).save(real / "copy.jpg", quality=85)
    found = compare_sets("a", described(rendered), described(real))  # type: ignore[arg-type]
    assert [tuple(pair) for pair in found.duplicates] == [("003.png", "copy.jpg")]
    assert any("1 images are in both sets" in line for line in found.doubts)


def test_copies_within_one_set_are_noticed(tmp_path: Path) -> None:
    rendered, real = described(crops(tmp_path / "a", 6)), crops(tmp_path / "b", 6, level=1)
    said = "images are copies of others in it"
    assert not any(said in line for line in compare_sets("a", rendered, described(real)).doubts)  # type: ignore[arg-type]
    Image.open(real / "002.png").save(real / "again.jpg", quality=90)
    (line,) = (d for d in compare_sets("a", rendered, described(real)).doubts if said in d)  # type: ignore[arg-type]
    assert line.startswith(f"{real}: 1 of 7 {said}, such as again.jpg of 002.png; remove them")


def test_a_set_against_itself_has_nothing_to_change(tmp_path: Path) -> None:
    same = described(crops(tmp_path / "a", 30))
    found = compare_sets("a", same, same)  # type: ignore[arg-type]
    assert found.kid.mean <= found.kid.deviation and any("the sets are alike" in line for line in found.doubts)
    assert {item.distance for item in found.statistics} == {0} and not any(i.advice for i in found.statistics)


def test_the_classifier_is_scored_on_what_it_has_not_seen() -> None:
    """More features than images are known by heart; on unseen ones of one distribution that is chance."""
    draw = np.random.default_rng(3)
    sets: list[NDArray[np.float64]] = [draw.normal(size=(60, 200)), draw.normal(size=(40, 200))]
    groups = np.arange(60), np.arange(40)
    assert 0.35 < tell_apart(sets[0], sets[1], groups).accuracy < 0.65
    sets[0][:, :8] += 3
    apart = tell_apart(sets[0], sets[1], groups)
    assert apart.accuracy > 0.85 and apart.rendered.mean() > 0.6 > 0.4 > apart.real.mean()


@pytest.mark.parametrize("statistic", sorted(ADVICE))
def test_advice_adds_what_is_missing_and_leaves_out_what_is_there(statistic: str) -> None:
    for shift in (-1.0, 1.0):
        kind = ADVICE[statistic][shift > 0].kind
        on, off = advise(statistic, shift, [kind.strip("-")]), advise(statistic, shift, [])
        assert (on != off) == bool(kind) and ("add" in off) == (bool(kind) and kind[0] != "-")
