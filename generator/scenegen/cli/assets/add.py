"""`scenegen assets add`: prepare model files, Sweet Home 3D libraries, a ShapeNet tree or people."""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from scenegen.cli.assets.add_people import add_people
from scenegen.cli.assets.add_shapenet import add_shapenet
from scenegen.cli.assets.printing import make_library_folder, prepare_all, print_added, print_refused
from scenegen.cli.options import PositiveNumber, library_option, own_blender_option, print_message
from scenegen.core.errors import ScenegenError, UsageError
from scenegen.core.one_line import one_line
from scenegen.core.scene.classes import known_classes, object_class

if TYPE_CHECKING:
    from scenegen.assets.prepare.raw_model import RawModel, Refused
    from scenegen.assets.sources.files.files import ImportOptions
    from scenegen.assets.sources.sweethome import FurnitureLibrary

AXES = click.Choice(["x", "-x", "y", "-y", "z", "-z"])
FRONTS = click.Choice(["x", "-x", "y", "-y"])


@click.command()
@click.argument("paths", nargs=-1, type=click.Path(path_type=Path))
@library_option
@click.option("--class", "class_name", metavar="C", help="What the models are; for .sh3f and ShapeNet, only these.")
@click.option(
    "--split", type=click.Choice(["train", "test"]), help="Their split (default: a fifth of them go to test)."
)
@click.option("--scale", type=PositiveNumber(), help="Metres per unit of the file (default: guessed).")
@click.option("--height", type=PositiveNumber(), help="True height in metres (default: guessed).")
@click.option("--up", type=AXES, help="The axis that is up, as Blender imports the file (default: guessed).")
@click.option("--front", type=FRONTS, help="The axis that is the front, once upright (default: guessed).")
@click.option("--split-objects", is_flag=True, help="Make an asset of each object that stands beside others in a file.")
@click.option("--author", help="Who made them.")
@click.option("--licence", help="Their licence, such as CC-BY-4.0 (by its SPDX name).")
@click.option("--source", help="Where they come from, if possible an address.")
@click.option("--title", help="Their title.")
@click.option("--shapenet", metavar="ROOT", type=click.Path(path_type=Path), help="Take a ShapeNetCore tree, v1 or v2.")
@click.option("--synset", "synsets", metavar="ID", multiple=True, help="With --shapenet: only this folder of it.")
@click.option("--limit", type=click.IntRange(1), help="With --shapenet: at most so many models per class.")
@click.option("--people", metavar="N", type=click.IntRange(1), help="Make N people (needs scenegen[people]).")
@click.option("--clothes", type=click.Choice(["suit", "casual"]), help="With --people: what they wear (default: suit).")
@click.option("--seed", type=click.IntRange(0), help="With --people: other seeds give other people (default: 0).")
@own_blender_option
@click.option("--json", "as_json", is_flag=True, help="Print the result for every model as JSON; for files and .sh3f.")
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
    blender: str | None,
    as_json: bool,
    **hints: Any,
) -> int:
    """Prepare files (glb gltf obj fbx ply stl blend usd), folders of them, Sweet Home 3D (.sh3f, its jar) or ShapeNet.

    A CREDITS.json beside or above a file (a list of objects with "file", "author", "licence", ...) is read.

    \b
    Examples: scenegen assets add --class chair --author "Jo Doe" \\
                  --licence CC-BY-4.0 armchair.glb
              scenegen assets add /usr/share/sweethome3d/furniture/*.sh3f
              scenegen assets add --shapenet ShapeNetCore.v2 --limit 200
              scenegen assets add --people 20 --clothes casual --split train
    """
    if hints["scale"] and hints["height"]:
        raise UsageError("--scale and --height give the same size twice; give one of them")
    if as_json and (people or shapenet):
        raise UsageError("--json goes with files and .sh3f; leave it out")
    from scenegen.assets.sources.files.reading import choose_blender

    choose_blender(blender)
    given = [f"--{name.replace('_', '-')}" for name in hints if hints[name]]
    if people:
        given += ["--shapenet"] * bool(shapenet) + ["--class"] * bool(class_name)
        _refuse_others("--people", [*given, *paths])
        make_library_folder(library)
        return add_people(people, library, split, seed or 0, clothes or "suit")
    if clothes or seed is not None:
        raise UsageError("--clothes and --seed go with --people N")
    if shapenet:
        _refuse_others("--shapenet", [*(name for name in given if name not in ("--scale", "--height")), *paths])
        make_library_folder(library)
        return add_shapenet(shapenet, library, class_name, synsets, limit, split, hints["scale"], hints["height"])
    if synsets or limit:
        raise UsageError("--synset and --limit go with --shapenet ROOT")
    if not paths:
        raise UsageError(
            "PATHS missing: name files or folders, a ShapeNetCore tree with --shapenet ROOT, or --people N"
        )
    return _add_files(paths, library, class_name, split, hints, as_json)


HULLS = "meshes for collisions beside what they stand for; name such a file to add it"
BESIDE = "model files in the folder of a .sh3f library; name such a file with its --class to add it"
NOT_READ = "types that are not read; unpack archives, and export models as .glb"
UNREAD = re.compile(
    r"\.(3dm|3ds|3mf|ac|c4d|dxf|iges|igs|lwo|ma|max|mb|skp|step|stp|wrl|x|x3d|zip|7z|rar)", re.IGNORECASE
)


def _refuse_others(option: str, others: Sequence[object]) -> None:
    """Raise UsageError when something was given that does not go with an option."""
    if others:
        raise UsageError(f"{option} takes no {others[0]}; leave it out")


def _add_files(
    paths: Sequence[Path],
    library: Path,
    class_name: str | None,
    split: str | None,
    hints: Mapping[str, Any],
    as_json: bool,
) -> int:
    """Prepare files, folders of them and .sh3f libraries, and print the result; the exit status."""
    from scenegen.assets.curate.placing import make_placer
    from scenegen.assets.sources.files.files import ImportOptions

    if class_name and not re.fullmatch(r"[^\W_][\w .-]*", class_name):
        raise UsageError(f"--class {class_name!r}: a class is made of letters, digits, spaces, _, . and -")
    refused: list[Refused] = []
    passed: dict[str, list[str]] = {}
    files, furniture = _find_sources(paths, refused, passed)
    if files and not class_name:
        raise UsageError(f"{files[0]}: give the class of this model, such as --class chair")
    kind = object_class(class_name or "")
    if files and not kind.usual_size and not kind.is_ground:
        known = ", ".join(name for name, each in known_classes().items() if each.usual_size)
        print_message(
            f"of class {class_name} no usual size and no front are known: models stay as they stand in their files; "
            f"known are {known}"
        )
    make_library_folder(library)
    libraries = list(_read_libraries(furniture, class_name, refused))
    wanted = ImportOptions(class_name or "", split, **hints)
    total = len(files) + sum(len(each.pieces) + len(each.refused) for each in libraries)
    placer = make_placer(library, choose_splits=split is None)
    added = prepare_all(_models(files, wanted, libraries), total, library, refused, placer)
    for each in libraries:
        for why, names in each.passed.items():
            passed.setdefault(why, []).extend(names)
    others = [name for each in libraries for name in each.others]
    if as_json:
        body: dict[str, Any] = {
            "added": [
                {"name": a.name, "class": a.class_name, "split": a.split, "warnings": a.findings["warnings"]}
                for a in added
            ],
            "refused": [dataclasses.asdict(each) for each in refused],
        }
        click.echo(json.dumps({**body, "passed_over": {**passed, "of another class": others}}, indent=1))
        return 1 if refused else 0
    print_added(added)
    for why, ids in sorted(passed.items()):
        click.echo(one_line(f"passed over, {why} ({len(ids)}): {_by_library(ids)}"), err=True)
    passed_over = f", {len(others)} of other classes passed over (--json names them)" if others else ""
    known = f", {placer.replaced} there before and made again" if placer.replaced else ""
    copies = f", {placer.repeated} the same as one of these" if placer.repeated else ""
    new = len(added) - placer.replaced
    click.echo(f"{library}: {new} added{known}{copies}, {len(refused)} refused{passed_over}")
    return print_refused(refused)


def _find_sources(
    paths: Iterable[Path], refused: list[Refused], passed: dict[str, list[str]]
) -> tuple[list[Path], list[Path]]:
    """Model files and Sweet Home 3D libraries at `paths`; a path that holds neither goes to `refused`.

    Of a folder, the meshes for collisions and files of other types go to `passed`, by the reason.
    """
    from scenegen.assets.sources.files.files import SUFFIXES, collision_meshes, find_files
    from scenegen.assets.sources.sweethome import is_library

    files: list[Path] = []
    furniture: list[Path] = []
    for path in paths:
        try:
            inside = sorted(path.glob("*.sh3f")) if path.is_dir() else []
            furniture += [path] if is_library(path) else inside
            found = [] if is_library(path) or inside else find_files([path])
            hulls = collision_meshes(found) if path.is_dir() else {}
            files += [file for file in found if file not in hulls]
            below = sorted(path.rglob("*")) if path.is_dir() else []
            unread = [each for each in below if UNREAD.fullmatch(each.suffix)]
            beside = [each for each in below if each.suffix.lower() in SUFFIXES] if inside else []
            for why, those in ((HULLS, hulls), (NOT_READ, unread), (BESIDE, beside)):
                if those:
                    passed.setdefault(why, []).extend(file.name for file in those)
        except ScenegenError as error:
            refused.append(_refusal(path, error))
    return files, furniture


def _by_library(ids: Iterable[str]) -> str:
    """Catalogue ids such as "Scopia#hedge", with each library's name once."""
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
    files: list[Path], wanted: ImportOptions, libraries: list[FurnitureLibrary]
) -> Iterator[RawModel | Refused]:
    from scenegen.assets.sources.files.files import read_files
    from scenegen.assets.sources.sweethome import read_pieces

    yield from read_files(files, wanted)
    for each in libraries:
        yield from read_pieces(each, wanted.split)


def _refusal(path: Path, error: ScenegenError) -> Refused:
    from scenegen.assets.prepare.raw_model import Refused

    return Refused(str(path), str(error).removeprefix(f"{path}: "))
