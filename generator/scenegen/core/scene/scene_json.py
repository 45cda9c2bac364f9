"""scene.json: a Scene as text (format "scenegen/1") and back."""

from __future__ import annotations

import dataclasses
import json

from scenegen.core.json_values import check_format, from_json, parse_object
from scenegen.core.scene.scene import Scene

FORMAT = "scenegen/1"

MOST_SPELLED_OUT = 8
"""Cameras up to which scene.json has a line for every number."""


def scene_to_json(scene: Scene) -> str:
    """The text of scene.json; with many views, one line per camera and object instead of one per number."""
    body = dataclasses.asdict(scene)
    extra = body.pop("extra")
    for entry in [*body["objects"], *body["skipped"]]:
        entry["class"] = entry.pop("class_name")
    whole = {"format": FORMAT, **body, **extra}
    if len(scene.cameras) <= MOST_SPELLED_OUT:
        return json.dumps(whole, indent=1)
    rows = {key: whole.pop(key) for key in ("cameras", "objects")}
    text = json.dumps(whole, indent=1)[:-2]
    for key, entries in rows.items():
        lines = ",\n  ".join(json.dumps(entry, separators=(",", ":")) for entry in entries)
        text += f',\n "{key}": [\n  {lines}\n ]'
    return text + "\n}"


def scene_from_json(text: str | bytes) -> Scene:
    """Read scene.json back. Top-level keys that Scene does not have go to `extra`.

    ValueError when it is not of this form, NewerFormatError when it is of a later version of it.
    """
    body = parse_object(text)
    check_format(body.pop("format", None), FORMAT)
    names = {field.name for field in dataclasses.fields(Scene)} - {"extra"}
    extra = {key: body.pop(key) for key in list(body) if key not in names}
    return from_json(Scene, {**body, "extra": extra})
