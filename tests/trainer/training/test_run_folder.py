"""A run on disk: models that older programs wrote, and files that say the same in other words."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from helpers.trainer_boxes import BOX, small_config, trained_model
from scenegen.core.errors import ScenegenError
from scenetrain.config import config_to_toml
from scenetrain.data.scenes import open_split
from scenetrain.networks.registry import get_family
from scenetrain.training import run_folder
from scenetrain.training.run_folder import begin_run, load_model, save_model

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


def test_a_later_format_asks_for_an_upgrade(saved: Path, tmp_path: Path) -> None:
    torch.save(torch.load(saved, weights_only=True) | {"format": "scenetrain/3"}, tmp_path / "model.pt")
    with pytest.raises(ScenegenError, match=r"format 'scenetrain/3', which this scenetrain does not know; upgrade it"):
        load_model(tmp_path, CPU)


def test_damage_is_one_line(saved: Path, tmp_path: Path) -> None:
    (tmp_path / "model.pt").write_bytes(saved.read_bytes()[:5000])
    with pytest.raises(ScenegenError, match=r"model\.pt: not a model of this program, or damaged"):
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
    with pytest.raises(ScenegenError, match=r"model\.pt: no model 'inverted'; known: everted; use the scenetrain"):
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
