"""Reads Sweet Home 3D furniture: zip files of OBJ models with a catalogue of their true sizes and authors.

Both the libraries (.sh3f) and the program's own jar, which holds its default furniture in the same form.
"""

from __future__ import annotations

import functools
import hashlib
import json
import re
import tempfile
import zipfile
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path, PurePosixPath
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from scenegen.assets.prepare.raw_model import RawModel, Refused
from scenegen.assets.sources.archive import open_archive, read_text, unpack
from scenegen.assets.sources.files.files import SUFFIXES, slug, split_of
from scenegen.assets.sources.files.importer import Imported, import_files
from scenegen.core.asset_library import Provenance
from scenegen.core.errors import ScenegenError

CATALOGUE = "PluginFurnitureCatalog.properties"
JAR_CATALOGUE = "com/eteks/sweethome3d/io/DefaultFurnitureCatalog.properties"
# The jar's models name materials without an MTL file: their colours are an MTL text inside this Java class.
_JAR_COLOURS = "com/eteks/sweethome3d/j3d/OBJLoader.class"
_MTL = re.compile(rb"newmtl \w+\n(?:(?:K[ads]|N[is]|illum|d|Tr) [-\d. ]+\n+)+")
PIECES_AT_ONCE = 50  # limits the disk space for unpacked models
# Blender's OBJ importer turns the file's Y up into Z up; a catalogue's rotations are in the file's axes.
_FROM_FILE = np.array([[1.0, 0.0, 0.0], [0.0, 0.0, -1.0], [0.0, 1.0, 0.0]])


@dataclass(frozen=True)
class FurniturePiece:
    """A catalogue entry of one of our classes.

    `size` is (width, depth, height) in metres, upright; `rotation` (3, 3) turns the file's axes; `shelf_height` as in
    RawModel; `alone`: the files beside the model belong to other models.
    """

    id: str
    name: str
    class_name: str
    model: str
    alone: bool
    size: tuple[float, float, float]
    rotation: NDArray[np.float64]
    shelf_height: float | None
    creator: str


@dataclass(frozen=True)
class FurnitureLibrary:
    """A furniture library: the pieces of our classes, entries that cannot be used, and entries that are passed over.

    `passed` lists ids by reason: entries similar to one of our classes; `others` lists the ids of all other classes.
    `colours` is an MTL text for models without one.
    """

    path: Path
    title: str
    licence: str
    provider: str
    pieces: tuple[FurniturePiece, ...]
    refused: tuple[Refused, ...]
    passed: Mapping[str, tuple[str, ...]]
    others: tuple[str, ...]
    colours: bytes = b""


def read_library(path: Path, only_class: str | None = None) -> FurnitureLibrary:
    """Read a library's catalogue; ScenegenError when the file is no library or its catalogue is missing or broken."""
    try:
        with open_archive(path) as archive:
            names = archive.namelist()
            catalogue = next((name for name in (CATALOGUE, JAR_CATALOGUE) if name in names), None)
            if catalogue is None:
                raise ScenegenError(
                    f"{path}: not a furniture library, no {CATALOGUE} in it; name a .sh3f file or Sweet Home 3D's jar"
                )
            properties = parse_properties(read_text(archive, catalogue).decode("latin-1"))
            licence_file = next((n for n in names if n.upper() == "LICENSE.TXT"), None)
            licence_text = read_text(archive, licence_file).decode("latin-1") if licence_file else ""
            colours = b"".join(_MTL.findall(read_text(archive, _JAR_COLOURS))) if _JAR_COLOURS in names else b""
    except (zipfile.BadZipFile, zlib.error, OSError, EOFError, RuntimeError, ValueError, LookupError) as error:
        raise ScenegenError(f"{path}: not a readable furniture library ({error}); download it again") from error
    entries = _entries(properties)
    if not entries:
        raise ScenegenError(f"{path}: its catalogue lists no furniture; download it again")
    pieces: list[FurniturePiece] = []
    refused: list[Refused] = []
    passed: dict[str, tuple[str, ...]] = {}
    others: list[str] = []
    for number, entry in entries:
        what = entry.get("id") or entry.get("name") or f"entry {number}"
        near_class, why = _why_passed(entry)
        class_name = near_class or class_of(entry)
        if class_name is None or only_class not in (None, class_name):
            others.append(what)
            continue
        if why:
            passed[why] = (*passed.get(why, ()), what)
            continue
        try:
            pieces.append(_piece(entry, class_name, catalogue))
        except (KeyError, ValueError) as error:
            refused.append(Refused(f"{path}: {what}", f"its catalogue entry is broken ({error})"))
    return FurnitureLibrary(
        path=path,
        title=" ".join(filter(None, (properties.get("name") or path.stem, properties.get("version")))),
        licence=_licence(properties.get("license", ""), licence_text),
        provider=properties.get("provider", "www.sweethome3d.com"),
        pieces=tuple(pieces),
        refused=tuple(refused),
        passed=passed,
        others=tuple(others),
        colours=colours,
    )


def read_pieces(library: FurnitureLibrary, split: str | None = None) -> Iterator[RawModel | Refused]:
    """Each piece of a library as a raw model or a refusal."""
    yield from library.refused
    for start in range(0, len(library.pieces), PIECES_AT_ONCE):
        pieces = library.pieces[start : start + PIECES_AT_ONCE]
        with tempfile.TemporaryDirectory(prefix="scenegen-sh3f-") as folder:
            unpacked: list[tuple[FurniturePiece, Path]] = []
            for number, result in enumerate(_unpack(library, pieces, Path(folder))):
                if isinstance(result, Refused):
                    yield result
                else:
                    unpacked.append((pieces[number], result))
            for number, imported in import_files([file for _, file in unpacked]):
                piece, file = unpacked[number]
                if isinstance(imported, Refused):
                    yield Refused(f"{library.path}: {piece.id}", imported.why)
                else:
                    yield to_raw_model(library, piece, file, imported, split)


def to_raw_model(
    library: FurnitureLibrary, piece: FurniturePiece, file: Path, imported: Imported, split: str | None
) -> RawModel | Refused:
    """A piece turned and stretched to its catalogue size, as Sweet Home 3D itself does."""
    turn = _FROM_FILE @ piece.rotation @ _FROM_FILE.T
    vertices = imported.vertices @ turn.T
    extent = np.ptp(vertices[imported.faces.reshape(-1)], axis=0)
    if not np.isfinite(extent).all() or extent.max() <= 0:
        return Refused(
            f"{library.path}: {piece.id}", "no surface: all its triangles have broken coordinates or no area"
        )
    stretch = np.divide(piece.size, extent, out=np.ones(3), where=extent > 1e-9 * extent.max())
    warnings = list(imported.warnings)
    if stretch.max() > 1.05 * stretch.min():
        warnings.append(
            f"stretched to its catalogue size: one axis {stretch.max() / stretch.min():.2f} times as much as another"
        )
    name = slug(piece.id)
    normals = imported.corner_normals
    return RawModel(
        name=name,
        class_name=piece.class_name,
        split=split or split_of(name),
        family=piece.class_name,
        vertices=vertices * stretch,
        faces=imported.faces,
        material_index=imported.material_index,
        materials=imported.materials,
        provenance=Provenance(
            title=piece.name,
            author=piece.creator,
            licence=library.licence,
            source=f"{library.provider}, {library.title}, {piece.id}",
            checksum=hashlib.sha256(file.read_bytes()).hexdigest(),
        ),
        uvs=imported.uvs,
        corner_normals=None if normals is None else (normals @ turn.T) / stretch,
        textures=imported.textures,
        shelf_height=piece.shelf_height,
        warnings=tuple(warnings),
    )


def _entries(properties: Mapping[str, str]) -> list[tuple[int, dict[str, str]]]:
    """The catalogue's entries by number: `name#3=Chair` belongs to entry 3."""
    entries: dict[int, dict[str, str]] = {}
    for key, value in properties.items():
        if found := re.fullmatch(r"(.*)#([1-9]\d{0,8})", key):
            entries.setdefault(int(found[2]), {})[found[1]] = value
    return [(number, entries[number]) for number in sorted(entries) if entries[number].keys() & {"model", "name"}]


def class_of(entry: Mapping[str, str]) -> str | None:
    """Our class of a catalogue entry, or None: by its id in a known library, else by the words of its English name."""
    known, words, other_words, other_categories = _class_map()
    library, _, name = entry.get("id", "").partition("#")
    if library in known:
        return known[library].get(name)
    name_words = re.findall(r"[a-z]+", entry.get("name", "").lower())
    if entry.get("category") in other_categories or other_words.intersection(name_words):
        return None
    text = f" {' '.join(name_words)} "
    return next((c for c, listed in words.items() if any(f" {word} " in text for word in listed)), None)


def _why_passed(entry: Mapping[str, str]) -> tuple[str, str] | tuple[None, None]:
    """The class that an entry is similar to, and the reason why it is not of that class."""
    library, _, name = entry.get("id", "").partition("#")
    for group in _class_file()["passed"]:
        if name in group["names"].get(library, ()):
            return group["class"], group["why"]
    return None, None


@functools.cache
def _class_file() -> dict[str, Any]:
    text = resources.files("scenegen.assets.sources").joinpath("sweethome_classes.json").read_text(encoding="utf-8")
    return dict(json.loads(text))


class _ClassMap(NamedTuple):
    """`known` class by library and name, words of a class, and words and categories of other objects."""

    known: dict[str, dict[str, str]]
    words: dict[str, list[str]]
    other_words: frozenset[str]
    other_categories: frozenset[str]


@functools.cache
def _class_map() -> _ClassMap:
    body = _class_file()
    known = {
        library: {name: class_name for class_name, names in classes.items() for name in names}
        for library, classes in body["known"].items()
    }
    return _ClassMap(known, body["words"], frozenset(body["other_words"]), frozenset(body["other_categories"]))


def parse_properties(text: str) -> dict[str, str]:
    """A Java properties file: `key=value`, # and ! comments, lines continued by a backslash, \\uXXXX escapes."""
    properties: dict[str, str] = {}
    logical = re.sub(r"(?<!\\)((?:\\\\)*)\\\r?\n[ \t]*", r"\1", text)
    for line in logical.splitlines():
        line = line.strip()
        if line and line[0] not in "#!":
            found = re.match(r"((?:\\.|[^=:\s\\])+)\s*[=:]?\s*(.*)", line)
            if found:
                properties[_unescape(found[1])] = _unescape(found[2])
    return properties


def _unescape(text: str) -> str:
    def one(found: re.Match[str]) -> str:
        code = found[1]
        if code[0] == "u" and len(code) == 5:
            return chr(int(code[1:], 16))
        return {"n": "\n", "t": "\t", "r": "\r", "f": "\f"}.get(code, code)

    return re.sub(r"\\(u[0-9a-fA-F]{4}|.)", one, text)


def _piece(entry: Mapping[str, str], class_name: str, catalogue: str) -> FurniturePiece:
    size = (float(entry["width"]) / 100, float(entry["depth"]) / 100, float(entry["height"]) / 100)
    if not all(np.isfinite(size)) or min(size) <= 0:
        raise ValueError(f"size {size}")
    rotation = np.array([float(v) for v in entry.get("modelRotation", "1 0 0 0 1 0 0 0 1").split()])
    if rotation.shape != (9,) or not np.isfinite(rotation).all():
        raise ValueError("modelRotation is no 3x3 matrix")
    shelf = float(entry.get("dropOnTopElevation", "-1"))
    return FurniturePiece(
        id=entry.get("id") or f"{entry['name']} {entry['model']}",
        name=entry["name"],
        class_name=class_name,
        model=entry["model"].lstrip("/"),
        alone=catalogue == JAR_CATALOGUE and entry.get("multiPartModel") != "true",
        size=size,
        rotation=rotation.reshape(3, 3),
        shelf_height=shelf / 100 if shelf >= 0 else None,
        creator=entry.get("creator") or "unknown",
    )


def _unpack(library: FurnitureLibrary, pieces: Sequence[FurniturePiece], folder: Path) -> Iterator[Path | Refused]:
    """Each piece's model file, unpacked with all files beside it."""
    with open_archive(library.path) as archive:
        members = {info.filename for info in archive.infolist() if not info.is_dir()}
    for number, piece in enumerate(pieces):
        what = f"{library.path}: {piece.id}"
        beside = PurePosixPath(piece.model).parent
        if piece.model not in members:
            yield Refused(what, f"its model {piece.model} is not in the library; download the library again")
            continue
        if PurePosixPath(piece.model).suffix.lower() not in SUFFIXES:
            yield Refused(what, f"{piece.model}: unknown file type; known types: {' '.join(SUFFIXES)}")
            continue
        names = {m for m in members if not piece.alone and beside in PurePosixPath(m).parents and beside.name}
        try:
            unpack(library.path, folder / str(number), names | {piece.model})
            file = folder / str(number) / piece.model
            if piece.alone and library.colours:  # Blender reads the MTL file beside an OBJ that names none
                file.with_suffix(".mtl").write_bytes(library.colours)
            yield file
        except (ScenegenError, OSError) as error:
            yield Refused(what, f"its model cannot be unpacked: {error}")


def _licence(text: str, licence_file: str) -> str:
    """The SPDX identifier of a licence text, or the text itself when it is not recognised."""
    words = f"{text} {licence_file[:400]}".lower()
    if "gpl" in text.lower() and (found := re.search(r"CC[- ](BY[\w-]*) ([1-4]\.0)", text)):
        return (
            f"CC-{found[1]}-{found[2]} OR GPL-2.0-or-later"  # at the user's choice, as the head of each model file says
        )
    if "public domain" in words or "cc0" in words or "creative commons zero" in words:
        return "CC0-1.0"
    found = re.search(r"(?:attribution(?P<sa>-sharealike)?\s+|\s)(?P<version>[1-4]\.0)(?P<us> united states)?", words)
    if "creative commons" in words and found:
        return f"CC-BY{'-SA' if found['sa'] else ''}-{found['version']}{'-US' if found['us'] else ''}"
    return text.strip() or (licence_file.strip().splitlines() or ["unknown"])[0]


def is_library(path: Path) -> bool:
    """Whether a path names a furniture library."""
    return path.suffix.lower() in (".sh3f", ".jar")
