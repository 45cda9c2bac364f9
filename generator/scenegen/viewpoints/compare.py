"""A preset with better cameras: searched on some layouts, compared with the old ones on others."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from scenegen.core.asset_library import list_assets
from scenegen.core.errors import ScenegenError, UsageError
from scenegen.core.preset.preset import CameraPlace, Preset
from scenegen.progress import OnProgress
from scenegen.viewpoints.search import search_places
from scenegen.viewpoints.survey import Rooms, Seen, Survey, shares, survey_layouts

SPLIT = "train"


@dataclass(frozen=True)
class Views:
    """What the cameras of a preset see of layouts that no search has met."""

    by_any: Seen
    by_each: tuple[Seen, ...]


@dataclass(frozen=True)
class Comparison:
    """The places found, and what is seen with the preset's own cameras and with these."""

    places: tuple[CameraPlace, ...]
    before: Views
    after: Views


def find_better_cameras(
    preset: Preset, library: Path, count: int, layouts: int, seed: int, on_progress: OnProgress | None = None
) -> Comparison:
    """Search `count` camera places for the room of a preset.

    The search sees the layouts 0 to `layouts` - 1 of the seed; the comparison is of as many that follow, laid out anew
    for each set of cameras, because objects keep away from cameras, and with their jitter. UsageError for presets
    without fixed cameras; ScenegenError when the library lacks models or no place is clear of objects.
    """
    if preset.room is None:
        raise UsageError(
            f"preset {preset.name}: every view of a {preset.layout} has a camera of its own, so there are no places to "
            "search; give the preset of a room, such as studio"
        )
    assets = list_assets(library, SPLIT)
    if not assets:
        raise ScenegenError(f"{library}: no models of the {SPLIT} split; run `scenegen assets build`")

    rooms = Rooms(library, assets, seed, SPLIT)
    done = 0

    def on_layout() -> None:
        nonlocal done
        done += 1
        if on_progress:
            on_progress(done, 3 * layouts)

    def survey(wanted: Preset, indices: range) -> Survey:
        return survey_layouts(wanted, rooms, indices, on_layout)

    found = search_places(preset, survey(preset, range(layouts)), count)
    changed = with_cameras(preset, found.places)
    fresh = range(layouts, 2 * layouts)
    return Comparison(found.places, _views(survey(preset, fresh)), _views(survey(changed, fresh)))


def with_cameras(preset: Preset, places: tuple[CameraPlace, ...]) -> Preset:
    """The preset with these camera places."""
    return replace(preset, cameras=replace(preset.cameras, places=places), views=len(places))


def _views(survey: Survey) -> Views:
    seen = survey.seen_by_own_cameras()
    return Views(shares(seen.any(axis=0)), tuple(shares(one) for one in seen))
