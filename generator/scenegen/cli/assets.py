"""`scenegen assets`: fill, inspect and credit the prepared library."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from rich.markup import escape
from rich.table import Table

from scenegen.cli.assets_check import check, drop, list_dropped, sheet
from scenegen.cli.assets_fetch import fetch
from scenegen.cli.assets_people import add_people
from scenegen.cli.assets_shapenet import add_shapenet
from scenegen.cli.options import console, library_option, prepare_all, print_added, size_text, tell_refused
from scenegen.core.asset_library import list_assets, read_asset
from scenegen.core.errors import ScenegenError, UsageError
from scenegen.progress import progress

if TYPE_CHECKING:
    from scenegen.assets.prepare.raw_model import RawModel, Refused
    from scenegen.assets.sources.files.files import ImportOptions
    from scenegen.assets.sources.sweethome import FurnitureLibrary

AXES = click.Choice(["x", "-x", "y", "-y", "z", "-z"])
CREDIT_FORMATS = click.Choice(["text", "markdown", "json"])
FRONTS = click.Choice(["x", "-x", "y", "-y"])


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def assets() -> None:
    """Prepare the models that scenes are made of.

    \b
    Examples: scenegen assets build
              scenegen assets add --class chair my_chairs/
              scenegen assets add /usr/share/sweethome3d/furniture/*.sh3f
    """


@assets.command()
@library_option
@click.option("--preset", type=click.Choice(["studio", "street"]), default="studio", show_default=True,
              help="Whose classes to make.")  # fmt: skip
@click.option("--workers", type=click.IntRange(1), help="Processes at once [all cores].")
def build(library: Path, preset: str, workers: int | None) -> int:
    """Make the built-in models; those that are there and up to date are kept.

    \b
    Examples: scenegen assets build --assets data/assets
              scenegen assets build --preset street
    """
    from scenegen.assets.prepare.raw_model import Refused
    from scenegen.assets.sources import builtin as parametric

    _make_folder(library)
    todo = parametric.missing(library, preset)
    added: list[str] = []
    refused: list[Refused] = []
    with progress("build", "models") as on_progress:
        for result in parametric.build(library, todo, workers):
            if isinstance(result, Refused):
                refused.append(result)
            else:
                added.append(result)
            on_progress(len(added), len(todo), len(refused))
    click.echo(f"{library}: {len(added)} built-in models made, {len(parametric.recipes(preset)) - len(todo)} kept")
    return tell_refused(refused)


@assets.command()
@click.argument("paths", nargs=-1, type=click.Path(path_type=Path))
@library_option
@click.option("--class", "class_name", metavar="C", help="What the models are; for .sh3f and ShapeNet, only these.")
@click.option("--split", type=click.Choice(["train", "test"]), help="Their split [a fifth go to test].")
@click.option("--scale", type=click.FloatRange(min=0, min_open=True), help="Metres a unit of the file [guessed].")
@click.option("--height", type=click.FloatRange(min=0, min_open=True), help="True height in metres [guessed].")
@click.option("--up", type=AXES, help="The axis that is up, as Blender imports the file [guessed].")
@click.option("--front", type=FRONTS, help="The axis that is the front, once upright [guessed].")
@click.option("--author", help="Who made them.")
@click.option("--licence", help="Under what terms, best as SPDX, such as CC-BY-4.0.")
@click.option("--source", help="Where they come from, best an address.")
@click.option("--title", help="What they are called.")
@click.option("--shapenet", metavar="ROOT", type=click.Path(path_type=Path), help="Take a ShapeNetCore tree, v1 or v2.")
@click.option("--synset", "synsets", metavar="ID", multiple=True, help="With --shapenet: only this folder of it.")
@click.option("--limit", type=click.IntRange(1), help="With --shapenet: at most so many models a class.")
@click.option("--people", metavar="N", type=click.IntRange(1), help="Make N people (needs scenegen[people]).")
@click.option("--clothes", type=click.Choice(["suit", "casual"]), help="With --people: what they wear [suit].")
@click.option("--seed", type=click.IntRange(0), help="With --people: other seeds give other people [0].")
@click.option("--json", "as_json", is_flag=True, help="Say in JSON what became of every model; for files and .sh3f.")
def add(
    paths: tuple[Path, ...],
    library: Path,
    class_name: str | None,
    split: str | None,
    shapenet: Path | None,
    synsets: tuple[str, ...],
    limit: int | None,
    people: int | None,
    clothes: str | None,
    seed: int | None,
    as_json: bool,
    **said: Any,
) -> int:
    """Prepare files (glb gltf obj fbx ply stl blend usd), folders of them, Sweet Home 3D (.sh3f, its jar) or ShapeNet.

    A CREDITS.json beside or above a file (a list of objects with "file", "author", "licence", ...) is read.

    \b
    Examples: scenegen assets add --class chair --author "Jo Doe" --licence CC-BY-4.0 armchair.glb
              scenegen assets add /usr/share/sweethome3d/furniture/*.sh3f
              scenegen assets add --shapenet ShapeNetCore.v2 --limit 200
              scenegen assets add --people 20 --clothes casual --split train
    """
    from scenegen.assets.sources.files.files import ImportOptions, find_files
    from scenegen.assets.sources.sweethome import is_library

    if said["scale"] and said["height"]:
        raise UsageError("--scale and --height say the same thing twice; give one of them")
    if as_json and (people or shapenet):
        raise UsageError("--json goes with files and .sh3f; leave it out")
    if people:
        given = (
            [f"--{name}" for name in said if said[name]]
            + ["--shapenet"] * bool(shapenet)
            + ["--class"] * bool(class_name)
        )
        if paths or given:
            raise UsageError(f"--people takes no {given[0] if given else paths[0]}; leave it out")
        _make_folder(library)
        return add_people(people, library, split, seed or 0, clothes or "suit")
    if clothes or seed is not None:
        raise UsageError("--clothes and --seed go with --people N")
    if shapenet:
        useless = [f"--{name}" for name in ("up", "front", "author", "licence", "source", "title") if said[name]]
        if paths or useless:
            raise UsageError(f"--shapenet takes no {useless[0] if useless else paths[0]}; leave it out")
        _make_folder(library)
        return add_shapenet(shapenet, library, class_name, synsets, limit, split, said["scale"], said["height"])
    if synsets or limit:
        raise UsageError("--synset and --limit go with --shapenet ROOT")
    if not paths:
        raise UsageError(
            "PATHS missing: name files or folders, a ShapeNetCore tree with --shapenet ROOT, or --people N"
        )
    refused: list[Refused] = []
    files: list[Path] = []
    furniture: list[Path] = []
    for path in paths:
        try:
            inside = sorted(path.glob("*.sh3f")) if path.is_dir() else []
            furniture += [path] if is_library(path) else inside
            files += [] if is_library(path) or inside else find_files([path])
        except ScenegenError as error:
            refused.append(_refusal(path, error))
    if files and not class_name:
        raise UsageError(f"{files[0]}: say what it is, such as --class chair")
    _make_folder(library)
    libraries = list(_read_libraries(furniture, class_name, refused))
    wanted = ImportOptions(class_name or "", split, **said)
    total = len(files) + sum(len(each.pieces) + len(each.refused) for each in libraries)
    added = prepare_all(_models(library, files, wanted, libraries), total, library, refused)
    passed: dict[str, list[str]] = {}
    for each in libraries:
        for why, names in each.passed.items():
            passed.setdefault(why, []).extend(names)
    others = [name for each in libraries for name in each.others]
    if as_json:
        body = {"added": [{"name": a.name, "class": a.class_name, "split": a.split} for a in added]}
        body["refused"] = [dataclasses.asdict(each) for each in refused]
        click.echo(json.dumps({**body, "passed_over": {**passed, "of another class": others}}, indent=1))
        return 1 if refused else 0
    print_added(added)
    for why, ids in sorted(passed.items()):
        click.echo(f"passed over, {why} ({len(ids)}): {_by_library(ids)}", err=True)
    counted = f", {len(others)} of other classes passed over (--json names them)" if others else ""
    click.echo(f"{library}: {len(added)} added, {len(refused)} refused{counted}")
    return tell_refused(refused)


def _by_library(ids: Iterable[str]) -> str:
    """Catalogue ids such as "Scopia#hedge", each library's name said once."""
    names: dict[str, list[str]] = {}
    for each in ids:
        library, _, name = each.rpartition("#")
        names.setdefault(library, []).append(name)
    return "; ".join(
        f"{library}: {', '.join(those)}" if library else ", ".join(those) for library, those in names.items()
    )


def _read_libraries(
    paths: Iterable[Path], only_class: str | None, refused: list[Refused]
) -> Iterator[FurnitureLibrary]:
    from scenegen.assets.sources.sweethome import read_library

    for path in paths:
        try:
            yield read_library(path, only_class)
        except ScenegenError as error:
            refused.append(_refusal(path, error))


def _models(
    library: Path, files: list[Path], wanted: ImportOptions, libraries: list[FurnitureLibrary]
) -> Iterator[RawModel | Refused]:
    from scenegen.assets.curate.splits import settle_splits
    from scenegen.assets.prepare.raw_model import RawModel
    from scenegen.assets.sources.files.files import read_files
    from scenegen.assets.sources.sweethome import read_pieces

    def every() -> Iterator[RawModel | Refused]:
        for model in read_files(files, wanted):
            yield _with_free_name(library, model) if isinstance(model, RawModel) else model
        for each in libraries:
            yield from read_pieces(each, wanted.split)

    return every() if wanted.split else settle_splits(every(), library)


def _with_free_name(library: Path, model: RawModel) -> RawModel:
    """Another file of the same name must not push out one that is there; the same file again replaces itself."""
    name, number = model.name, 2
    while (library / name / "asset.json").is_file():
        if read_asset(library / name).provenance.checksum == model.provenance.checksum:
            break
        name, number = f"{model.name}_{number}", number + 1
    return dataclasses.replace(model, name=name)


def _refusal(path: Path, error: ScenegenError) -> Refused:
    from scenegen.assets.prepare.raw_model import Refused

    return Refused(str(path), str(error).removeprefix(f"{path}: "))


@assets.command("list")
@library_option
@click.option("--class", "class_name", metavar="C", help="Only this class.")
@click.option("--split", type=click.Choice(["train", "test"]), help="Only this split.")
@click.option("--dropped", is_flag=True, help="What was dropped, and why.")
@click.option("--json", "as_json", is_flag=True, help="Answer in JSON on standard output.")
def list_(library: Path, class_name: str | None, split: str | None, dropped: bool, as_json: bool) -> None:
    """List what is prepared.

    \b
    Examples: scenegen assets list --class table --split test
              scenegen assets list --dropped
    """
    if dropped:
        list_dropped(library, class_name, as_json)
        return
    chosen = [asset for asset in list_assets(library, split) if class_name in (None, asset.class_name)]
    if as_json:
        rows = [
            {
                "name": asset.name,
                "class": asset.class_name,
                "split": asset.split,
                "family": asset.family,
                "size": asset.size,
                "triangles": asset.triangles,
                "supports": [support.height for support in asset.supports],
                "provenance": dataclasses.asdict(asset.provenance),
                "findings": dict(asset.findings),
            }
            for asset in chosen
        ]
        click.echo(json.dumps(rows, indent=1))
        return
    table = Table("name", "class", "split", "size (m)", "triangles", "licence", box=None, header_style="bold")
    for asset in chosen:
        licence = escape(asset.provenance.licence)
        table.add_row(asset.name, asset.class_name, asset.split, size_text(asset), f"{asset.triangles:,}", licence)
    console().print(table)


@assets.command("credits")
@click.argument("dataset", required=False, type=click.Path(path_type=Path))
@library_option
@click.option("--format", "form", type=CREDIT_FORMATS, default="text", show_default=True)
def credits_(dataset: Path | None, library: Path, form: str) -> None:
    """Print the attribution that licences such as CC-BY ask for: of a library, or of what a data set shows.

    \b
    Examples: scenegen assets credits --format markdown > CREDITS.md
              scenegen assets credits data/studio --format json
    """
    from scenegen.core.dataset.credits import credits_text, library_credits, scene_credits

    if dataset is None:
        found = library_credits(list_assets(library))
    else:
        from scenegen.core.dataset.reading import Dataset

        scenes = Dataset(dataset)
        shown = {credit.name: credit for scene in scenes for credit in scene_credits(scene)}
        found = [shown[name] for name in sorted(shown)]
    click.echo(credits_text(found, form), nl=False)


def _make_folder(library: Path) -> None:
    try:
        library.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ScenegenError(f"{library}: cannot be written ({error.strerror}); name another with --assets") from error


for command in (fetch, check, sheet, drop):
    assets.add_command(command)
