"""What a run is asked to make: one record from the command line through dask to Blender and into dataset.json.

Standard library only, until a request is read or a library looked up: a Blender without numpy still says its options.
"""

from __future__ import annotations

import dataclasses
import hashlib
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_type_hints

from scenegen.core.blender_protocol import GPU_KINDS
from scenegen.core.dataset.packing import Packing
from scenegen.core.errors import UsageError
from scenegen.core.look.variation_names import CAMERA_VARIATIONS, VARIATIONS, parse_variation
from scenegen.core.options import option, options_of
from scenegen.core.scene.asked_grid import ASKED_GRID, grid_text, parse_ego, parse_grid
from scenegen.core.scene.scene import MOST_CLASSES_IN_GRID, MOST_DEPTH_UNIT, ROOM_SURFACES, MapSpec, NamedGrid

if TYPE_CHECKING:
    from scenegen.core.preset.preset import Preset

QUALITIES = ("draft", "standard", "high")
SPLITS = ("train", "test")
MOST_SCENES = 100_000_000
"""A run keeps a byte per scene."""

_RECORDED_AS = {"assets": "library"}
"""Keys of dataset.json that are not the option's name."""

_ALWAYS_RECORDED = frozenset({"preset", "scenes", "seed", "split", "quality", "library"})
"""Keys that every dataset.json has. One that came later may be missing, and then has its default."""

_ALWAYS_WRITTEN = _ALWAYS_RECORDED | {"views", "variation"}
"""Keys that are written whatever their value. One that came later is written where it is not its default: whoever does
not use an option gets the bytes of before.
"""


def parse_place(text: str) -> Path | str:
    """A folder as a Path, a URL as it is."""
    return text.rstrip("/") if is_url(text) else Path(text)


def is_url(place: Path | str | None) -> bool:
    """Whether `place` is an address that fsspec knows, such as s3://bucket/studio, and not a folder."""
    return isinstance(place, str) and "://" in place


def local_folder(url: str) -> Path:
    """Where scenes for `url` are written before they are uploaded: the same path on every machine."""
    return Path(tempfile.gettempdir()) / f"scenegen-{hashlib.sha256(url.encode()).hexdigest()[:16]}"


def _variation_text(variation: tuple[str, ...] | str) -> str:
    """The names with commas between, as --variation takes them."""
    if isinstance(variation, str):
        return variation
    return "all" if variation == VARIATIONS else ",".join(variation) or "none"


@dataclass(frozen=True)
class Request:
    """What to make. Every field is an option of `scenegen generate`; those of one Blender, of generate.py too.

    A new option is one field here: its default, help text and check are said nowhere else, and with `recorded=True` it
    is a key of dataset.json that may not change between two runs.
    """

    preset: str = option("studio", "A preset's name, or the path of a .toml.", recorded=True)
    out: Path | str | None = option(
        None,
        "The data set's folder (default: data/PRESET). `scenegen generate` also takes a URL such as s3://bucket/studio.",
        parse=parse_place,
        metavar="DIR",
    )
    scenes: int = option(
        1,
        "Make scenes 0 to N - 1.",
        parse=int,
        metavar="N",
        at_least=1,
        at_most=MOST_SCENES,
        required=True,
        recorded=True,
    )
    seed: int = option(0, "Another seed gives other scenes.", parse=int, recorded=True)
    split: str = option("train", "Which models to show.", choices=SPLITS, recorded=True)
    quality: str = option("standard", "How many samples per pixel.", choices=QUALITIES, recorded=True)
    views: int | None = option(
        None,
        "Cameras per scene, for presets without fixed cameras (default: the preset's).",
        parse=int,
        metavar="V",
        recorded=True,
    )
    variation: tuple[str, ...] | None = option(
        None,
        "What differs between scenes beside the labels: all, none, or some of these with commas between: "
        f"{', '.join(VARIATIONS)} (default: all of these); {', '.join(CAMERA_VARIATIONS)} come on top, as in all,blur.",
        parse=parse_variation,
        format=_variation_text,
        metavar="WHAT",
        recorded=True,
    )
    depth_unit: int = option(
        1,
        "Millimetres per step of the 16-bit depth: 1 reaches to 65.5 m, 10 to 655 m.",
        parse=int,
        metavar="MM",
        at_least=1,
        at_most=MOST_DEPTH_UNIT,
        recorded=True,
    )
    normals: bool = option(
        default=False,
        help="Write normals_K.npz too: the normal of the triangle that each pixel shows.",
        recorded=True,
    )
    with_room: bool = option(
        default=False,
        help="Label the cells of the room's floor, walls and ceiling too, as three more classes.",
        recorded=True,
    )
    grid: tuple[NamedGrid, ...] = option(
        (),
        "A box grid in world axes beside the preset's: cells, their size in metres, the first corner. May be repeated.",
        parse=parse_grid,
        format=grid_text,
        metavar=ASKED_GRID,
        multiple=True,
    )
    ego: tuple[NamedGrid, ...] = option(
        (),
        "A box grid for each camera, or each key frame of a rig: x forward, y left, z up from height 0 under it. May "
        "be repeated.",
        parse=parse_ego,
        format=grid_text,
        metavar=ASKED_GRID,
        multiple=True,
    )
    device: str = option("auto", "What renders.", choices=("auto", "cpu", *GPU_KINDS))
    assets: Path | None = option(
        None,
        "The prepared library (default: $SCENEGEN_ASSETS or ~/.scenegen/assets).",
        parse=Path,
        metavar="DIR",
        recorded=True,
    )
    workers: int | None = option(
        None,
        "Processes at the same time (default: one per GPU, or one per two cores).",
        parse=int,
        metavar="W",
        at_least=1,
        driver=True,
    )
    per_gpu: int | None = option(
        None, "Processes per GPU at the same time (default: 1).", parse=int, metavar="K", at_least=1, driver=True
    )
    scheduler: str | None = option(
        None, "Use the dask cluster at this address, such as tcp://host:8786.", metavar="ADDRESS", driver=True
    )
    blender: str | None = option(None, "Your own Blender (default: the bpy package).", metavar="EXE", driver=True)
    dashboard: str | None = option(
        None, "Show the run on dask's web pages at this address, such as :8787.", metavar="ADDRESS", driver=True
    )
    pack: Packing | None = None
    """Keep shards in `out` instead of folders; --pack DIR and --maps set it."""

    @property
    def url(self) -> str | None:
        """The address of `out`, if it is one."""
        return self.out if isinstance(self.out, str) and is_url(self.out) else None

    @property
    def folder(self) -> Path:
        """The folder that Blender writes to: `out`, or the folder whose scenes are then uploaded."""
        return local_folder(self.url) if self.url else Path(self.out or Path("data") / Path(self.preset).stem)

    @property
    def library(self) -> Path:
        """The folder of the prepared library."""
        from scenegen.core.asset_library import default_library

        return self.assets or default_library()

    @property
    def map_spec(self) -> MapSpec:
        """How the maps of its scenes are stored."""
        return MapSpec(self.depth_unit, self.normals)

    def classes_of(self, preset: Preset) -> tuple[str, ...]:
        """The classes of its labels: those of the preset and, if they are asked for, the room's surfaces.

        Raises UsageError where the preset has no room, or has objects of such a class.
        """
        if not self.with_room:
            return preset.classes
        if preset.room is None:
            raise UsageError(f"--with-room: scenes of the preset {preset.name} are in the open; leave it out")
        taken = [name for name in ROOM_SURFACES if name in preset.classes]
        if taken:
            raise UsageError(f"--with-room: the preset {preset.name} has objects of the class {taken[0]}; rename it")
        if len(preset.classes) + len(ROOM_SURFACES) > MOST_CLASSES_IN_GRID:
            raise UsageError(
                f"--with-room: the preset {preset.name} has {len(preset.classes)} classes, and with floor, wall and "
                f"ceiling labels would have more than {MOST_CLASSES_IN_GRID}; leave it out"
            )
        return (*preset.classes, *ROOM_SURFACES)

    def grids(self, preset: Sequence[NamedGrid]) -> tuple[NamedGrid, ...]:
        """The box grids beside that of the masks: the preset's, and those asked for in place of any of their name."""
        return tuple({grid.name: grid for grid in (*preset, *self.grid, *self.ego)}.values())

    @property
    def kinds_of_variation(self) -> tuple[str, ...]:
        """What differs between scenes beside the labels; `variation` may be text as well, such as "all".

        Raises UsageError for an unknown name.
        """
        return VARIATIONS if self.variation is None else parse_variation(_variation_text(self.variation))


@dataclass(frozen=True)
class Resources:
    """What one Blender process may use of its machine, beside the request that all processes of a run share.

    `cores` are the numbers of the processor cores that it is kept on, where the system can do that; none: any.
    """

    threads: int = option(0, "CPU threads for Cycles; 0: one per core.", parse=int, at_least=0)
    gpu: int | None = option(
        None, "Which GPU of several, by number modulo their count (default: all).", parse=int, at_least=0
    )
    cores: tuple[int, ...] = ()


WHOLE_MACHINE = Resources()


def with_grids(request: Request, grids: Sequence[NamedGrid]) -> Request:
    """The request for these grids beside that of the masks, such as those that a data set has by now."""
    return dataclasses.replace(
        request, grid=tuple(one for one in grids if not one.ego), ego=tuple(one for one in grids if one.ego)
    )


def for_blender(request: Request) -> Request:
    """The request with every default filled in and every path absolute: it means the same in any process.

    `out` is then a folder.
    """
    preset = str(Path(request.preset).absolute()) if request.preset.endswith(".toml") else request.preset
    return dataclasses.replace(
        request,
        preset=preset,
        out=request.folder.absolute(),
        assets=request.library.absolute(),
        variation=request.kinds_of_variation,
    )


def to_record(request: Request) -> dict[str, Any]:
    """The recorded options as plain values, by their keys in dataset.json."""
    values = {
        _RECORDED_AS.get(each.name, each.name): getattr(request, each.name)
        for each, details in options_of(request)
        if details.recorded
    }
    return {key: _plain(value) for key, value in values.items()}


def written_record(request: Request) -> dict[str, Any]:
    """What of `to_record` dataset.json holds: one that lacks the rest means the defaults."""
    usual = to_record(Request())
    return {key: v for key, v in to_record(request).items() if key in _ALWAYS_WRITTEN or v != usual[key]}


def _plain(value: Any) -> Any:
    """A value as JSON has it."""
    if isinstance(value, tuple):
        return list(value)
    return str(value) if isinstance(value, Path) else value


def from_record(body: Mapping[str, Any]) -> Request:
    """The request of a dataset.json. Raises JsonError for a wrong value, and for a key that every dataset.json has."""
    from scenegen.core.json_values import JsonError, from_json

    hints = get_type_hints(Request)
    values: dict[str, Any] = {}
    for each, details in options_of(Request):
        key = _RECORDED_AS.get(each.name, each.name)
        if not details.recorded:
            continue
        if key in body:
            try:
                value = from_json(str if key == "library" else hints[each.name], body[key])
            except JsonError as error:
                raise error.inside(key) from None
            values[each.name] = Path(value) if key == "library" else value
        elif key in _ALWAYS_RECORDED:
            raise JsonError("is missing", key)
    return Request(**values)
