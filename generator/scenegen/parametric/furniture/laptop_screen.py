"""The content of a laptop's screen: a lit picture of coloured panels in the plane z = 0, facing -Z."""

from __future__ import annotations

import random
from collections.abc import Callable

from scenegen.core.asset_library import Material
from scenegen.core.rng import choose, integer, uniform
from scenegen.core.scene.scene import Vector
from scenegen.parametric.shapes.shapes import Part, beam

BACK, PANEL, BAR, INK, FIRST_HUE, SECOND_HUE = range(6)
SCREEN_COLORS = 6

# Back, panel, bar, ink and two hues, sRGB.
_THEMES: dict[str, str] = {
    "blue desk": "3f6fad e7edf6 304569 7c8695 59ade1 edb359",
    "teal desk": "308995 eaeff1 27555d 818990 6cc4b3 e17c89",
    "violet desk": "7c59a6 edecf3 453061 898195 c481cb f3bc7c",
    "paper": "95a6b8 f1f3f6 5081bc 90959b 6caae1 c4c8ce",
    "code": "1d222d 272d3a 3f597c 95a2b3 59b3da c4a059",
}
_OFF: Vector = (0.010, 0.011, 0.013)
_Put = Callable[[float, float, float, float, int, int], None]


def screen_materials(rng: random.Random) -> tuple[Material, ...]:
    """The picture's materials, lit by a theme or, rarely, dark as a screen that is off."""
    if rng.random() < 0.12:
        return tuple(Material(f"screen {n}", base_color=_OFF, roughness=0.08) for n in range(SCREEN_COLORS))
    theme = [_linear(code) for code in _THEMES[choose(rng, tuple(_THEMES))].split()]
    return tuple(
        Material(f"screen {n}", base_color=(0.01, 0.01, 0.012), roughness=0.15, emission=c, emission_strength=0.95)
        for n, c in enumerate(theme)
    )


def picture(rng: random.Random, width: float, height: float) -> list[Part]:
    """Panels on a `width` x `height` screen about the origin, +Y down the page; `material` is one of the six."""
    parts = [_rect(0, 0, width, height, 1).of(BACK)]

    def put(u: float, v: float, w: float, h: float, layer: int, color: int) -> None:
        """A panel by its upper left corner and size, as shares of the screen."""
        x, y = (u + w / 2 - 0.5) * width, (v + h / 2 - 0.5) * height
        parts.append(_rect(x, y, w * width, h * height, layer).of(color))

    put(0, 0.94, 1, 0.06, 2, BAR)
    for n in range(6):
        put(0.30 + 0.065 * n, 0.953, 0.035, 0.034, 3, choose(rng, (FIRST_HUE, SECOND_HUE, PANEL)))
    layout = choose(rng, ("window", "two windows", "full", "icons"))
    if layout == "full":
        _window(rng, put, 0.0, 0.0, 1.0, 0.94)
    elif layout == "window":
        _window(rng, put, uniform(rng, 0.12, 0.3), uniform(rng, 0.08, 0.18), 0.56, 0.66)
    elif layout == "two windows":
        _window(rng, put, 0.03, 0.06, 0.46, 0.80)
        _window(rng, put, 0.52, 0.12, 0.45, 0.68)
    else:
        put(0.30, 0.22, 0.40, 0.40, 2, FIRST_HUE)
        put(0.42, 0.34, 0.40, 0.36, 3, SECOND_HUE)
        for n in range(5):
            put(0.04, 0.06 + 0.16 * n, 0.055, 0.09, 2, choose(rng, (PANEL, FIRST_HUE, SECOND_HUE)))
    return parts


def _window(rng: random.Random, put: _Put, u: float, v: float, w: float, h: float) -> None:
    put(u, v, w, h, 3, PANEL)
    put(u, v, w, 0.06, 4, BAR)
    put(u + 0.02 * w, v + 0.10, 0.2 * w, h - 0.14, 4, FIRST_HUE if rng.random() < 0.5 else BACK)
    lines = integer(rng, 6, 9)
    step = (h - 0.14) / lines
    for n in range(lines):
        if n == 2 and lines > 7:
            put(u + 0.28 * w, v + 0.10 + step * n, 0.4 * w, step * 1.6, 4, SECOND_HUE)
        elif n != 3 or lines <= 7:
            put(u + 0.28 * w, v + 0.10 + step * n, w * uniform(rng, 0.35, 0.66), 0.4 * step, 4, INK)


def _rect(x: float, y: float, width: float, height: float, layer: int) -> Part:
    return beam((x - width / 2, y - height / 2, -0.0002 * layer), (x + width / 2, y + height / 2, 0.0004), 0.0)


def _linear(code: str) -> Vector:
    red, green, blue = (((c / 255 + 0.055) / 1.055) ** 2.4 for c in bytes.fromhex(code))
    return (red, green, blue)
