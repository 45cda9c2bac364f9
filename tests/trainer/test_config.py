"""Configurations: the shipped ones, changes, and what is refused."""

from __future__ import annotations

from pathlib import Path

import pytest
from scenegen.core.errors import UsageError
from scenetrain.config import config_to_toml
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
        ("training.precision=16", "bf16-mixed or 32-true"),
        ("segmenter.learning_rate=0", r"segmenter\.learning_rate: 0 is not above 0$"),
    ],
)
def test_nonsense_is_refused(change: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        load_config("first", (change,))
    with pytest.raises(UsageError, match="known: final, first, tiny"):
        load_config("second")
