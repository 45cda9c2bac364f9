"""Configurations: the shipped ones, changes, and what is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scenegen.core.errors import UsageError
from scenetrain.config import TrainingSettings, as_plain, config_to_toml
from scenetrain.networks.everted.settings import BranchSettings, EvertedModel
from scenetrain.networks.registry import get_family
from scenetrain.networks.settings import load_config


def test_shipped_configurations_are_the_paper_s() -> None:
    first, final = load_config("first"), load_config("final")
    assert (first.reconstructor.learning_rate, first.reconstructor.batch_size, first.segmenter.batch_size) == (
        1e-3,
        16,
        8,
    )
    assert (final.reconstructor.dropout, final.segmenter.dropout, final.segmenter.learning_rate) == (0.10, 0.25, 1e-2)
    for config in (first, final):
        assert (config.segmenter.step_size, config.segmenter.gamma, config.training.patience) == (10, 0.5, 10)
        assert (config.model.width, config.model.fusion, config.training.epochs) == (1.0, "context", 100)


@pytest.mark.parametrize("name", ["first", "final", "tiny"])
def test_text_and_back(name: str, tmp_path: Path) -> None:
    config = load_config(name, ("training.cache=false", 'model.weights="a \\"b\\".pth"'))
    (tmp_path / "config.toml").write_text(config_to_toml(config))
    assert load_config(str(tmp_path / "config.toml")) == config


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("training.epoch=3", "no key 'epoch'"),
        ("trainer.epochs=3", "no section 'trainer'"),
        ("training.epochs=three", "'three' is not a whole number"),
        ("training.epochs=0", "0 is not 1 or more"),
        ("training.views=9", "9 is not 1 to 8"),
        ("epochs=3", "section.key=value"),
        ("training.epochs=3.0", r"training\.epochs: 3\.0 is not a whole number"),
        ("training.epochs=true", "True is not a whole number"),
        ("training.cache=yes", "'yes' is not true or false"),
        ("training.cache='false'", "'false' is not true or false"),
        ("training.average=nan", "nan is not a finite number"),
        ("training.average=1", "1 is not below 1"),
        ("model.fusion=sum", r"model\.fusion: 'sum' is not context or mean"),
        ("model.weights=3", "3 is not text"),
        ("model.name=3", "^--set: model.name: 3 is not text"),
        ("training.patience=0", r"first\.toml with --set: training\.patience: 0 is not 1 or more"),
        ("model.name=inverted", "no model 'inverted'; known: disn, everted"),
        ("model.prior=1.0", r"model\.prior: 1\.0 is not below 1"),
        ("training.precision=16", "bf16-mixed or 32-true"),
        ("segmenter.learning_rate=0", r"segmenter\.learning_rate: 0 is not above 0$"),
    ],
)
def test_nonsense_is_refused(change: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        load_config("first", (change,))
    with pytest.raises(UsageError, match="known: final, first, tiny"):
        load_config("second")


def test_a_file_is_named_with_what_is_wrong_in_it(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text("training = 3")
    with pytest.raises(UsageError, match=rf"{path}: training: 3 is not a section of keys"):
        load_config(str(path))
    path.write_text("[model]\nname = 3")
    with pytest.raises(UsageError, match=rf"{path}: model.name: 3 is not text"):
        load_config(str(path))
    path.write_text("training =")
    with pytest.raises(UsageError, match=rf"{path}: not a TOML file"):
        load_config(str(path))
    path.write_text("[training]\nepoch = 3")
    with pytest.raises(UsageError, match=rf"{path}: training: no key 'epoch'; known: seed, views, epochs"):
        load_config(str(path))


def test_a_whole_number_is_taken_for_a_real_one() -> None:
    assert load_config("first", ("model.width=2",)).model.width == 2.0


def test_toml_gets_what_it_can_hold() -> None:
    assert as_plain({"a": Path("x"), "b": None, "c": [np.float32(0.5), np.int64(2)], "d": {"e": True}}) == {
        "a": "x",
        "c": [0.5, 2],
        "d": {"e": True},
    }


@pytest.mark.parametrize("settings", [TrainingSettings, EvertedModel, BranchSettings])
def test_every_setting_says_what_it_is(settings: Any) -> None:
    fields = settings.__pydantic_fields__
    assert len(fields) > 5
    assert [name for name, field in fields.items() if not field.description] == []


def test_epochs_alone_are_those_of_every_stage() -> None:
    """tiny has epochs of its own for the one-view stages; who asks for one epoch waits for one of each."""
    for name in ("tiny", "first"):
        config = load_config(name, ("training.epochs=1",))
        assert [stage.epochs for stage in get_family("everted").stages(config)] == [1, 1, 1, 1]
    config = load_config("tiny", ("training.epochs=2", "segmenter.single_view_epochs=3"))
    by_name = {stage.name: stage.epochs for stage in get_family("everted").stages(config)}
    assert sorted(by_name.values()) == [2, 2, 3, 16]


def test_a_value_of_several_lines_is_no_number() -> None:
    with pytest.raises(UsageError, match=r"training\.epochs: '3\\nseed = 4' is not a whole number"):
        load_config("first", ("training.epochs=3\nseed = 4",))
