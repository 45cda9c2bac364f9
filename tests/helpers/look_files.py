"""Reading the look of imported models, and images with a known colour, for tests of what a file says about its look."""

from __future__ import annotations

import base64
import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from scenegen.assets.sources.files.importer import Imported, import_files

LEFT, RIGHT = (220, 40, 20), (20, 60, 220)


def read(*files: Path) -> list[Imported]:
    """All files, none of which may be refused."""
    results = [each for _, each in import_files(files)]
    assert all(isinstance(each, Imported) for each in results), results
    return [each for each in results if isinstance(each, Imported)]


def plain(*color: int) -> Image.Image:
    """A small image of one colour: grey, RGB or RGBA."""
    return Image.new({1: "L", 3: "RGB", 4: "RGBA"}[len(color)], (8, 8), color if len(color) > 1 else color[0])


def halves() -> Image.Image:
    """An image whose left half is LEFT and whose right half is RIGHT."""
    pixels = np.zeros((8, 8, 3), np.uint8)
    pixels[:, :4], pixels[:, 4:] = LEFT, RIGHT
    return Image.fromarray(pixels)


def png(image: Image.Image) -> bytes:
    """The image as a PNG file."""
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return buffer.getvalue()


def data_uri(image: Image.Image) -> str:
    """The image as glTF holds it inside."""
    return "data:image/png;base64," + base64.b64encode(png(image)).decode()


def seen(model: Imported, name: str, slot: str, face: int = 0) -> tuple[int, ...] | float | tuple[float, ...] | None:
    """What a material shows at the first corner of one of its faces: bytes of its image, else its number or colour."""
    numbers = [n for n, material in enumerate(model.materials) if material.name == name]
    at = np.flatnonzero(np.isin(model.material_index, numbers))[face]
    material = model.materials[model.material_index[at]]
    path = material.textures.get(slot)
    if path is None:
        return None if slot == "normal" else getattr(material, slot)
    assert model.uvs is not None
    image = np.asarray(Image.open(io.BytesIO(model.textures[path])))
    u, v = model.uvs[at, 0] % 1.0
    pixel = image[int((1 - v) * image.shape[0]) % image.shape[0], int(u * image.shape[1])]
    return tuple(int(value) for value in np.atleast_1d(pixel))


def srgb(linear: float) -> float:
    """A linear value in [0, 1] as a byte of an image."""
    return 255 * (12.92 * linear if linear <= 0.0031308 else 1.055 * linear ** (1 / 2.4) - 0.055)


def shows(slot: str, value: Any) -> Callable[[Imported, str], None]:
    """A check that a material shows a value in a slot, and that no warning is about it."""

    def check(model: Imported, name: str) -> None:
        found = seen(model, name, slot)
        assert found is not None
        found = found[: len(value)] if isinstance(found, tuple) else found
        np.testing.assert_allclose(found, value, atol=1.01 if isinstance(value, tuple) and max(value) > 1 else 2e-3)
        assert not [warning for warning in model.warnings if warning.startswith(f"{name}:")]

    return check
