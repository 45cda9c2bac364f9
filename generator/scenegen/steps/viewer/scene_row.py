"""One scene in the viewer's overview."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class SceneRow:
    """One scene in the overview.

    `objects` is the number of objects by class, `models` their assets, `seen` the share of objects that an image
    shows, `occupied` the share of cells that are occupied, None where the labels cannot be read. `damage` is "" or why
    the scene, its first labels or one of its images cannot be shown; of what cannot be read the values are empty.
    """

    index: int
    objects: tuple[int, ...] = ()
    models: tuple[str, ...] = ()
    licences: tuple[str, ...] = ()
    seen: float | None = None
    occupied: float | None = None
    seconds: float | None = None
    damage: str = ""
