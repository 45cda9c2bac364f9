"""Texture images: extract a channel, multiply by a colour, fit into a pixel budget."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

NEUTRAL_GREY = (0.5, 0.5, 0.5)
PALETTE_EDGE = 16
_DRAFT_EDGE = 4096  # larger JPEG files are decoded at a reduced size
MOST_PIXELS = 2**28  # of an image as it is decoded: 16384 x 16384
Image.MAX_IMAGE_PIXELS = MOST_PIXELS
_FORMATS = ("PNG", "JPEG", "WEBP", "BMP", "TGA", "TIFF", "GIF")  # pillow would start Ghostscript for an EPS file


class TextureError(Exception):
    """An image cannot be read; the message says why."""


def _open(content: bytes, *, linear: bool = False) -> Image.Image:
    try:
        file = Image.open(io.BytesIO(content), formats=_FORMATS)
        file.draft(None, (_DRAFT_EDGE, _DRAFT_EDGE))
        if file.width * file.height > MOST_PIXELS:
            raise TextureError(f"{file.width} x {file.height} pixels; make it smaller")
        file.load()
    except (OSError, ValueError, SyntaxError, MemoryError, Image.DecompressionBombError) as error:
        why = "does not fit into memory" if isinstance(error, MemoryError) else str(error).split(" <", 1)[0]
        raise TextureError(why) from error
    image: Image.Image = file if max(file.size) <= _DRAFT_EDGE else _reduced(file)
    if image.mode.startswith("I") or image.mode == "F":  # pillow's own conversion clips instead of scaling
        values = np.asarray(image, dtype=np.float64)
        image = Image.fromarray(_eight_bits(values, image.mode, linear=linear))
    if image.mode == "P" and "transparency" in image.info:  # pillow's other conversions of it warn
        image = image.convert("RGBA")
    return image


def _reduced(image: Image.Image) -> Image.Image:
    """A smaller image, of at most _DRAFT_EDGE pixels; made in strips, so that no second one of full size is needed."""
    factor = -(-max(image.size) // _DRAFT_EDGE)
    size = (-(-image.width // factor), -(-image.height // factor))
    if image.mode not in ("L", "LA", "RGB", "RGBA", "F", "I"):  # palettes have no mean
        return image.resize(size, Image.Resampling.NEAREST)
    smaller = Image.new(image.mode, size)
    smaller.info = image.info
    rows = 256 // factor * factor
    for top in range(0, image.height, rows):
        strip = image.crop((0, top, image.width, min(top + rows, image.height)))
        bands = [band.reduce(factor) for band in strip.split()]  # colours stay where alpha is 0
        smaller.paste(Image.merge(image.mode, bands), (0, top // factor))
    return smaller


def _eight_bits(values: NDArray[np.float64], mode: str, *, linear: bool) -> NDArray[np.uint8]:
    """Grey values of pillow's `mode` as 8 bits: floats are linear brightness, whole numbers have 16 or 31 bits."""
    if mode == "F":
        shares = np.clip(np.nan_to_num(values), 0.0, 1.0)
        shares = shares if linear else _srgb(shares)
    else:
        shares = np.clip(values / (65535.0 if mode != "I" or values.max() <= 65535.0 else 2.0**31 - 1.0), 0.0, 1.0)
    return np.asarray(np.round(shares * 255.0), dtype=np.uint8)


def _srgb(linear: NDArray[Any]) -> NDArray[Any]:
    return np.where(linear <= 0.0031308, linear * 12.92, 1.055 * np.clip(linear, 1e-6, 1) ** (1 / 2.4) - 0.055)


def _encode(image: Image.Image, *, lossless: bool) -> bytes:
    buffer = io.BytesIO()
    if lossless:
        image.save(buffer, "PNG", compress_level=1)
    else:
        image.save(buffer, "JPEG", quality=92, subsampling=0)
    return buffer.getvalue()


def grey_channel(
    content: bytes, channel: str, factor: float = 1.0, cutoff: float | None = None, *, inverted: bool = False
) -> bytes | None:
    """One channel ("R", "G", "B", "A", or "RGB" for brightness) times `factor`, as a grey PNG.

    "A or RGB" is alpha where the image has it, else brightness. `inverted`: 1 minus that. With a `cutoff` each pixel
    becomes 255, or 0 below it. None when an alpha is wanted and is missing or opaque everywhere.
    """
    image = _open(content, linear=True)
    has_alpha = "A" in image.getbands() or "transparency" in image.info
    if channel == "A" and not has_alpha:
        return None
    opaque = channel.startswith("A")
    channel = ("A" if has_alpha else "RGB") if channel == "A or RGB" else channel
    grey = image.convert("L") if channel == "RGB" else image.convert("RGBA").getchannel(channel)
    if factor != 1.0:
        grey = grey.point([min(255, round(v * factor)) for v in range(256)])
    if inverted:
        grey = grey.point([255 - v for v in range(256)])
    if cutoff is not None:
        grey = grey.point([255 if v / 255 >= cutoff - 1e-6 else 0 for v in range(256)])
    if opaque and np.asarray(grey).min() >= 250:
        return None
    return _encode(grey, lossless=True)


def tiled(
    content: bytes,
    ranges: Sequence[tuple[int, int]],
    modes: Sequence[str],
    transform: NDArray[np.float64] | None = None,
    *,
    normals: bool = False,
) -> bytes:
    """The image, as a PNG, that shows UVs from `ranges` (low and high of u, then of v) by the wrap `modes` of u and v.

    Modes: "repeat", "clamp" (the edge goes on) and "mirror". `transform` (2, 3) brings the UVs to the image's own, and
    with `normals` turns them too. Its edges are at most as long as a decoded image may be.
    """
    image = _open(content)
    image = image if image.mode in ("RGB", "RGBA", "L") else image.convert("RGBA")
    transform = np.eye(2, 3) if transform is None else transform
    repeats = np.array([high - low for low, high in ranges]) * np.linalg.norm(transform[:, :2], axis=0)
    edges = [int(max(1, min(round(n * r), _DRAFT_EDGE))) for n, r in zip(image.size, repeats, strict=True)]
    wanted = [max(1, min(n, round(edge / max(r, 1e-9)))) for n, edge, r in zip(image.size, edges, repeats, strict=True)]
    if abs(transform[0, 1]) + abs(transform[1, 0]) < 1e-9:
        image = image if image.size == tuple(wanted) else image.resize((wanted[0], wanted[1]))
    pixels = np.asarray(image)
    along = [
        low + (np.arange(edge) + 0.5) / edge * (high - low) for edge, (low, high) in zip(edges, ranges, strict=True)
    ]
    u, v = np.meshgrid(along[0], along[1][::-1])  # v goes up, rows go down
    own = np.einsum("ij,jab->iab", transform[:, :2], np.stack([u, v])) + transform[:, 2, None, None]
    column, row = (_wrapped(share, size, mode) for share, size, mode in zip(own, image.size, modes, strict=True))
    result = pixels[image.height - 1 - row, column]
    if normals and not np.allclose(transform[:, :2], np.diag(np.diag(np.abs(transform[:, :2])))):
        result = _turned_normals(result, transform[:, :2])
    return _encode(Image.fromarray(result), lossless=True)


def _wrapped(share: NDArray[np.float64], size: int, mode: str) -> NDArray[np.int64]:
    """The pixel of `size` in which each UV coordinate lies, by a wrap mode."""
    place: NDArray[np.int64] = np.floor(share * size + 1e-6).astype(np.int64)
    if mode == "clamp":
        place = np.clip(place, 0, size - 1)
    elif mode == "mirror":
        place = np.minimum(place % (2 * size), 2 * size - 1 - place % (2 * size))
    else:
        place %= size
    return place


def _turned_normals(pixels: NDArray[np.uint8], linear: NDArray[np.float64]) -> NDArray[np.uint8]:
    """Normals of an image whose UVs are `linear` (2, 2) times those of the surface, along the surface's UVs."""
    tangents = np.linalg.inv(linear)
    tangents /= np.linalg.norm(tangents, axis=0)
    rgb = pixels[..., :3] if pixels.ndim == 3 else np.repeat(pixels[..., None], 3, axis=2)
    values = rgb.astype(np.float64) / 127.5 - 1.0
    values[..., :2] = values[..., :2] @ tangents.T
    return np.asarray(np.clip(np.round((values + 1.0) * 127.5), 0, 255), dtype=np.uint8)


def is_height_map(content: bytes) -> bool:
    """Whether an image is grey, as heights are; normals are blue."""
    pixels = np.asarray(_open(content, linear=True).convert("RGB"), dtype=np.int16)
    return int(np.ptp(pixels, axis=2).max()) <= 8


def scaled_normals(content: bytes, strength: float) -> bytes:
    """A normal map whose slopes are multiplied, as glTF's `normalTexture.scale` does."""
    values = np.asarray(_open(content, linear=True).convert("RGB"), dtype=np.float64) / 127.5 - 1.0
    values[..., :2] *= strength
    values /= np.maximum(np.linalg.norm(values, axis=2, keepdims=True), 1e-9)
    return _encode(Image.fromarray(np.round((values + 1.0) * 127.5).astype(np.uint8)), lossless=True)


def normals_of_heights(content: bytes, strength: float) -> bytes | None:
    """Normal map (OpenGL's, Y up) of a height map that repeats; None where it is flat.

    A full step from one pixel to the next but one is a slope of `strength` times 4.
    """
    heights = np.asarray(_open(content, linear=True).convert("L"), dtype=np.float64) / 255.0
    if np.ptp(heights) < 1.5 / 255.0:
        return None
    along = (np.roll(heights, -1, axis=1) - np.roll(heights, 1, axis=1)) * 4.0 * strength
    down = (np.roll(heights, -1, axis=0) - np.roll(heights, 1, axis=0)) * 4.0 * strength
    normals = np.stack([-along, down, np.ones_like(heights)], axis=2)
    normals /= np.linalg.norm(normals, axis=2, keepdims=True)
    return _encode(Image.fromarray(np.round((normals + 1.0) * 127.5).astype(np.uint8)), lossless=True)


def tinted(content: bytes, factor: Sequence[float]) -> bytes:
    """The image file with its linear colours multiplied by `factor` (3,); unchanged for (1, 1, 1)."""
    if all(abs(f - 1.0) < 1e-3 for f in factor):
        _open(content)
        return content
    image = _open(content).convert("RGB")
    table = [min(255, round(v * max(f, 0.0) ** (1 / 2.2))) for f in factor for v in range(256)]
    return _encode(image.point(table), lossless=False)


def palette(colors: NDArray[np.float32]) -> tuple[bytes, NDArray[np.float32]]:
    """A PNG of at most 256 colours for the linear `colors` (N, 3), and the UV (N, 2) of each colour's texel."""
    srgb = _srgb(colors)
    row = Image.fromarray(np.clip(np.round(srgb * 255), 0, 255).astype(np.uint8)[None])
    reduced = row.quantize(PALETTE_EDGE**2, dither=Image.Dither.NONE)
    index = np.asarray(reduced).reshape(-1).astype(np.int64)
    entries = np.zeros((PALETTE_EDGE**2, 3), dtype=np.uint8)
    listed = np.array(reduced.getpalette() or [0, 0, 0], dtype=np.uint8).reshape(-1, 3)[: PALETTE_EDGE**2]
    entries[: len(listed)] = listed
    image = Image.fromarray(entries.reshape(PALETTE_EDGE, PALETTE_EDGE, 3))
    x, y = index % PALETTE_EDGE, index // PALETTE_EDGE
    places = np.stack([(x + 0.5) / PALETTE_EDGE, 1.0 - (y + 0.5) / PALETTE_EDGE], axis=1)
    return _encode(image, lossless=True), places.astype(np.float32)


def few_colors(colors: NDArray[np.float32], most: int) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Groups (N,) of linear `colors` (N, 3), at most so many, and the mean colour (G, 3) of each group."""
    srgb = np.clip(np.round(_srgb(colors) * 255), 0, 255).astype(np.uint8)
    _, group = np.unique(srgb, axis=0, return_inverse=True)
    if group.max() >= most:
        group = np.asarray(Image.fromarray(srgb[None]).quantize(most, dither=Image.Dither.NONE)).reshape(-1)
        _, group = np.unique(group, return_inverse=True)
    group = group.reshape(-1).astype(np.int64)
    means = [colors[group == number].mean(axis=0) for number in range(int(group.max()) + 1)]
    return group, np.array(means, dtype=np.float32)


class FittedTextures(NamedTuple):
    """Image files by new path, the new path by old path, and by old path the reason why an image cannot be used."""

    files: dict[str, bytes]
    paths: dict[str, str]
    broken: dict[str, str]


def fit_textures(textures: Mapping[str, bytes], exact: set[str], longest_edge: int) -> FittedTextures:
    """Bring every image to at most `longest_edge` pixels and to PNG or JPEG.

    `exact` holds the paths that must stay without JPEG's errors (normals, alpha).
    """
    files: dict[str, bytes] = {}
    paths: dict[str, str] = {}
    broken: dict[str, str] = {}
    for path in sorted(textures):
        try:
            content, suffix = _fit(textures[path], longest_edge, exact=path in exact)
        except TextureError as error:
            broken[path] = str(error)
            continue
        paths[path] = f"{path.rsplit('.', 1)[0] if path.endswith(('.png', '.jpg')) else path}{suffix}"
        files[paths[path]] = content
    return FittedTextures(files, paths, broken)


def _fit(content: bytes, longest_edge: int, *, exact: bool) -> tuple[bytes, str]:
    image = _open(content)
    scale = longest_edge / max(image.size)
    kind = {"PNG": ".png", "JPEG": ".jpg"}.get(image.format or "")
    if scale >= 1.0 and kind and image.mode in ("RGB", "RGBA", "L"):
        return content, kind
    if image.mode not in ("RGB", "L"):
        image = image.convert("RGB")
    if scale < 1.0:
        size = (max(1, round(image.width * scale)), max(1, round(image.height * scale)))
        two_valued = exact and image.mode == "L" and set(np.unique(np.asarray(image))) <= {0, 255}
        image = image.resize(size, Image.Resampling.BOX if scale < 0.3 else Image.Resampling.LANCZOS)
        if two_valued:  # a mask of what is there stays one: labels know no half
            image = image.point([255 if v >= 128 else 0 for v in range(256)])
    lossless = exact or image.mode == "L" or max(image.size) <= 64
    return _encode(image, lossless=lossless), ".png" if lossless else ".jpg"
