"""`scenegen presets`: what it lists, and that what it prints is a preset."""

from __future__ import annotations

from pathlib import Path

from click.testing import CliRunner
from scenegen.cli.presets import presets
from scenegen.core.errors import UsageError
from scenegen.core.preset.preset_file import PRESETS, load_preset


def test_all_presets_are_listed_with_what_they_make() -> None:
    shown = " ".join(CliRunner().invoke(presets, []).output.split())
    assert [path.stem for path in PRESETS.glob("*.toml") if f"{path.stem} " not in shown] == []
    assert "studio room; 3 views of 224x224 a scene; a grid of 80x96x64 and frusta of 128x128x128; chair," in shown


def test_what_is_printed_can_be_changed_and_used(tmp_path: Path) -> None:
    mine = tmp_path / "mine.toml"
    mine.write_text(CliRunner().invoke(presets, ["studio"]).output.replace("hfov = 72.0", "hfov = 80.0"))
    assert load_preset(mine).cameras.hfov == 80.0
    assert mine.read_text().count("#") == (PRESETS / "studio.toml").read_text().count("#")


def test_an_unknown_name_lists_the_known_ones() -> None:
    error = CliRunner().invoke(presets, ["moon"]).exception
    assert isinstance(error, UsageError) and "known: drive, shapenet, street, studio" in str(error)
