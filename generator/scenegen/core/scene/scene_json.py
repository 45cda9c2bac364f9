"""scene.json: a Scene as text (format "scenegen/1") and back."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

from scenegen.core.scene.scene import (
    Bounds,
    Camera,
    DistractorLook,
    FrustumSpec,
    GridSpec,
    LightLook,
    Look,
    NoiseLook,
    ObjectLook,
    PlacedObject,
    Scene,
    Skipped,
    SunLook,
    SurfaceLook,
)

FORMAT = "scenegen/1"

MOST_SPELLED_OUT = 8
"""Cameras up to which scene.json has a line for every number."""


def scene_to_json(scene: Scene) -> str:
    """The text of scene.json; of many views, a line each camera and object rather than one each number."""
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


def scene_from_json(text: str) -> Scene:
    """Read scene.json back; raises ValueError (KeyError, TypeError) when it is not of this form."""
    body = json.loads(text)
    if body.pop("format", None) != FORMAT:
        raise ValueError(f"not a {FORMAT} scene")
    names = {f.name for f in dataclasses.fields(Scene)} - {"extra"}
    extra = {key: body.pop(key) for key in list(body) if key not in names}
    return Scene(
        seed=int(body["seed"]),
        index=int(body["index"]),
        preset=body["preset"],
        split=body["split"],
        classes=tuple(body["classes"]),
        grid=GridSpec(**_tuples(body["grid"])) if body["grid"] else None,
        room=_tuples(body["room"]) if body["room"] else None,
        cameras=tuple(_camera(c) for c in body["cameras"]),
        objects=tuple(_object(o) for o in body["objects"]),
        skipped=tuple(Skipped(class_name=s.pop("class"), **s) for s in body["skipped"]),
        look=_look(body["look"]),
        extra=extra,
    )


def _camera(body: dict[str, Any]) -> Camera:
    body = _tuples(body)
    return Camera(**{**body, "frustum": FrustumSpec(**body["frustum"])})


def _object(body: dict[str, Any]) -> PlacedObject:
    body = _tuples(body)
    body["class_name"] = body.pop("class")
    return PlacedObject(**{**body, "bbox": Bounds(**body["bbox"])})


def _look(body: dict[str, Any]) -> Look:
    body = _tuples(body)
    surfaces = {key: SurfaceLook(**body[key]) if body[key] else None for key in ("floor", "walls", "ceiling")}
    lights = tuple(LightLook(**light) for light in body["lights"])
    sun = SunLook(**body["sun"]) if body.get("sun") else None
    objects = tuple(ObjectLook(**entry) for entry in body.get("objects", ()))
    noise = NoiseLook(**body["noise"]) if body.get("noise") else None
    distractors = tuple(DistractorLook(**entry) for entry in body.get("distractors", ()))
    parts = {"lights": lights, "sun": sun, "objects": objects, "noise": noise, "distractors": distractors}
    return Look(**{**body, **surfaces, **parts})


def _tuples(value: Any) -> Any:
    """JSON lists as tuples, all the way down."""
    if isinstance(value, list):
        return tuple(_tuples(v) for v in value)
    if isinstance(value, dict):
        return {key: _tuples(v) for key, v in value.items()}
    return value
