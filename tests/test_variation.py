from __future__ import annotations

import importlib.util
import math
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from scenegen.preset import load_preset
from scenegen.scene import Look
from scenegen.variation import HDRIS, KELVIN, _black_body, draw_look, lamp_color


@pytest.fixture(scope="module")
def looks() -> list[Look]:
    return [draw_look(load_preset("studio"), (), 0, index, "train") for index in range(600)]


def test_every_kind_appears(looks: list[Look]) -> None:
    def kinds(part: str) -> Counter[str]:
        return Counter(getattr(look, part).kind for look in looks)

    assert set(kinds("floor")) == {"planks", "parquet", "tiles", "carpet", "concrete"}
    assert set(kinds("walls")) == {"paint", "plaster", "brick", "wallpaper"}
    assert set(kinds("ceiling")) == {"paint"}
    assert min(kinds("floor").values()) > 80
    assert Counter(len(look.lights) for look in looks).keys() == {1, 2, 3}
    assert {look.hdri for look in looks} == set(HDRIS)
    assert len({look.walls.color for look in looks}) > 300


def test_numbers_are_physical(looks: list[Look]) -> None:
    for look in looks:
        for surface in (look.floor, look.walls, look.ceiling):
            assert all(0.02 < channel <= 0.85 for channel in (*surface.color, *surface.color_2))
            assert 0.05 <= surface.roughness <= 1 and 0.05 <= surface.scale <= 1.5
        for light in look.lights:
            x, y, z = light.location
            assert abs(x) + light.size / 2 <= 2.0 and abs(y) + light.size / 2 <= 2.4 and 2.8 < z < 3.2
            assert light.target[2] == 0
            assert max(light.color) == 1 and min(light.color) > 0.1
        assert 0 <= look.hdri_rotation <= 2 * math.pi


def test_the_same_stream_draws_the_same_look() -> None:
    preset = load_preset("studio")
    assert draw_look(preset, (), 3, 4, "train") == draw_look(preset, (), 3, 4, "train")
    assert draw_look(preset, (), 3, 4, "train") != draw_look(preset, (), 3, 5, "train")
    assert draw_look(preset, (), 3, 4, "train") != draw_look(preset, (), 3, 4, "test")


def test_blender_ships_the_world_images() -> None:
    spec = importlib.util.find_spec("bpy")
    if spec is None or spec.origin is None:
        pytest.skip("the bpy wheel is not installed")
    files = {path.stem for path in Path(spec.origin).parent.glob("*/datafiles/studiolights/world/*.exr")}
    assert files == set(HDRIS)


def planck_chromaticity(kelvin: float) -> tuple[float, float]:
    """x, y of a black body by integrating Planck's law over Wyman et al.'s (2013) fit of the CIE 1931 observer."""
    nm = np.arange(380.0, 781.0)
    power = nm**-5.0 / (np.exp(1.438777e7 / (nm * kelvin)) - 1)

    def lobe(peak: float, below: float, above: float) -> np.ndarray:
        return np.exp(-0.5 * ((nm - peak) * np.where(nm < peak, below, above)) ** 2)

    x = 0.362 * lobe(442.0, 0.0624, 0.0374) + 1.056 * lobe(599.8, 0.0264, 0.0323) - 0.065 * lobe(501.1, 0.0490, 0.0382)
    y = 0.821 * lobe(568.8, 0.0213, 0.0247) + 0.286 * lobe(530.9, 0.0613, 0.0322)
    z = 1.217 * lobe(437.0, 0.0845, 0.0278) + 0.681 * lobe(459.0, 0.0385, 0.0725)
    sums = [float((curve * power).sum()) for curve in (x, y, z)]
    return sums[0] / sum(sums), sums[1] / sum(sums)


@pytest.mark.parametrize("kelvin", [2700.0, 3400.0, 4000.0, 5000.0, 6500.0])
def test_black_body_against_plancks_law(kelvin: float) -> None:
    to_xyz = [[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750], [0.0193339, 0.1191920, 0.9503041]]
    xyz = np.array(to_xyz) @ _black_body(kelvin)
    assert xyz[1] == pytest.approx(1, abs=1e-3)
    assert tuple(xyz[:2] / xyz.sum()) == pytest.approx(planck_chromaticity(kelvin), abs=0.004)


def test_warm_lamps_are_orange_and_cold_ones_blue() -> None:
    red, green, blue = lamp_color(KELVIN[0])
    assert red == 1 > green > blue
    red, green, blue = lamp_color(KELVIN[1])
    assert red < green < blue == 1
