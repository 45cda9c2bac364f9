"""How a scene looks: surfaces, materials, lamps, world light, sensor noise. It never changes a label.

Every kind of variation has its own random stream, so switching one off does not change the others.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from random import Random

from scenegen.core.look.distractors import draw_distractors
from scenegen.core.look.surfaces import CEILINGS, FLOORS, WALLS, draw_surface
from scenegen.core.look.variation_names import CAMERA_VARIATIONS, VARIATIONS
from scenegen.core.preset.preset import Preset
from scenegen.core.rng import choose, integer, number, stream, uniform
from scenegen.core.scene.classes import object_class
from scenegen.core.scene.scene import (
    CameraLook,
    LightLook,
    Look,
    NoiseLook,
    ObjectLook,
    PlacedObject,
    SunLook,
    SurfaceLook,
    Vector,
)

# world images that every Blender ships in datafiles/studiolights/world
HDRIS = ("city", "courtyard", "forest", "interior", "night", "studio", "sunrise", "sunset")
SKIES = ("city", "forest", "sunrise", "sunset")  # outdoors
SKY_STRENGTH, ROOM_STRENGTH = (0.7, 1.5), (0.3, 1.2)
KELVIN = (2700.0, 6500.0)
SUN_KELVIN = (4300.0, 6000.0)
WHITE_BALANCE = 4600.0  # kelvin that the cameras show as white, as a photographer would set them in such rooms
DAYLIGHT_BALANCE = 5500.0
MISSED_BALANCE = (0.8, 1.25)  # parts of the right white balance that a camera takes for it
BLUR = (0.3, 0.9)  # pixels
VIGNETTING = (0.05, 0.5)
JPEG = (50, 95)

_GREY_FLOOR, _GREY_WALLS, _GREY_CEILING = (
    SurfaceLook("paint", (grey, grey, grey), (grey, grey, grey), 0.8, 1.0) for grey in (0.4, 0.6, 0.75)
)


def draw_look(
    preset: Preset,
    objects: Sequence[PlacedObject],
    seed: int,
    index: int,
    split: str,
    variation: Sequence[str] = VARIATIONS,
) -> Look:
    """Draw the look of one scene: in the preset's room, or outdoors where it has none.

    Kinds that `variation` does not name are the same in every scene: grey paint, models in their own colours, one white
    lamp (outdoors a sun) and a white sky, no noise, nothing on walls and floor.
    """

    def rng(kind: str) -> Random | None:
        return stream(seed, index, f"{split}/look/{kind}") if kind in variation else None

    room = preset.room
    floor, walls, ceiling = _surfaces(rng("surfaces")) if room else (None, None, None)
    hdri, strength, rotation = _world(rng("world"), *((HDRIS, ROOM_STRENGTH) if room else (SKIES, SKY_STRENGTH)))
    return Look(
        floor=floor,
        walls=walls,
        ceiling=ceiling,
        lights=_lights(room, rng("lights")) if room else (),
        hdri=hdri,
        hdri_strength=strength,
        hdri_rotation=rotation,
        exposure=_exposure(rng("exposure")),
        sun=None if room else _sun(rng("lights")),
        objects=_objects(objects, rng("objects")),
        noise=_noise(rng("noise")),
        camera=_camera(rng, WHITE_BALANCE if room else DAYLIGHT_BALANCE),
        distractors=draw_distractors(room, rng("distractors")) if room else (),
    )


def _surfaces(rng: Random | None) -> tuple[SurfaceLook, SurfaceLook, SurfaceLook]:
    if rng is None:
        return _GREY_FLOOR, _GREY_WALLS, _GREY_CEILING
    return draw_surface(FLOORS, rng), draw_surface(WALLS, rng), draw_surface(CEILINGS, rng)


def _world(rng: Random | None, images: Sequence[str], strengths: tuple[float, float]) -> tuple[str, float, float]:
    """World image ("": plain white), its strength, and its turn about Z in radians."""
    if rng is None:
        return "", 0.75, 0.0
    return choose(rng, images), number(rng, *strengths), number(rng, 0.0, 2 * math.pi)


def _exposure(rng: Random | None) -> float:
    """Stops, added to the exposure that fits the light."""
    return 0.2 if rng is None else number(rng, -0.1, 0.5)


def _lights(room: Vector, rng: Random | None) -> tuple[LightLook, ...]:
    if rng is None:
        middle = (0.0, 0.0, round(0.92 * room[2], 6))
        return (LightLook(middle, (0.0, 0.0, 0.0), 1.0, 80.0, (1.0, 1.0, 1.0), WHITE_BALANCE),)
    return tuple(_light(room, rng) for _ in range(integer(rng, 1, 3)))


def _light(room: Vector, rng: Random) -> LightLook:
    """A lamp below the ceiling, aimed at the floor around its foot."""
    x, y = (number(rng, -0.2 * length, 0.2 * length) for length in room[:2])
    aim_x, aim_y = (round(middle + uniform(rng, -0.4, 0.4), 6) for middle in (x, y))
    kelvin = number(rng, *KELVIN)
    return LightLook(
        location=(x, y, number(rng, 0.88 * room[2], 0.97 * room[2])),
        target=(aim_x, aim_y, 0.0),
        size=number(rng, 0.3, 1.2),
        power=number(rng, 40.0, 120.0),
        color=lamp_color(kelvin),
        kelvin=kelvin,
    )


def _sun(rng: Random | None) -> SunLook:
    """The sun, from a clear sky's sharp one to a hazy one with soft shadows; the lower, the warmer."""
    if rng is None:
        return SunLook((0.5, -0.5, 0.707107), 0.02, 3.0, (1.0, 1.0, 1.0), DAYLIGHT_BALANCE)
    height, around = math.radians(uniform(rng, 20.0, 65.0)), uniform(rng, 0.0, 2 * math.pi)
    direction = (math.cos(height) * math.cos(around), math.cos(height) * math.sin(around), math.sin(height))
    x, y, z = (round(value, 6) for value in direction)
    warmest, coldest = SUN_KELVIN
    kelvin = round(warmest + (coldest - warmest) * math.sin(height), 6)
    angle = round(0.0093 * 20.0 ** rng.random(), 6)  # the sun itself is 0.53 degrees wide
    return SunLook((x, y, z), angle, number(rng, 1.5, 5.0), lamp_color(kelvin, DAYLIGHT_BALANCE), kelvin)


def _objects(objects: Sequence[PlacedObject], rng: Random | None) -> tuple[ObjectLook, ...]:
    """A shift of every object's colours: smaller for people, because of their skin; one for all slabs of ground."""
    if rng is None:
        return ()
    ground = _object(0.03, 0.15, rng)
    return tuple(
        ground if entry.is_ground else _object(*((0.03, 0.0) if entry.person else (0.06, 0.15)), rng)
        for entry in (object_class(placed.class_name) for placed in objects)
    )


def _object(hue: float, saturation: float, rng: Random) -> ObjectLook:
    return ObjectLook(
        number(rng, -hue, hue), number(rng, -0.3, saturation), number(rng, -0.3, 0.15), number(rng, -0.15, 0.2)
    )


def _noise(rng: Random | None) -> NoiseLook | None:
    """A sensor from base ISO in good light (30,000 electrons make white) to a high ISO (3,000)."""
    if rng is None:
        return None
    return NoiseLook(integer(rng, 0, 2**32 - 1), round(3000.0 * 10.0 ** rng.random(), 3), number(rng, 1.0, 5.0))


def _camera(rng: Callable[[str], Random | None], balance: float) -> CameraLook | None:
    """A camera's lens and file, and a white balance that misses `balance` (kelvin); None where none of it varies."""
    blur, vignetting, white, jpeg = (rng(kind) for kind in CAMERA_VARIATIONS)
    look = CameraLook(
        number(blur, *BLUR) if blur else 0.0,
        number(vignetting, *VIGNETTING) if vignetting else 0.0,
        _gains(balance, balance * uniform(white, *MISSED_BALANCE)) if white else (1.0, 1.0, 1.0),
        integer(jpeg, *JPEG) if jpeg else 0,
    )
    return None if look == CameraLook() else look


def _gains(white: float, taken: float) -> Vector:
    """What colours are multiplied by where light of `white` kelvin is taken for `taken`; green stays."""
    red, green, blue = (true / wrong for true, wrong in zip(_black_body(white), _black_body(taken), strict=True))
    return round(red / green, 6), 1.0, round(blue / green, 6)


def lamp_color(kelvin: float, white_balance: float = WHITE_BALANCE) -> Vector:
    """Linear sRGB of a black body as cameras balanced to `white_balance` see it; its largest channel is 1."""
    lamp, white = _black_body(kelvin), _black_body(white_balance)
    balanced = [channel / neutral for channel, neutral in zip(lamp, white, strict=True)]
    red, green, blue = (round(channel / max(balanced), 6) for channel in balanced)
    return red, green, blue


def _black_body(kelvin: float) -> Vector:
    """Linear sRGB at luminance 1 of a black body between 2,222 and 25,000 kelvin.

    Planckian locus by Kim et al.'s cubics (US patent 7024034), then CIE XYZ to sRGB (IEC 61966-2-1).
    """
    t = 1000.0 / kelvin
    if kelvin < 4000.0:
        x = -0.2661239 * t**3 - 0.2343589 * t**2 + 0.8776956 * t + 0.179910
        y = -0.9549476 * x**3 - 1.37418593 * x**2 + 2.09137015 * x - 0.16748867
    else:
        x = -3.0258469 * t**3 + 2.1070379 * t**2 + 0.2226347 * t + 0.240390
        y = 3.0817580 * x**3 - 5.87338670 * x**2 + 3.75112997 * x - 0.37001483
    big_x, big_z = x / y, (1.0 - x - y) / y
    return (
        3.2404542 * big_x - 1.5371385 - 0.4985314 * big_z,
        -0.9692660 * big_x + 1.8760108 + 0.0415560 * big_z,
        0.0556434 * big_x - 0.2040259 + 1.0572252 * big_z,
    )
