"""Camera places: lines of sight against dense samples of them, shares against known answers, the search end to end."""

from __future__ import annotations

import json
from dataclasses import replace
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from scenegen.cli.cameras import cameras
from scenegen.core.asset_library import list_assets
from scenegen.core.errors import ScenegenError, UsageError
from scenegen.core.preset.preset import CameraPlace
from scenegen.core.preset.preset_file import load_preset, preset_text
from scenegen.viewpoints.compare import with_cameras
from scenegen.viewpoints.preset_places import with_places
from scenegen.viewpoints.search import camera_at, search_places
from scenegen.viewpoints.sight import lines_are_free
from scenegen.viewpoints.sight_counts import gains, pack, union
from scenegen.viewpoints.survey import SAMPLES, Rooms, Survey, shares, survey_layouts

STUDIO = load_preset("studio")
SMALL = replace(STUDIO, objects=(1, 4))


@pytest.fixture(scope="module")
def survey(box_library: Path) -> Survey:
    return survey_layouts(SMALL, Rooms(box_library, list_assets(box_library, "train"), 0, "train"), range(3))


def test_lines_meet_what_dense_samples_of_them_meet() -> None:
    rng = np.random.default_rng(0)
    occupied = rng.random((2, 7, 6, 5)) < 0.15
    for _ in range(20):
        start = rng.random(3) * (7, 6, 5)
        ends = rng.random((2, 40, 3)) * (7, 6, 5)
        found = lines_are_free(occupied, start, ends)
        places = start + (ends - start)[:, :, None] * np.linspace(0, 1, 1001)[:, None]
        cells = places.astype(int)
        for layout in range(2):
            met = occupied[layout, cells[layout, ..., 0], cells[layout, ..., 1], cells[layout, ..., 2]].any(axis=1)
            # a corner that the line cuts by less than a sample's distance is met by the walk alone
            assert not (met & found[layout]).any()
            assert (met == ~found[layout]).mean() > 0.97


def test_lines_along_axes_and_from_outside_the_grid() -> None:
    occupied = np.zeros((1, 4, 4, 4), dtype=bool)
    occupied[0, 2, 1, 1] = True
    ends = np.array([[[3.5, 1.5, 1.5], [1.5, 1.5, 1.5], [3.5, 3.5, 1.5], [2.5, 1.5, 3.5]]])
    assert lines_are_free(occupied, np.array([0.5, 1.5, 1.5]), ends)[0].tolist() == [False, True, True, True]
    assert lines_are_free(occupied, np.array([-3.0, 1.5, 1.5]), ends)[0].tolist() == [False, True, True, True]


def test_a_camera_sees_the_faces_that_are_turned_to_it(survey: Survey) -> None:
    """One cube in the middle of the room: from a corner of the ceiling three of its five free faces are seen."""
    occupied = np.zeros((1, 80, 96, 64), dtype=bool)
    occupied[0, 30:50, 38:58, 0:20] = True
    faces = [(k, side) for k in range(3) for side in (0, 1) if (k, side) != (2, 0)]
    points = np.full((1, 2 * SAMPLES, 3), 39.5)
    for number in range(SAMPLES):
        k, side = faces[number % len(faces)]
        points[0, number] = (39.5, 47.5, 9.5)
        points[0, number, k] = ((30 - 1e-3, 38 - 1e-3, 0.0), (50 + 1e-3, 58 + 1e-3, 20 + 1e-3))[side][k]
    points[0, SAMPLES:] = (5.5, 5.5, 5.5)
    one = replace(survey, occupied=occupied, points=points * 0.05 + (-2.0, -2.4, 0.0), cameras=survey.cameras[:1])
    camera = camera_at(STUDIO, CameraPlace("c", (-1.9, -2.3, 2.7), (0.0, 0.0, 0.5)))
    assert shares(one.seen_by(camera)).surface == pytest.approx(3 / 5)
    two = one.seen_by(camera) | one.seen_by(camera_at(STUDIO, CameraPlace("d", (1.9, 2.3, 2.7), (0.0, 0.0, 0.5))))
    assert shares(two).surface == 1.0


def test_samples_are_of_surfaces_and_of_free_space(survey: Survey) -> None:
    cells = survey.to_cells(survey.points)
    inside = [one[tuple(c.T)] for one, c in zip(survey.occupied, cells.astype(int), strict=True)]
    assert not np.array(inside).any()
    beside = np.abs(cells[:, :SAMPLES] - np.rint(cells[:, :SAMPLES])).min(axis=-1)
    np.testing.assert_allclose(beside, 1e-3, atol=1e-9)


def test_sets_of_samples_as_bits() -> None:
    seen = np.random.default_rng(1).random((5, 130)) < 0.3
    rows = np.stack([pack(one) for one in seen])
    assert gains(rows, union(rows[:2])).tolist() == (seen & ~(seen[0] | seen[1])).sum(axis=1).tolist()
    assert gains(rows, union(rows[:0])).tolist() == seen.sum(axis=1).tolist()


def test_what_is_found_sees_more_than_any_pair_of_corners(survey: Survey) -> None:
    found = search_places(SMALL, survey, 2)
    corners = [CameraPlace("", (x, y, 2.7), (0.0, 0.0, 1.2)) for x in (-1.9, 1.9) for y in (-2.3, 2.3)]
    seen = [survey.seen_by(camera_at(SMALL, place)) for place in corners]
    assert found.seen.sum() > max((a | b).sum() for a, b in combinations(seen, 2))
    again = np.logical_or.reduce([survey.seen_by(camera_at(SMALL, place)) for place in found.places])
    assert (again == found.seen).all()


def test_a_preset_keeps_its_lines_around_new_places(tmp_path: Path) -> None:
    places = (CameraPlace("a", (1.0, -0.5, 2.0), (0.0, 0.25, 0.5)), CameraPlace("b", (-1.0, 0.5, 2.5), (0.0, 0.0, 0.0)))
    mine = tmp_path / "studio.toml"
    mine.write_text(with_places(preset_text("studio"), places))
    assert load_preset(mine) == with_cameras(STUDIO, places)
    assert mine.read_text().count("#") == preset_text("studio").count("#")
    spaced = preset_text("studio").replace("[[cameras.places]]", "[[ cameras . places ]]  # a place")
    mine.write_text(with_places(spaced, places))
    assert load_preset(mine) == with_cameras(STUDIO, places)
    with pytest.raises(ScenegenError, match=r"in one line; write each as a table \[\[cameras\.places\]\]"):
        with_places('[cameras]\nplaces = [{name = "a"}]\n', places)


def test_the_command_writes_a_preset_and_compares(box_library: Path, tmp_path: Path) -> None:
    out = tmp_path / "mine.toml"
    options = ["--preset", "studio", "--count", "2", "--layouts", "2", "--assets", str(box_library), "--out", str(out)]
    result = CliRunner().invoke(cameras, [*options, "--json"], catch_exceptions=False)
    body = json.loads(result.stdout)
    assert [place["name"] for place in body["places"]] == ["view_1", "view_2"]
    assert [list(place.position) for place in load_preset(out).cameras.places] == [
        p["position"] for p in body["places"]
    ]
    assert len(body["before"]["by_each"]) == 3 and len(body["after"]["by_each"]) == 2
    assert all(0.3 < body[key]["by_any"]["room"] <= 1 for key in ("before", "after"))
    error = CliRunner().invoke(cameras, options).exception
    assert isinstance(error, UsageError) and "is there already" in str(error)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--preset", "street"), "every view of a street has a camera of its own"),
        (("--preset", "studio", "--out", "mine.json"), "a preset is a .toml file"),
        (("--preset", "moon"), "unknown preset 'moon'"),
    ],
)
def test_what_is_refused(box_library: Path, options: tuple[str, ...], message: str) -> None:
    error = CliRunner().invoke(cameras, [*options, "--assets", str(box_library)]).exception
    assert isinstance(error, UsageError) and message in str(error)


def test_an_out_that_cannot_be_is_refused_before_the_search(box_library: Path, tmp_path: Path) -> None:
    flat = tmp_path / "flat.toml"
    lines, skipped = [], False
    for line in preset_text("studio").splitlines():
        skipped = line == "[[cameras.places]]" or (skipped and not line.startswith(("[", "#")))
        lines += [] if skipped else [line]
    places = '[{name = "a", position = [-1.9, -2.3, 3.05], target = [0.0, -0.4, 1.28]}]'
    flat.write_text("\n".join(lines).replace("[cameras]", f"[cameras]\nplaces = {places}"))
    (tmp_path / "file").write_text("")
    for preset, out, message in (
        (flat, tmp_path / "mine.toml", "write each as a table"),
        ("studio", tmp_path / "file" / "mine.toml", "cannot be written"),
    ):
        options = ["--preset", str(preset), "--assets", str(tmp_path / "none"), "--out", str(out)]
        error = CliRunner().invoke(cameras, options).exception
        assert isinstance(error, ScenegenError) and message in str(error)  # not that the library has no models


def test_a_library_without_models_and_a_room_without_a_clear_place(survey: Survey, tmp_path: Path) -> None:
    error = CliRunner().invoke(cameras, ["--preset", "studio", "--assets", str(tmp_path)]).exception
    assert isinstance(error, ScenegenError) and "no models of the train split" in str(error)
    crowded = replace(STUDIO, cameras=replace(STUDIO.cameras, clear=50.0))
    with pytest.raises(ScenegenError, match=r"come nearer than clear, 50 m, to every place"):
        search_places(crowded, survey, 1)
