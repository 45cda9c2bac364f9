"""Reads manifests: which Sketchfab models to fetch, their class and split, and the spare models (schema.json)."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from importlib import resources
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator, ValidationError

from scenegen.core.errors import UsageError
from scenegen.core.scene.classes import known_classes

SPLITS = ("train", "test")


@dataclass(frozen=True)
class ManifestEntry:
    """One model of a manifest; `height` in metres, `up` and `front` as in `files.ImportOptions`, None if not given."""

    uid: str
    class_name: str
    split: str
    name: str | None = None
    height: float | None = None
    up: str | None = None
    front: str | None = None


@dataclass(frozen=True)
class Manifest:
    """`models` by (class, split), best first: the first `want` of each are wanted, the others are spares.

    `faults` has one line per entry that cannot be used, with the reason.
    """

    name: str
    models: Mapping[tuple[str, str], tuple[ManifestEntry, ...]]
    want: Mapping[tuple[str, str], int]
    faults: tuple[str, ...]


def shipped() -> tuple[str, ...]:
    """The manifests that come with scenegen."""
    names = (file.name.removesuffix(".json") for file in resources.files("assets_manifest").iterdir())
    return tuple(sorted(name for name in names if name not in ("schema", "__pycache__")))


def read_manifest(name: str) -> Manifest:
    """Read a shipped manifest by its name, or a manifest file; UsageError when it is not a manifest."""
    body = _load(name)
    faults: list[str] = []
    models: dict[tuple[str, str], list[ManifestEntry]] = defaultdict(list)
    listed: dict[tuple[str, str], int] = defaultdict(int)
    seen: dict[str, int] = {}
    model = Draft202012Validator(_schema()["$defs"]["model"])
    for number, item in enumerate(body["models"]):
        fault = next(model.iter_errors(item), None)
        why = _describe(fault, "") if fault else _unusable(item, number, seen)
        if why:
            faults.append(f"{name}: models[{number}]{_label(item)}: {why}")
        if isinstance(item, dict) and _is_known(item.get("class")) and item.get("split") in SPLITS:
            listed[item["class"], item["split"]] += 1
        if not why:
            models[item["class"], item["split"]].append(_entry(item))
    want = {
        (class_name, split): count
        for class_name, counts in body.get("want", {}).items()
        for split, count in counts.items()
    }
    faults += [
        f"{name}: want: {_unknown(class_name)}"
        for class_name in body.get("want", {})
        if class_name not in known_classes()
    ]
    wanted = want if "want" in body else dict(listed)
    return Manifest(name, {key: tuple(entries) for key, entries in models.items()}, wanted, tuple(faults))


def _is_known(name: object) -> bool:
    return isinstance(name, str) and name in known_classes()


def _schema() -> dict[str, Any]:
    text = resources.files("assets_manifest").joinpath("schema.json").read_text(encoding="utf-8")
    return dict(json.loads(text))


def _load(name: str) -> dict[str, Any]:
    path = Path(name)
    if name in shipped():
        return dict(json.loads(resources.files("assets_manifest").joinpath(f"{name}.json").read_text(encoding="utf-8")))
    try:
        body = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        known = ", ".join(shipped())
        raise UsageError(f"{name}: {error.strerror}; name a manifest file, or one of: {known}") from error
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{name}: not JSON ({error}); fix it") from error
    schema = _schema()
    schema["properties"]["models"].pop(
        "items"
    )  # each model is checked alone, so that one fault does not refuse the others
    for fault in Draft202012Validator(schema).iter_errors(body):
        raise UsageError(f"{name}: {_describe(fault, 'the manifest')}")
    return dict(body)


def _describe(fault: ValidationError, whole: str) -> str:
    """A fault in one line: where it is, the value, and what the schema requires."""
    place = ".".join(str(step) for step in fault.absolute_path) or whole
    if fault.validator in ("required", "additionalProperties", "dependentRequired"):
        return f"{place}: {fault.message}".removeprefix(": ")
    shown = json.dumps(fault.instance)
    shown = shown if len(shown) <= 60 else f"{shown[:60]}..."
    return f"{place}: {shown} is not {fault.schema['description']}".removeprefix(": ")


def _unusable(item: dict[str, Any], number: int, seen: dict[str, int]) -> str | None:
    if item["class"] not in known_classes():
        return _unknown(item["class"])
    first = seen.setdefault(item["uid"], number)
    return None if first == number else f"the same uid as models[{first}]"


def _unknown(class_name: str) -> str:
    return f"unknown class {class_name!r}; known: {', '.join(sorted(known_classes()))}"


def _label(item: object) -> str:
    uid = item.get("uid") if isinstance(item, dict) else None
    return f" ({uid})" if isinstance(uid, str) and len(uid) <= 40 and uid.isprintable() else ""


def _entry(item: dict[str, Any]) -> ManifestEntry:
    optional = {key: item.get(key) for key in ("name", "height", "up", "front")}
    return ManifestEntry(item["uid"], item["class"], item["split"], **optional)


def select(manifest: Manifest, class_name: str | None, split: str | None) -> Manifest:
    """The part of a manifest for one class and one split (None: all); UsageError when it has no such class."""
    if class_name is not None and class_name not in {key[0] for key in manifest.want}:
        known = ", ".join(dict.fromkeys(key[0] for key in manifest.want))
        raise UsageError(f"{manifest.name}: no class {class_name!r}; its classes: {known}")

    def chosen(key: tuple[str, str]) -> bool:
        return class_name in (None, key[0]) and split in (None, key[1])

    return replace(
        manifest,
        models={key: models for key, models in manifest.models.items() if chosen(key)},
        want={key: count for key, count in manifest.want.items() if chosen(key)},
    )


def entries(manifest: Manifest) -> Iterator[ManifestEntry]:
    """All usable entries."""
    for models in manifest.models.values():
        yield from models
