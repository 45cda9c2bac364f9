"""Data sets that the trainer's tests share."""

from __future__ import annotations

from pathlib import Path

import pytest
from helpers.trainer_boxes import write_boxes

pytest.register_assert_rewrite("trainer.networks.base")


@pytest.fixture(scope="session")
def boxes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twelve training scenes: eleven train, one validates."""
    return write_boxes(tmp_path_factory.mktemp("boxes") / "data", 12)


@pytest.fixture(scope="session")
def test_boxes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three test scenes."""
    return write_boxes(tmp_path_factory.mktemp("test_boxes") / "data", 3, "test")
