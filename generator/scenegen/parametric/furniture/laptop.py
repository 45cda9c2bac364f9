"""Built-in laptops: open, standing on z = 0, the user at -Y and the screen facing -Y.

A lid is made closed, hinged at the origin and reaching toward -Y with its screen below, then turned open.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from scenegen.core.asset_library import Material
from scenegen.core.rng import choose, uniform
from scenegen.core.scene.scene import Vector
from scenegen.parametric.furniture.laptop_screen import picture, screen_materials
from scenegen.parametric.shapes.curves import Points, polygon, rectangle
from scenegen.parametric.shapes.shapes import Families, Model, Part, beam, box, cylinder, join, mirrored, prism, torus

BODY, DECK, KEYS, PAD, BEZEL, LOGO, RUBBER, GLOW, FIRST_SCREEN = range(9)

# Keyboard rows, widths in keys, from the back; every row is 15 wide.
_ROWS: tuple[tuple[float, ...], ...] = (
    (15 / 14,) * 14,
    (1.0,) * 13 + (2.0,),
    (1.5,) + (1.0,) * 12 + (1.5,),
    (1.75,) + (1.0,) * 11 + (2.25,),
    (2.25,) + (1.0,) * 10 + (2.75,),
    (1.0, 1.0, 1.0, 1.25, 5.5, 1.25, 1.0, 1.0, 1.0, 1.0),
)
# Name: linear base colour, metallic, roughness.
_FINISHES: dict[str, tuple[Vector, float, float]] = {
    "silver": ((0.58, 0.59, 0.60), 0.85, 0.34),
    "space grey": ((0.16, 0.165, 0.175), 0.8, 0.36),
    "black": ((0.014, 0.014, 0.016), 0.0, 0.45),
    "white": ((0.74, 0.74, 0.73), 0.0, 0.35),
    "rose": ((0.62, 0.38, 0.34), 0.8, 0.34),
    "midnight": ((0.022, 0.030, 0.055), 0.6, 0.38),
    "champagne": ((0.60, 0.50, 0.38), 0.8, 0.34),
    "beige": ((0.52, 0.47, 0.37), 0.0, 0.55),
    "teal": ((0.03, 0.20, 0.22), 0.0, 0.40),
    "olive": ((0.10, 0.11, 0.06), 0.0, 0.60),
}


@dataclass(frozen=True)
class _Size:
    """Outer measures in metres; `front` is the base's thickness at its front edge."""

    width: float
    depth: float
    base: float
    front: float
    lid: float
    corner: float
    bezel: tuple[float, float, float] = (0.006, 0.009, 0.014)  # sides, top, bottom


@dataclass(frozen=True)
class _Finish:
    """Which of `_FINISHES` a laptop may have, its keys ("black", "pale", None: drawn), its lights, a cloth keyboard."""

    names: tuple[str, ...]
    keys: str | None = None
    glow: Vector = (0.5, 0.5, 0.5)
    cloth: bool = False


def _size(rng: random.Random, low: float, high: float, base: tuple[float, float], lid: float, corner: float) -> _Size:
    width = uniform(rng, low, high)
    thick = uniform(rng, *base)
    return _Size(width, width * uniform(rng, 0.65, 0.71), thick, thick, lid, corner)


def _ultrabook(rng: random.Random) -> Model:
    size = _size(rng, 0.285, 0.325, (0.011, 0.014), 0.005, 0.012)
    size = replace(size, front=0.5 * size.base)
    deck = _deck(size, numeric=False, keys_from=0.16)
    lid = _lid(rng, size, "disc")
    return _open(rng, [*_base(size), *deck], lid, size, _Finish(("silver", "rose", "champagne", "white")))


def _aluminium(rng: random.Random) -> Model:
    size = _size(rng, 0.30, 0.358, (0.011, 0.015), 0.0048, 0.014)
    deck = _deck(size, numeric=False, keys_from=0.12, pad=(0.46, 0.36))
    x, y = 0.445 * size.width, 0.14 * size.depth
    grille = [_plate(x, y, 0.055 * size.width, 0.47 * size.depth, size.base, 0.0006).of(KEYS)]
    lid = _lid(rng, size, "pebble")
    return _open(
        rng,
        [*_base(size), *deck, *mirrored(grille)],
        lid,
        size,
        _Finish(("silver", "space grey", "midnight"), keys="black"),
    )


def _clamshell(rng: random.Random) -> Model:
    size = _size(rng, 0.34, 0.385, (0.019, 0.024), 0.008, 0.010)
    size = replace(size, bezel=(0.012, 0.014, 0.026))
    numeric = size.width > 0.355
    deck = _deck(size, numeric=numeric, keys_from=0.10)
    x = size.width / 2
    ports = [
        beam((x - 0.004, y, 0.4 * size.base), (x + 0.0006, y + 0.014, 0.4 * size.base + 0.006), 0.001).of(RUBBER)
        for y in (-0.06, -0.03, 0.0, 0.04)
    ]
    lid = _lid(rng, size, "bar")
    return _open(
        rng,
        [*_base(size), *deck, *mirrored(ports)],
        lid,
        size,
        _Finish(("black", "silver", "white", "teal", "midnight")),
    )


def _business(rng: random.Random) -> Model:
    size = _size(rng, 0.305, 0.335, (0.015, 0.019), 0.008, 0.004)
    deck = _deck(size, numeric=False, keys_from=0.14, pad=(0.30, 0.26))
    nub = cylinder(0.0035, 0.004, bevel=0.001, sides=10).moved(0.0, 0.17 * size.depth, size.base).of(GLOW)
    buttons = _plate(0.0, -0.125 * size.depth, 0.30 * size.width, 0.014, size.base, 0.0016).of(KEYS)
    knuckles = [
        cylinder(0.006, 0.045, bevel=0.001, sides=14).rotated("y", 90).moved(0.28 * size.width, size.depth / 2 - 0.006)
    ]
    hinges = [part.moved(z=size.base).of(RUBBER) for part in mirrored(knuckles)]
    lid = _lid(rng, size, "corner")
    return _open(
        rng, [*_base(size), *deck, nub, buttons, *hinges], lid, size, _Finish(("black",), glow=(0.5, 0.015, 0.015))
    )


def _gaming(rng: random.Random) -> Model:
    size = _size(rng, 0.355, 0.398, (0.021, 0.027), 0.008, 0.006)
    size = replace(size, depth=0.66 * size.width)
    back = 0.05
    shoulders = [(-0.5, -0.5), (0.5, -0.5), (0.5, 0.42), (0.42, 0.5), (-0.42, 0.5), (-0.5, 0.42)]
    tail = polygon(np.array(shoulders) * [0.94 * size.width, 2 * back], 0.006)
    block = prism(tail, size.base - 0.001, 0.003).moved(0, size.depth / 2).of(BODY)
    vents = [
        beam((x, size.depth / 2 + 0.012 + 0.007 * row, size.base - 0.003),
             (x + 0.10, size.depth / 2 + 0.0155 + 0.007 * row, size.base - 0.0004), 0.0).of(RUBBER)
        for row in range(4)
        for x in (-0.32 * size.width, 0.32 * size.width - 0.10)
    ]  # fmt: skip
    strip = beam((-0.4 * size.width, -size.depth / 2 - 0.0006, 0.35 * size.base),
                 (0.4 * size.width, -size.depth / 2 + 0.004, 0.35 * size.base + 0.003), 0.001).of(GLOW)  # fmt: skip
    deck = _deck(size, numeric=True, keys_from=0.15, glow=True)
    lid = _lid(rng, size, "wedge")
    glow = choose(rng, ((0.9, 0.02, 0.05), (0.05, 0.5, 0.9), (0.1, 0.8, 0.25), (0.5, 0.1, 0.9)))
    parts = [*_base(size), block, *vents, strip, *deck]
    return _open(rng, parts, lid, size, _Finish(("black", "space grey"), glow=glow))


def _tent(rng: random.Random) -> Model:
    """A convertible folded back, standing like a roof with its screen in front."""
    size = _size(rng, 0.285, 0.33, (0.010, 0.013), 0.006, 0.012)
    half = uniform(rng, 24, 32)
    base = [
        p.moved(y=-size.depth / 2, z=-size.base) for p in [*_base(size), *_deck(size, numeric=False, keys_from=0.14)]
    ]
    lid = [p.rotated("x", 2 * half) for p in _lid(rng, size, "disc", flipped=True)]
    body = [p.rotated("x", 90 - half).rotated("z", 180) for p in [*base, *lid]]
    return _finished(rng, body, _Finish(("rose", "champagne", "teal", "space grey")))


def _detachable(rng: random.Random) -> Model:
    """A tablet on its kickstand with a thin cloth keyboard before it."""
    size = _size(rng, 0.28, 0.30, (0.0055, 0.0065), 0.0085, 0.010)
    size = replace(size, bezel=(0.012, 0.012, 0.012))
    lean = uniform(rng, 16, 26)
    cover = [
        part.of(PAD) if part.material == BODY else part
        for part in (*_base(size), *_deck(size, numeric=False, keys_from=0.05, pad=(0.36, 0.26)))
    ]
    tablet = [p.rotated("x", -90 - lean).moved(y=size.depth / 2 + 0.012) for p in _lid(rng, size, "bar")]
    # The stand leaves the tablet's back at half its height and leans the other way down to the ground.
    rise = 0.52 * size.depth * np.cos(np.radians(lean))
    reach = 0.52 * size.depth * np.sin(np.radians(lean))
    slope = 42.0
    length = float(rise / np.cos(np.radians(slope))) + 0.004
    leaf = prism(rectangle(0.94 * size.width, length, 0.01, 3), 0.002, 0.0006).moved(y=-length / 2)
    stand = leaf.rotated("x", 90 - slope).rotated("z", 180)
    stand = stand.moved(y=size.depth / 2 + 0.012 + reach + 0.006, z=rise).of(BODY)
    return _finished(rng, [*cover, *tablet, stand], _Finish(("silver", "black", "space grey"), cloth=True))


def _retro(rng: random.Random) -> Model:
    """An early notebook: thick, a small square screen in a broad frame, a trackball."""
    width = uniform(rng, 0.285, 0.31)
    thick = uniform(rng, 0.034, 0.042)
    size = _Size(width, 0.78 * width, thick, 0.8 * thick, 0.020, 0.008, (0.042, 0.028, 0.038))
    keys = _deck(size, numeric=False, keys_from=0.10, pad=None, key_height=0.0045)
    ball = cylinder(0.018, 0.003, bevel=0.001, sides=24).moved(0, -0.27 * size.depth, size.base).of(KEYS)
    bead = torus(0.006, 0.0052, 20, 8).moved(0, -0.27 * size.depth, size.base + 0.004).of(RUBBER)
    clicks = [_plate(0.034, -0.27 * size.depth, 0.022, 0.03, size.base, 0.002).of(KEYS)]
    drive = beam((width / 2 - 0.004, -0.05, 0.010), (width / 2 + 0.0008, 0.055, 0.016), 0.0008).of(RUBBER)
    parts = [*_base(size), *keys, ball, bead, *mirrored(clicks), drive]
    return _open(rng, parts, _lid(rng, size, "corner", matte=True), size, _Finish(("beige", "space grey")))


def _rugged(rng: random.Random) -> Model:
    """A field laptop: rubber corners and a carrying handle at the front."""
    size = _size(rng, 0.31, 0.345, (0.028, 0.034), 0.016, 0.012)
    size = replace(size, depth=0.74 * size.width, bezel=(0.020, 0.022, 0.026))
    x, y = size.width / 2, size.depth / 2
    bumper = box(0.05, 0.05, size.base + 0.002, 0.006).moved(x - 0.019, y - 0.019, -0.001).of(RUBBER)
    corners = mirrored(mirrored([bumper]), "y")
    grip = beam((-0.085, -y - 0.030, 0.009), (0.085, -y - 0.014, size.base - 0.006), 0.004).of(RUBBER)
    arms = [beam((0.062, -y - 0.022, 0.010), (0.084, -y + 0.004, size.base - 0.008), 0.004).of(RUBBER)]
    guard = beam((x - 0.034, -size.depth - 0.003, -0.0005), (x + 0.004, -size.depth + 0.034, size.lid + 0.003), 0.005)
    lid = [*_lid(rng, size, "bar"), *mirrored([guard.of(RUBBER)])]
    parts = [*_base(size), *_deck(size, numeric=False, keys_from=0.12), *corners, grip, *mirrored(arms)]
    return _open(rng, parts, lid, size, _Finish(("olive", "space grey", "black")))


def _base(size: _Size) -> list[Part]:
    outline = rectangle(size.width, size.depth, size.corner, 4)
    body = prism(outline, size.base, min(0.003, 0.25 * size.front), 2).warped(lambda v: _wedge(v, size)).of(BODY)
    x, y = 0.40 * size.width, 0.40 * size.depth
    foot = box(0.03, 0.008, 0.006, 0.001, 1).moved(x, y, -0.0015).of(RUBBER)
    near = foot.moved(y=-2 * y, z=size.base - size.front - _drop(size, -y))
    return [body, *mirrored([foot.moved(z=-_drop(size, y)), near.moved(z=size.front - size.base)])]


def _drop(size: _Size, y: float) -> float:
    """How far the bottom of a wedge rises at depth `y`, negated."""
    return -(size.base - size.front) * (0.5 - y / size.depth)


def _wedge(vertices: Points, size: _Size) -> Points:
    """Lift the bottom toward the front; the deck stays level."""
    lifted = vertices.copy()
    share = (size.base - size.front) / size.base * (0.5 - vertices[:, 1] / size.depth)
    lifted[:, 2] += (size.base - vertices[:, 2]) * share
    return lifted


def _plate(x: float, y: float, width: float, depth: float, z: float, rise: float) -> Part:
    """A thin sheet about (x, y) that stands `rise` above `z`."""
    outline = rectangle(width, depth, min(0.004, 0.3 * min(width, depth)), 2)
    return prism(outline, rise + 0.001).moved(x, y, z - 0.001)


def _deck(
    size: _Size,
    *,
    numeric: bool,
    keys_from: float,
    pad: tuple[float, float] | None = (0.36, 0.29),
    glow: bool = False,
    key_height: float = 0.0016,
) -> list[Part]:
    """Keyboard, touchpad and their surrounds; `keys_from` is the strip left free at the back, as a share of depth."""
    units = 19.4 if numeric else 15.0
    span = (0.93 if numeric else 0.86) * size.width
    pitch = span / units
    row = min(0.0185, 0.098 * size.depth)
    back = size.depth * (0.5 - keys_from)
    height = row * 5.6
    parts = [_plate(0, back - height / 2, span + 0.006, height + 0.006, size.base, 0.0004).of(GLOW if glow else DECK)]
    y = back
    for number, widths in enumerate(_ROWS):
        tall = 0.6 * row if number == 0 else row
        keys = list(widths)
        if numeric:
            keys += [-0.4, 1.0, 1.0, 1.0, 1.0]
        x = -span / 2
        for width in keys:
            if width > 0:
                parts.append(_key(x + width * pitch / 2, y - tall / 2, width * pitch, tall, size.base, key_height))
            x += abs(width) * pitch
        y -= tall
    if pad is not None:
        width, depth = pad[0] * size.width, pad[1] * size.depth
        middle = (y - size.depth / 2) / 2 + 0.002
        depth = min(depth, 2 * (y - middle) - 0.006)
        parts.append(_plate(0, middle, width + 0.0016, depth + 0.0016, size.base, 0.0002).of(RUBBER))
        parts.append(_plate(0, middle, width, depth, size.base, 0.0005).of(PAD))
    return parts


def _key(x: float, y: float, width: float, depth: float, z: float, height: float) -> Part:
    gap = 0.0028
    cap = prism(rectangle(width - gap, depth - gap), height + 0.001, top_scale=0.9)
    return cap.moved(x, y, z - 0.001).of(KEYS)


def _lid(rng: random.Random, size: _Size, logo: str, *, matte: bool = False, flipped: bool = False) -> list[Part]:
    """Lid with frame, picture and emblem, closed: z = 0 is the screen side, the hinge lies on the x axis."""
    w, d, middle = size.width, size.depth, -size.depth / 2
    shell = prism(rectangle(w, d, size.corner, 4), size.lid, min(0.002, 0.3 * size.lid)).moved(y=middle).of(BODY)
    frame = prism(rectangle(w - 0.004, d - 0.004, max(size.corner - 0.002, 0.001), 4), 0.001).moved(y=middle, z=-0.0004)
    side, top, bottom = size.bezel
    parts = [shell, frame.of(BODY if matte else BEZEL)]
    screen = (w - 2 * side, d - top - bottom - 0.008)
    center_y = -(0.008 + bottom + screen[1] / 2)
    for part in picture(rng, *screen):
        upright = part.rotated("z", 180) if flipped else part
        parts.append(upright.moved(y=center_y, z=-0.0004).of(part.material + FIRST_SCREEN))
    lens = cylinder(0.0022, 0.001, bevel=0.0, sides=10).moved(y=-(d - 0.5 * top), z=-0.0007).of(KEYS)
    emblems = {
        "disc": cylinder(0.016, 0.001, bevel=0.0003, sides=24),
        "pebble": prism(rectangle(0.03, 0.036, 0.0145, 5), 0.001),
        "bar": prism(rectangle(0.07, 0.012, 0.003, 2), 0.001),
        "corner": prism(rectangle(0.05, 0.010, 0.002, 2), 0.001).moved(0.36 * w - 0.03, -0.40 * d),
        "wedge": prism(polygon([(-0.05, -0.018), (0.05, -0.018), (0.02, 0.022), (-0.02, 0.022)], 0.004), 0.001),
    }
    emblem = emblems[logo].moved(y=middle, z=size.lid - 0.0006).of(GLOW if logo == "wedge" else LOGO)
    hinge = cylinder(0.0045, 0.62 * w, bevel=0.001, sides=12).moved(z=-0.31 * w).rotated("y", 90)
    return [*parts, lens, emblem, hinge.moved(y=-0.003, z=0.002).of(DECK)]


def _open(
    rng: random.Random,
    base: Sequence[Part],
    lid: Sequence[Part],
    size: _Size,
    finish: _Finish,
) -> Model:
    angle = uniform(rng, 95, 120) if rng.random() < 0.8 else uniform(rng, 72, 132)
    turned = [p.rotated("x", -angle).moved(y=size.depth / 2 - 0.007, z=size.base + 0.0005) for p in lid]
    return _finished(rng, [*base, *turned], finish)


def _finished(
    rng: random.Random,
    parts: Sequence[Part],
    finish: _Finish,
) -> Model:
    glow, cloth = finish.glow, finish.cloth
    name = choose(rng, finish.names)
    color, metallic, roughness = _FINISHES[name]
    pale = max(color) > 0.4
    dark = (0.040, 0.040, 0.043)
    key_name = finish.keys or choose(rng, ("black", "black", "pale") if pale else ("black",))
    key_color = _scaled(color, 0.92) if key_name == "pale" else dark
    surround = _scaled(color, 0.65) if key_name == "pale" else (0.012, 0.012, 0.013)
    pad = choose(rng, ((0.03, 0.05, 0.10), (0.16, 0.03, 0.05), (0.05, 0.05, 0.055))) if cloth else _scaled(color, 0.8)
    materials = [
        Material(f"{name} body", "plain", color, metallic=metallic, roughness=roughness),
        Material("deck", base_color=surround, roughness=0.5),
        Material("keys", base_color=key_color, roughness=0.5),
        Material("pad", "fabric" if cloth else "plain", pad, _scaled(pad, 0.7), 0.0 if cloth else metallic,
                 0.9 if cloth else roughness * 0.8, scale=0.05),
        Material("frame", base_color=(0.008, 0.008, 0.009), roughness=0.15),
        Material("emblem", base_color=_scaled(color, 0.25) if pale else (0.6, 0.6, 0.6), metallic=0.6, roughness=0.2),
        Material("rubber", base_color=(0.012, 0.012, 0.012), roughness=0.7),
        Material("light", base_color=glow, emission=glow, emission_strength=0.7 if max(glow) > 0.5 else 0.0),
    ]  # fmt: skip
    return join(parts, [*materials, *screen_materials(rng)], smooth_angle_deg=40.0)


def _scaled(color: Vector, factor: float) -> Vector:
    return (color[0] * factor, color[1] * factor, color[2] * factor)


TRAIN_FAMILIES: Families = {
    "ultrabook": _ultrabook,
    "aluminium": _aluminium,
    "clamshell": _clamshell,
    "business": _business,
    "gaming": _gaming,
}
TEST_FAMILIES: Families = {
    "tent": _tent,
    "detachable": _detachable,
    "retro": _retro,
    "rugged": _rugged,
}
