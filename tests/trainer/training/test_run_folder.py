"""A run on disk: models that older programs wrote, and files that say the same in other words."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path
from random import Random

import pytest
import torch
from helpers.trainer_boxes import BOX, small_config, trained_model
from scenegen.core.errors import DamageError, ScenegenError
from scenetrain.config import config_to_toml
from scenetrain.data.scenes import open_split
from scenetrain.networks.registry import family_names, get_family
from scenetrain.training import run_folder
from scenetrain.training.run_folder import StageResult, begin_run, load_model, read_stage_result, save_model

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("run")
    torch.manual_seed(0)
    save_model(folder, trained_model(small_config(), 0.32, 0.41))
    return folder / "model.pt"


def test_a_model_of_the_first_format_is_read(saved: Path, tmp_path: Path) -> None:
    """It names no family, and its thresholds by the branches."""
    body = torch.load(saved, weights_only=True)
    del body["family"]
    body |= {"format": "scenetrain/1", "thresholds": {"reconstructor": 0.32, "segmenter": 0.41}}
    torch.save(body, tmp_path / "model.pt")
    old, new = load_model(tmp_path, CPU), load_model(saved, CPU)
    assert (old.family, old.config, old.thresholds) == (new.family, new.config, {"occupancy": 0.32, "masks": 0.41})
    assert all(torch.equal(value, old.model.state_dict()[key]) for key, value in new.model.state_dict().items())


def test_a_configuration_of_another_family_beside_a_model(saved: Path, tmp_path: Path) -> None:
    (tmp_path / "model.pt").write_bytes(saved.read_bytes())
    (tmp_path / "config.toml").write_text('[model]\nname = "zgan"\n')
    with pytest.raises(
        ScenegenError, match=r"config\.toml: is of 'zgan', but model\.pt beside it of 'everted': they are"
    ):
        load_model(tmp_path, CPU)
    assert load_model(tmp_path / "model.pt", CPU).family.name == "everted"
    (tmp_path / "config.toml").write_text(config_to_toml(small_config()))
    assert load_model(tmp_path, CPU).family.name == "everted"


def test_a_later_format_asks_for_an_upgrade(saved: Path, tmp_path: Path) -> None:
    torch.save(torch.load(saved, weights_only=True) | {"format": "scenetrain/3"}, tmp_path / "model.pt")
    with pytest.raises(ScenegenError, match=r"format 'scenetrain/3', which this scenetrain does not know; upgrade it"):
        load_model(tmp_path, CPU)


def test_damage_is_one_line(saved: Path, tmp_path: Path) -> None:
    (tmp_path / "model.pt").write_bytes(saved.read_bytes()[:5000])
    with pytest.raises(
        ScenegenError, match=r"model\.pt: not a model of this program, or damaged \(cut off: the list of"
    ):
        load_model(tmp_path, CPU)
    body = torch.load(saved, weights_only=True)
    for key in ("classes", "family", "state", "thresholds", "grid"):
        torch.save({name: value for name, value in body.items() if name != key}, tmp_path / "model.pt")
        with pytest.raises(ScenegenError, match=rf"model\.pt: not a model of this program, or damaged .*{key}"):
            load_model(tmp_path, CPU)
    torch.save(body | {"state": {}}, tmp_path / "model.pt")
    with pytest.raises(ScenegenError, match=r"model\.pt: not a model of this program, or damaged \(.*state_dict"):
        load_model(tmp_path, CPU)


def test_a_family_that_is_not_here_is_named(saved: Path, tmp_path: Path) -> None:
    torch.save(torch.load(saved, weights_only=True) | {"family": "inverted"}, tmp_path / "model.pt")
    with pytest.raises(
        ScenegenError,
        match=rf"model\.pt: no model 'inverted'; known: {', '.join(family_names())}; use the scenetrain",
    ):
        load_model(tmp_path, CPU)


def test_a_mistake_of_a_family_is_not_called_damage(saved: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def build(*arguments: object, **options: object) -> torch.nn.Module:
        raise KeyError("width")

    broken = replace(get_family("everted"), build=build)
    monkeypatch.setattr(run_folder, "get_family", lambda name: broken)
    with pytest.raises(KeyError, match="width"):
        load_model(saved, CPU)


def test_a_configuration_that_says_the_same_continues_a_run(boxes: Path, tmp_path: Path) -> None:
    train, validation = (open_split(boxes, split, BOX, 3) for split in ("train", "validation"))
    begin_run(tmp_path, small_config(), train, validation, leader=True)
    text = config_to_toml(small_config())
    (tmp_path / "config.toml").write_text("# by hand\n" + text.replace(" = ", "="))
    begin_run(tmp_path, small_config(), train, validation, leader=True)
    (tmp_path / "config.toml").write_text(text.replace("epochs = 2", "epochs = 3"))
    with pytest.raises(ScenegenError, match=r"config\.toml: differs from the requested configuration"):
        begin_run(tmp_path, small_config(), train, validation, leader=True)


def test_an_output_that_says_nothing_is_a_doubt() -> None:
    assert trained_model(small_config(), 0.32, 0.41).doubts() == []
    (line,) = trained_model(small_config(), 0.32, 0.0).doubts()
    assert line.startswith("segmenter: on validation no threshold is better than 0, so every voxel is predicted")


def test_a_network_with_any_flipped_bit_is_refused(saved: Path, tmp_path: Path) -> None:
    """Of its content; what lies between the parts, and repeats in the zip file's directory, decides nothing."""
    whole, content = load_model(saved, CPU), saved.read_bytes()
    random = Random(0)
    refused = 0
    for _ in range(100):
        harmed = bytearray(content)
        harmed[random.randrange(len(content))] ^= 1 << random.randrange(8)
        (tmp_path / "model.pt").write_bytes(harmed)
        try:
            found = load_model(tmp_path, CPU)
        except DamageError as error:
            assert "model.pt: not a model of this program, or damaged (" in str(error)
            refused += 1
            continue
        same = {
            key: torch.equal(value, found.model.state_dict()[key]) for key, value in whole.model.state_dict().items()
        }
        assert all(same.values())
        assert torch.equal(whole.frequency, found.frequency)
    assert refused > 50


def test_a_network_that_would_run_code_is_refused(tmp_path: Path) -> None:
    torch.save({"format": "scenetrain/2", "state": Path}, tmp_path / "model.pt")
    with pytest.raises(DamageError, match=r"model\.pt: not a model of this program"):
        load_model(tmp_path, CPU)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("thresholds", {"occupancy": None, "masks": 0.5}),
        ("thresholds", {"occupancy": math.nan, "masks": 0.5}),
        ("thresholds", {"occupancy": 1.5, "masks": 0.5}),
        ("thresholds", [0.5, 0.5]),
        ("grid", {"origin": (0, 0, 0), "voxel_size": "0.05", "shape": (80, 96, 64)}),
        ("grid", {"origin": (0, 0, 0), "voxel_size": 0.05, "shape": (8, 9, 6)}),
        ("classes", ["chair", "chair", "table", "nightstand", "bag", "human"]),
        ("classes", [1, 2, 3, 4, 5, 6]),
        ("frequency", torch.zeros(3)),
        ("state", {"layer": 3}),
        ("config", None),
        ("family", None),
        ("format", None),
    ],
)
def test_wrong_values_of_a_model_are_one_line(saved: Path, tmp_path: Path, key: str, value: object) -> None:
    torch.save(torch.load(saved, weights_only=True) | {key: value}, tmp_path / "model.pt")
    with pytest.raises(ScenegenError, match=r"^[^\n]*model\.pt: [^\n]*$"):
        load_model(tmp_path, CPU)


GOOD = {
    "stage": "one",
    "epochs": 3,
    "best_epoch": 1,
    "validation_loss": 0.5,
    "threshold": None,
    "overall": None,
    "seconds": 1,
}


@pytest.mark.parametrize("harm", ["cut", "epochs", "validation_loss", "nested", "list"])
def test_a_damaged_result_of_a_stage_is_one_line(tmp_path: Path, harm: str) -> None:
    (tmp_path / "one").mkdir()
    done = tmp_path / "one" / "done.json"
    done.write_text(json.dumps(GOOD))
    assert read_stage_result(tmp_path, "one") == StageResult(**GOOD)
    texts = {
        "cut": json.dumps(GOOD)[:40],
        "epochs": json.dumps(GOOD | {"epochs": "3"}),
        "validation_loss": json.dumps(GOOD | {"validation_loss": math.nan}),
        "nested": "[" * 99_999,
        "list": "[]",
    }
    done.write_text(texts[harm])
    with pytest.raises(DamageError, match=r"done\.json: damaged \(.*\); rename it, and the same command takes"):
        read_stage_result(tmp_path, "one")
