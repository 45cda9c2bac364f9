"""Faults planted in a scene's files: each function gives a plant, which changes the files of one folder."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

Plant = Callable[[Path], None]


def edit_array(name: str, change: Callable[[Any], Any], which: str = "labels") -> Plant:
    """Change the array of a .png or .npy file, or the one named `which` of an .npz file."""

    def plant(folder: Path) -> None:
        path = folder / name
        if name.endswith(".png"):
            with Image.open(path) as image:
                array = np.array(image)
            Image.fromarray(np.ascontiguousarray(change(array))).save(path)
        elif name.endswith(".npz"):
            with np.load(path) as arrays:
                kept = dict(arrays)
            np.savez(path, **{**kept, which: change(kept[which])})
        else:
            np.save(path, change(np.load(path)))

    return plant


def edit_json(name: str, change: Callable[[Any], Any]) -> Plant:
    """Change the body of a JSON file in place; what `change` returns is not used."""

    def plant(folder: Path) -> None:
        body = json.loads((folder / name).read_text())
        change(body)
        (folder / name).write_text(json.dumps(body))

    return plant


def put(value: Any, *place: Any) -> Callable[[Any], None]:
    """For edit_json: set the value at a place of keys and indices, or what it gives for the one there."""

    def change(body: Any) -> None:
        for key in place[:-1]:
            body = body[key]
        body[place[-1]] = value(body[place[-1]]) if callable(value) else value

    return change


def set_where(condition: Callable[[Any], Any], value: Any) -> Callable[[Any], Any]:
    def change(array: Any) -> Any:
        array[condition(array)] = value
        return array

    return change


def everywhere(*plants: Plant) -> Plant:
    def plant(folder: Path) -> None:
        for each in plants:
            each(folder)

    return plant


def cut(name: str) -> Plant:
    return lambda folder: (folder / name).write_bytes((folder / name).read_bytes()[:-200]) and None


def flip_bit(name: str, share: float) -> Plant:
    """Flip one bit at a share of a file's length."""

    def plant(folder: Path) -> None:
        content = bytearray((folder / name).read_bytes())
        content[int(share * len(content))] ^= 16
        (folder / name).write_bytes(content)

    return plant


def swap(a: str, b: str) -> Plant:
    def plant(folder: Path) -> None:
        (folder / a).rename(folder / "aside")
        (folder / b).rename(folder / a)
        (folder / "aside").rename(folder / b)

    return plant
