"""Textures within their budget: huge ones are read in bounded memory, and masks stay masks."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image
from scenegen.assets.prepare import textures
from scenegen.assets.prepare.textures import fit_textures


def png(image: Image.Image) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "PNG", compress_level=1)
    return buffer.getvalue()


def test_a_texture_of_16384_pixels_becomes_as_large_as_the_library_takes() -> None:
    """Grey, one half of it white."""
    halves = Image.new("L", (16_384, 16_384), 64)
    halves.paste(255, (0, 0, 8_192, 16_384))
    files, paths, broken = fit_textures({"big": png(halves)}, set(), 1_024)
    assert not broken
    made = Image.open(io.BytesIO(files[paths["big"]]))
    assert made.size == (1_024, 1_024)
    pixels = np.asarray(made)
    assert (pixels[:, :510] == 255).all()
    assert (pixels[:, 514:] == 64).all()


@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA"])
def test_a_huge_image_is_reduced_in_strips(mode: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each pixel is the mean of its block, as numpy computes it, and keeps its colour where alpha is 0."""
    monkeypatch.setattr(textures, "_DRAFT_EDGE", 512)
    bands = len(Image.new(mode, (1, 1)).getbands())
    pixels = np.random.default_rng(0).integers(0, 256, (1_024, 1_536, bands), dtype=np.uint8)
    pixels[:512, :, -1] = 0
    image = Image.fromarray(pixels.squeeze(), mode)
    opened = textures._open(png(image))
    assert opened.mode == mode
    assert opened.size == (512, 342)
    true = pixels[:1_023].reshape(341, 3, 512, 3, bands).mean(axis=(1, 3))
    np.testing.assert_allclose(np.asarray(opened).reshape(342, 512, bands)[:341], true, atol=0.6)  # rounded twice


def test_a_palette_is_reduced_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(textures, "_DRAFT_EDGE", 64)
    image = Image.new("P", (100, 100), 1)
    image.putpalette([0, 0, 0, 200, 10, 20])
    opened = textures._open(png(image)).convert("RGB")
    assert opened.size == (50, 50)
    assert opened.getpixel((7, 9)) == (200, 10, 20)


@pytest.mark.filterwarnings("error")
def test_a_palette_with_alpha_keeps_its_colours_without_a_word() -> None:
    image = Image.new("P", (8, 8), 1)
    image.putpalette([0, 0, 0, 200, 10, 20])
    image.info["transparency"] = bytes([255, 100])
    fitted = fit_textures({"a": png(image)}, set(), 100)
    assert Image.open(io.BytesIO(fitted.files["a.png"])).getpixel((3, 3)) == (200, 10, 20)


def test_a_mask_that_is_made_smaller_stays_a_mask() -> None:
    """A disc of 100 of 300 pixels at a third of the size; in between, resampling makes greys at its edge."""
    row, column = np.indices((300, 300))
    disc = np.where(np.hypot(row - 149.5, column - 149.5) < 100, 255, 0)
    images = {name: png(Image.fromarray(a.astype(np.uint8))) for name, a in (("a", disc), ("b", np.maximum(disc, 1)))}
    fitted = fit_textures(images, {"a", "b"}, 100)
    small, other = (np.asarray(Image.open(io.BytesIO(fitted.files[f"{name}.png"]))) for name in "ab")
    assert small.shape == (100, 100) and set(np.unique(small)) == {0, 255}
    assert abs(np.count_nonzero(small) / (np.pi * (100 / 3) ** 2) - 1) < 0.01
    assert len(np.unique(other)) > 10
