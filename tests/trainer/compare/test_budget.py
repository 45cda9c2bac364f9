"""How a budget becomes epochs, of every network of the registry that has a small configuration."""

from __future__ import annotations

import dataclasses
from dataclasses import replace
from typing import get_type_hints

import pytest
from scenegen.core.errors import UsageError
from scenetrain.compare.budget import StageCost, fit_to_budget, predict_seconds
from scenetrain.compare.entries import Entry, read_entries
from scenetrain.config import IN_EPOCHS
from scenetrain.networks.registry import family_names, get_family
from scenetrain.networks.settings import load_config

ENTRIES = read_entries(())


def costs(entry: Entry) -> tuple[StageCost, ...]:
    """An epoch of every stage takes 10 s."""
    return tuple(StageCost(stage.name, 1.5, 0.5, 6, 2) for stage in entry.family.stages(entry.config))


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry.name)
def test_epochs_fill_the_budget(entry: Entry) -> None:
    known = costs(entry)
    whole = predict_seconds(entry.config, known)
    for budget in (10.0 * len(known), 0.5 * whole, 3 * whole):
        fitted = fit_to_budget(entry.config, known, budget)
        stages = entry.family.stages(fitted)
        spent = sum(stage.epochs for stage in stages) * 10
        assert spent == predict_seconds(fitted, known) <= budget
        # stages that grow together may leave room for one epoch less than each has
        assert spent > budget - 10 * len(stages) - 0.1 * budget
        assert fitted.training.patience >= max(stage.epochs for stage in stages)
        assert replace(fitted, training=entry.config.training).model == entry.config.model
    with pytest.raises(UsageError, match="more than the budget"):
        fit_to_budget(entry.config, known, 10.0 * len(known) - 1)


def test_schedules_follow_the_epochs() -> None:
    """Half of the epochs: learning rates fall after half as many."""
    ssz = load_config("tiny", ("training.epochs=22", "ssz.decay_epochs=14"), "ssz")
    fitted = fit_to_budget(ssz, (StageCost("ssz", 1.0, 0.0, 1, 1),), 11.0)
    assert (fitted.training.epochs, fitted.ssz.decay_epochs) == (11, 7)
    everted = load_config("tiny", (), "everted")
    known = tuple(StageCost(f"{name}_{n}", 1.0, 0.0, 1, 1) for name in ("reconstructor", "segmenter") for n in (1, 3))
    fitted = fit_to_budget(everted, known, 84.0)
    assert (fitted.training.single_view_epochs, fitted.training.epochs) == (32, 2)
    assert (fitted.segmenter.single_view_epochs, fitted.segmenter.step_size) == (48, 16)
    never = replace(everted, segmenter=replace(everted.segmenter, step_size=0))
    assert fit_to_budget(never, known, 84.0).segmenter.step_size == 0


@pytest.mark.parametrize("name", family_names())
def test_settings_that_count_epochs_have_their_type(name: str) -> None:
    """Whose description speaks of so many epochs: `compare` must fit them to its budget."""
    for section in get_type_hints(get_family(name).settings).values():
        hints = get_type_hints(section, include_extras=True)
        for field in dataclasses.fields(section):
            described = section.__pydantic_fields__[field.name].description or ""
            counts = "epochs" in described and get_type_hints(section)[field.name] is int
            assert counts == (IN_EPOCHS in getattr(hints[field.name], "__metadata__", ())), f"{field.name}: {described}"
