"""Which setting of `scenegen generate` to change where a statistic of the rendered images is off."""

from __future__ import annotations

from collections.abc import Collection
from typing import NamedTuple


class Advice(NamedTuple):
    """What to do where rendered images have too little or too much of something.

    `kind` is a kind of --variation: to add it, or with a "-" before it, to leave it out; "" where none helps.
    """

    kind: str
    text: str


ADVICE: dict[str, tuple[Advice, Advice]] = {
    "brightness": (
        Advice("exposure", "brighter: more or stronger lamps"),
        Advice("exposure", "darker: fewer or weaker lamps"),
    ),
    "contrast": (
        Advice("lights", "lamps in the place of even light"),
        Advice("", "softer light: larger lamps; a flatter view transform"),
    ),
    "colourfulness": (
        Advice("objects", "more colourful models and surfaces"),
        Advice("-objects", "plainer models and surfaces"),
    ),
    "tint": (Advice("white_balance", "less green light"), Advice("white_balance", "less red light")),
    "warmth": (Advice("white_balance", "warmer lamps"), Advice("white_balance", "cooler lamps")),
    "noise": (
        Advice("noise", "a sensor of fewer electrons; JPEG hides noise, so compare files of one kind"),
        Advice("-noise", "more samples: --quality high"),
    ),
    "blur": (
        Advice("blur", "images of fewer pixels in the preset"),
        Advice("-blur", "--quality high, and images of more pixels in the preset"),
    ),
    "edge density": (
        Advice("distractors", "more objects per scene in the preset"),
        Advice("-distractors", "fewer objects per scene in the preset"),
    ),
    "spectral slope": (
        Advice("surfaces", "more small objects and finer textures"),
        Advice("-surfaces", "larger plain areas and fewer small objects"),
    ),
}
"""By statistic: where the rendered images have too little of it, and too much (a slope nearer 0 is more)."""


def advise(statistic: str, shift: float, variation: Collection[str]) -> str:
    """What to change; `shift` is rendered less real, `variation` the kinds that the data set was made with."""
    kind, text = ADVICE[statistic][shift > 0]
    if kind.startswith("-"):
        return f"leave {kind[1:]} out of --variation, or {text}" if kind[1:] in variation else text
    if kind and kind not in variation:
        return f"add {kind} to --variation; {text}"
    return text
