"""A data set of boxes with the same chair at three sizes, one of them tilted, and a textured bag of two materials."""

from __future__ import annotations

import dataclasses
import io
import json
import struct
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from scenegen.core.asset_library import Material, Mesh, read_mesh, write_asset
from scenegen.core.dataset.info import write_dataset_json
from scenegen.core.dataset.reading import Dataset

from helpers.box_scenes import (
    as_matrix,
    box_asset,
    box_info,
    labelled_box_scene,
    placed,
    with_bbox,
    write_box_dataset,
    write_box_library,
)

TEXTURES = ("base_color", "normal", "roughness", "metallic", "emission")


def write_glb_set(place: Path) -> Path:
    """`place`/set with one scene, made from `place`/library."""
    write_box_library(place / "library")
    write_textured_bag(place / "library")
    out = write_box_dataset(place / "set", 1)
    write_dataset_json(out, box_info(1, assets=place / "library"))
    scene, _ = labelled_box_scene(0)
    c, s = np.cos(0.4), np.sin(0.4)
    tilt, grown = np.eye(4), np.diag([1.3, 1.3, 1.3, 1.0])
    tilt[:3, :3] = 0.95 * np.array([[1, 0, 0], [0, c, -s], [0, s, c]])
    tilt[:3, 3] = (0.2, -0.3, 0.9)
    grown[:3, 3] = (-1.6, 1.9, 0.0)
    path = out / "scenes/scene_000000/scene.json"
    body = json.loads(path.read_text())
    for number, matrix in enumerate((tilt, grown), start=len(scene.objects)):
        item = with_bbox(dataclasses.replace(placed(number, "chair", (0, 0, 0), 0.0), matrix=as_matrix(matrix)))
        entry = dataclasses.asdict(dataclasses.replace(item, visible_pixels=(0, 0, 0)))
        body["objects"].append({"class": entry.pop("class_name"), **entry})
    path.write_text(json.dumps(body))
    assert len(Dataset(out)[0].objects) == 8
    return out


def write_textured_bag(library: Path) -> None:
    """Give the bag UVs and two materials: one of texture files, one of glass."""
    mesh = read_mesh(dataclasses.replace(box_asset("bag"), folder=library / "bag_box"))
    rng = np.random.default_rng(0)
    normals = np.zeros((12, 3, 3), np.float32)
    normals[..., 2] = 1.0
    kinds = (np.arange(12) >= 6).astype(np.int32)
    made = Mesh(mesh.vertices, mesh.faces, normals, rng.random((12, 3, 2)).astype(np.float32), kinds)
    names = {slot: f"textures/{slot}.{'jpg' if slot == 'base_color' else 'png'}" for slot in TEXTURES}
    cloth = Material("cloth", textures=names, emission_strength=2.5)
    glass = Material("glass", kind="glass", base_color=(0.0123, 0.5, 1.0), roughness=0.05, transmission=1.0, ior=1.4)
    files = {names[slot]: picture(slot, number) for number, slot in enumerate(TEXTURES)}
    write_asset(library, dataclasses.replace(box_asset("bag"), materials=(cloth, glass)), made, files)


def picture(slot: str, seed: int) -> bytes:
    """A small image file: colours as JPEG, the rest as PNG, in grey where one number is asked for."""
    shape = (8, 8) if slot in ("roughness", "metallic") else (8, 8, 3)
    pixels = np.random.default_rng(seed).integers(0, 256, shape).astype(np.uint8)
    content = io.BytesIO()
    Image.fromarray(pixels).save(content, "JPEG" if slot == "base_color" else "PNG")
    return content.getvalue()


def read_glb(path: Path) -> tuple[dict[str, Any], bytes]:
    """The JSON of a .glb file and its binary chunk, read by hand."""
    content = path.read_bytes()
    magic, version, length, size, kind = struct.unpack("<4sIII4s", content[:20])
    assert (magic, version, length, kind) == (b"glTF", 2, len(content), b"JSON")
    return json.loads(content[20 : 20 + size]), content[28 + size :]
