"""Configurations: a family's .toml file by name, or a file by path, changed with `section.key=value`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from scenegen.core.errors import UsageError

from scenetrain.config import Config, PaintConfig, apply_changes, config_from_dict, read_toml
from scenetrain.networks.contract import Family
from scenetrain.networks.registry import DEFAULT, PAINTERS, get_family, get_painter


def load_config(name_or_path: str | None = None, changes: Sequence[str] = (), family: str | None = None) -> Config:
    """Read a configuration and apply changes such as "training.epochs=3".

    A name is that of a file of the family, such as "first"; None is the family's default. `family` None takes the one
    that a change or the file names as model.name. Raises UsageError for what is not known or does not
    fit.
    """
    changed: dict[str, Any] = {}
    apply_changes(changed, changes)
    wanted = family or _model_name(changed, "--set")
    record = get_family(wanted or DEFAULT)
    path = record.configs / f"{name_or_path or record.default_config}.toml"
    if not path.is_file():
        path = Path(name_or_path or "")
        if not path.is_file():
            known = ", ".join(sorted(p.stem for p in record.configs.glob("*.toml")))
            raise UsageError(f"no configuration {name_or_path!r}; known: {known}, or the path of a .toml file")
        record = get_family(wanted or _model_name(read_toml(path), str(path)) or DEFAULT)
    body = read_toml(path)
    apply_changes(body, changes)
    _shorten_one_view_stages(body, changed)
    apply_changes(body, (f'model.name="{record.name}"',))
    return family_config(record, body, f"{path} with --set" if changes else str(path))


def named_painter(name_or_path: str | None, changes: Sequence[str], model: str | None) -> str | None:
    """The painter that `fit` is asked for: by --model, --set model.name or a configuration file; None for none."""
    changed: dict[str, Any] = {}
    apply_changes(changed, changes)
    name = model or _model_name(changed, "--set")
    if name is None and name_or_path and Path(name_or_path).is_file():
        name = _model_name(read_toml(Path(name_or_path)), name_or_path)
    return name if name in PAINTERS else None


def load_paint_config(painter: str, name_or_path: str | None = None, changes: Sequence[str] = ()) -> PaintConfig:
    """As load_config, of a painter."""
    record = get_painter(painter)
    path = record.configs / f"{name_or_path or record.default_config}.toml"
    if not path.is_file():
        path = Path(name_or_path or "")
        if not path.is_file():
            known = ", ".join(sorted(p.stem for p in record.configs.glob("*.toml")))
            raise UsageError(f"no configuration {name_or_path!r}; known: {known}, or the path of a .toml file")
    body = read_toml(path)
    apply_changes(body, (*changes, f'model.name="{record.name}"'))
    config = config_from_dict(record.settings, body, f"{path} with --set" if changes else str(path))
    if config.training.crop > config.training.size:
        raise UsageError(f"training.crop: {config.training.crop} is more than training.size, {config.training.size}")
    return config


def family_config(family: Family, body: Mapping[str, Any], source: str) -> Config:
    """A family's Config from nested tables; UsageError for what does not fit, `source` names the tables."""
    config: Config = config_from_dict(family.settings, body, source)
    least, most = family.reads.views
    if not least <= config.training.views <= most:
        allowed = f"{least} to {most}" if most > least else f"{most}"
        raise UsageError(f"{source}: training.views: {config.training.views} is not {allowed}")
    return config


def _shorten_one_view_stages(body: dict[str, Any], changed: Mapping[str, Any]) -> None:
    """Who sets training.epochs alone means every stage, whatever the configuration says of its one-view stages."""
    key = "single_view_epochs"
    sections = [table for table in changed.values() if isinstance(table, dict)]
    epochs = changed.get("training", {}).get("epochs") if isinstance(changed.get("training"), dict) else None
    if epochs is None or any(key in table for table in sections):
        return
    for table in body.values():
        if isinstance(table, dict):
            table.pop(key, None)
    body["training"][key] = epochs


def _model_name(body: Mapping[str, Any], source: str) -> str | None:
    model = body.get("model")
    name = model.get("name") if isinstance(model, dict) else None
    if name is None or isinstance(name, str):
        return name
    raise UsageError(f"{source}: model.name: {name!r} is not text")
