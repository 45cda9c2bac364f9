"""A library of plain boxes in the sizes of what stands in a street, with slabs of ground of every form."""

from __future__ import annotations

from pathlib import Path

from scenegen.core.asset_library import Material

from helpers.blender_assets import write_box

Size = tuple[float, float, float]

THINGS: dict[str, tuple[Size, ...]] = {
    "human": ((0.6, 0.35, 1.75), (0.7, 0.6, 1.6), (0.5, 0.3, 1.85)),
    "car": ((1.8, 4.4, 1.5), (1.7, 3.8, 1.45)),
    "truck": ((2.4, 6.8, 3.0), (2.5, 9.5, 3.6)),
    "van": ((2.0, 5.2, 2.2),),
    "bus": ((2.55, 11.8, 3.1),),
    "building": ((8.0, 9.0, 8.0), (12.0, 10.5, 14.0), (6.5, 8.0, 6.0), (10.0, 14.0, 9.0)),
    "tree": ((2.6, 2.6, 4.5), (5.0, 5.0, 8.0), (9.0, 9.0, 12.0)),
    "bicycle": ((0.6, 1.75, 1.05),),
}
COLORS = {
    "human": (0.7, 0.4, 0.3),
    "car": (0.7, 0.05, 0.05),
    "truck": (0.8, 0.4, 0.05),
    "van": (0.8, 0.8, 0.8),
    "bus": (0.8, 0.6, 0.05),
    "building": (0.5, 0.35, 0.25),
    "tree": (0.05, 0.3, 0.05),
    "bicycle": (0.05, 0.5, 0.6),
}
SLABS: dict[str, Size] = {
    **{f"road{n}": (w, 10.0, 0.10) for n, w in (("7", 7.0), ("10", 10.5), ("14", 14.0))},
    **{f"crossing{n}": (w, 4.0, 0.10) for n, w in (("7", 7.0), ("10", 10.5), ("14", 14.0))},
    "pavement3": (3.0, 10.0, 0.25),
    "pavement4": (4.0, 10.0, 0.25),
    "lot": (12.0, 10.0, 0.25),
}
LOOKS = {
    "road": ("asphalt", "worn"),
    "crossing": ("asphalt", "worn"),
    "pavement": ("flags", "setts"),
    "lot": ("grass",),
}
SHADES = {"road": (0.1, 0.1, 0.11), "crossing": (0.5, 0.5, 0.5), "pavement": (0.4, 0.38, 0.35), "lot": (0.1, 0.2, 0.05)}


def write_street_library(library: Path) -> Path:
    for kind, sizes in THINGS.items():
        for number, size in enumerate(sizes):
            write_box(library, f"{kind}_{number}", kind, size, Material("paint", base_color=COLORS[kind]))
    for form, size in SLABS.items():
        kind = form.rstrip("0123456789")
        for look in LOOKS[kind]:
            material = Material(look, base_color=SHADES[kind])
            write_box(library, f"{form}_{look}", "ground", size, material, f"ground/{form}_{look}")
    return library
