"""What the tests of several presets ask alike."""

from __future__ import annotations

from pathlib import Path

import pytest
from scenegen.core.errors import ScenegenError
from scenegen.core.preset.preset_file import PRESETS, load_preset


def check_wrong_key(folder: Path, preset: str, old: str, new: str, message: str) -> None:
    """A preset in which `new` stands for `old` is refused with its file, the key and what is wrong."""
    text = (PRESETS / f"{preset}.toml").read_text(encoding="utf-8")
    assert old in text
    path = folder / "mine.toml"
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(ScenegenError) as caught:
        load_preset(path)
    assert str(caught.value).startswith(f"{path}: {message}")
    assert "\n" not in str(caught.value)
