"""The rule for images: the outlines of objects in an image lie where those of its own camera's instance map are.

Labels cannot prove colours, but an image of another camera or scene, or a mirrored one, shows edges in other places.
How well an image fits is the mean rank of its gradients, 0 to 1, over the pixels on outlines; 0.5 is chance. Over 550
rooms and 56 streets in draft and standard quality, in all variations, every image fits its own camera by 0.62 or more,
and no other camera and no mirrored outlines by 0.05 more than its own. The same outlines mirrored or moved fit worse,
on average over a scene by 0.1 or more in rooms and by 0.06 in streets. Of 790 scenes given another one's images, all
are found.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

FEWEST_PIXELS = 100
"""Outlines shorter than this, and images of fewer than SMALLEST pixels along a side, tell nothing."""
SMALLEST = 48
GOOD_FIT = 0.75
"""An image that fits its own camera this well is not compared with others."""
BETTER = 0.05
"""An image is of another camera if it fits that one by so much better than its own."""
WORSE = 0.1
"""An image shows something else if it fits its outlines by so much worse than the same ones mirrored or moved."""
IN_ROOM, IN_THE_OPEN, FEWEST_VIEWS = 0.08, 0.02, 3
"""The images of a scene, if there are at least FEWEST_VIEWS, fit their outlines on average by so much better."""
GOOD_MARGIN = 0.15
"""By how much an image with a good fit fits better than that, about: it is not worth computing."""

_LEVELS = 4096

Ranks = NDArray[np.float32]
Outline = NDArray[np.bool_]


@dataclass(frozen=True)
class EdgeFit:
    """How well image `k` fits its own instance map: `fit` is 0 to 1.

    `outlines` bool (H, W); `ranks` float32 (H, W), None where the fit is good.
    """

    k: int
    fit: float
    outlines: Outline
    ranks: Ranks | None


def fit_image(k: int, image: NDArray[np.uint8], instance: NDArray[np.uint16]) -> EdgeFit | None:
    """How well an image uint8 (H, W, 3) fits its instance map (H, W); None where that tells nothing."""
    if min(instance.shape) < SMALLEST:
        return None
    outlines = _outlines(instance)
    if np.count_nonzero(outlines) < FEWEST_PIXELS:
        return None
    ranks = _gradient_ranks(image)
    fit = float(ranks[outlines].mean())
    return EdgeFit(k, fit, outlines, None if fit >= GOOD_FIT else ranks)


def misplaced_images(fits: Sequence[EdgeFit], usual: float) -> Iterable[str]:
    """The images of a scene that show something else than their labels; `usual` is IN_ROOM or IN_THE_OPEN."""
    margins, told = list[float](), False
    for one in fits:
        if one.ranks is None:
            margins.append(GOOD_MARGIN)
            continue
        others = {
            f"the labels of camera {other.k}": other.outlines
            for other in fits
            if other is not one and other.outlines.shape == one.outlines.shape
        }
        mirrored = {
            "its labels mirrored": one.outlines[:, ::-1],
            "its labels upside down": one.outlines[::-1],
            "its labels turned around": one.outlines[::-1, ::-1],
        }
        fit_of = {name: float(one.ranks[edges].mean()) for name, edges in {**others, **mirrored}.items()}
        best = max(fit_of, key=lambda name: fit_of[name])
        astray = max(fit_of[name] for name in mirrored)
        astray = max(astray, *(float(one.ranks[edges].mean()) for edges in _moved(one.outlines)))
        margins.append(one.fit - astray)
        if fit_of[best] > one.fit + BETTER:
            yield f"image_{one.k}.png: its edges fit {best} better than its own ({fit_of[best]:.2f}, {one.fit:.2f})"
            told = True
        elif one.fit < astray - WORSE:
            yield f"image_{one.k}.png: its edges are not where the outlines of instance_{one.k}.png are ({one.fit:.2f})"
            told = True
    if not told and len(margins) >= FEWEST_VIEWS and sum(margins) / len(margins) < usual:
        yield "the images' edges are not where the outlines of the instance maps are; are they of another scene?"


def _moved(outlines: Outline) -> Iterator[Outline]:
    """The outlines an eighth, a quarter and half of the image aside."""
    for axis, length in enumerate(outlines.shape):
        for part in (8, -8, 4, -4, 2):
            yield np.roll(outlines, length // part, axis)


def _outlines(instance: NDArray[np.uint16]) -> Outline:
    """The pixels on both sides of where the instance changes."""
    edges = np.zeros(instance.shape, np.bool_)
    rows, columns = instance[1:] != instance[:-1], instance[:, 1:] != instance[:, :-1]
    edges[1:] |= rows
    edges[:-1] |= rows
    edges[:, 1:] |= columns
    edges[:, :-1] |= columns
    return edges


def _gradient_ranks(image: NDArray[np.uint8]) -> Ranks:
    """How strong the gradient is at each pixel, as its rank among all: 0 to 1, float32 (H, W).

    Of the logarithm, so that dark parts count as much, smoothed over 3 x 3 pixels against noise.
    """
    grey = _LOG[image[..., 0]] * 0.3 + _LOG[image[..., 1]] * 0.6 + _LOG[image[..., 2]] * 0.1
    for axis in (0, 1):
        smooth = grey.copy()
        ends, middle, starts = _along(axis)
        smooth[middle] = (grey[starts] + grey[middle] + grey[ends]) / 3
        grey = smooth
    strength = np.zeros_like(grey)
    for axis in (0, 1):
        ends, middle, starts = _along(axis)
        strength[middle] += (grey[ends] - grey[starts]) ** 2
    strength = np.sqrt(strength)
    levels = (strength * (_LEVELS - 1) / max(float(strength.max()), 1e-6)).astype(np.int64)
    counts = np.bincount(levels.reshape(-1), minlength=_LEVELS)
    below = (np.cumsum(counts) - counts / 2) / levels.size
    ranks: Ranks = below.astype(np.float32)[levels]
    return ranks


def _along(axis: int) -> tuple[tuple[slice, ...], ...]:
    """Slices from the third, the second and the first element on, all equally long, along an axis of an image."""
    whole = slice(None)
    return tuple((whole,) * axis + (part,) for part in (slice(2, None), slice(1, -1), slice(None, -2)))


_LOG = np.log1p(np.arange(256, dtype=np.float32))
