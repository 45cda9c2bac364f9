"""Sweet Home 3D libraries: a made-up one with every fault, and Debian's real ones where they are installed."""

from __future__ import annotations

import json
import zipfile
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import trimesh
from helpers.assets_command import run
from helpers.model_files import chair
from scenegen.assets.prepare.prepare import prepare
from scenegen.assets.prepare.raw_model import RawModel, Refused
from scenegen.assets.sources.sweethome import (
    CATALOGUE,
    JAR_CATALOGUE,
    class_of,
    parse_properties,
    read_library,
    read_pieces,
)
from scenegen.core.asset_library import read_mesh
from scenegen.core.errors import ScenegenError

DEBIAN = Path("/usr/share/sweethome3d/furniture")
JAR = Path("/usr/share/sweethome3d/sweethome3d.jar")

HEAD = "id=Mine#All\nname=My furniture\nversion=1.2\nlicense=Creative Commons Attribution 3.0 license\n"


def obj_text(scale: float = 37.0) -> str:
    """A chair in odd units, Y up, far from the origin."""
    mesh = chair()
    lines = [f"v {x * scale + 900} {z * scale} {-y * scale}" for x, y, z in mesh.vertices]
    return "\n".join(lines + ["f " + " ".join(str(i + 1) for i in face) for face in mesh.faces])


def entry(number: int, **said: str) -> str:
    base = {"id": f"Mine#{number}", "name": "Oak chair", "category": "Living room", "model": "/a/chair.obj",
            "width": "50", "depth": "55", "height": "90", "creator": "J\\u00f6"}  # fmt: skip
    return "".join(f"{key}#{number}={value}\n" for key, value in {**base, **said}.items())


@pytest.fixture()
def mine(tmp_path: Path) -> Path:
    quarter = "0 0 1 0 1 0 -1 0 0"
    catalogue = HEAD + "".join(
        [
            entry(1, dropOnTopElevation="46"),
            entry(2, name="Bathtub"),
            entry(3, model="/b/none.obj"),
            entry(4, width="many"),
            entry(5, modelRotation=quarter, width="55", depth="50"),
            entry(6, model="/c/chair.obj", name="Desk", width="100", depth="110", height="75"),
            entry(7, model="/d/chair.3dx"),
            entry(8, name="Table lamp"),
        ]
    )
    path = tmp_path / "mine.sh3f"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(CATALOGUE, catalogue.encode("latin-1"))
        archive.writestr("a/chair.obj", obj_text())
        archive.writestr("c/chair.obj", "mtllib gone.mtl\n" + obj_text())
        archive.writestr("d/chair.3dx", "x")
        archive.writestr("../outside.txt", "x")
    return path


def test_a_library_with_faults_gives_what_is_whole(mine: Path) -> None:
    library = read_library(mine)
    assert (library.licence, library.title, library.others) == ("CC-BY-3.0", "My furniture 1.2", ("Mine#2", "Mine#8"))
    results = list(read_pieces(library))
    refused = [str(r) for r in results if isinstance(r, Refused)]
    models = {m.provenance.source.rpartition("#")[2]: m for m in results if isinstance(m, RawModel)}
    assert len(refused) == 3
    assert any("Mine#3" in line and "b/none.obj is not in the library" in line for line in refused)
    assert any("Mine#4" in line and "catalogue entry is broken" in line for line in refused)
    assert any("Mine#7" in line and "unknown file type" in line for line in refused)
    assert set(models) == {"1", "5", "6"}
    np.testing.assert_allclose(np.ptp(models["1"].vertices, axis=0), (0.5, 0.55, 0.9), atol=1e-5)
    assert models["1"].shelf_height == pytest.approx(0.46)
    assert models["1"].provenance.author == "Jö"
    upper = models["1"].vertices[models["1"].vertices[:, 2] > 0.8]
    assert upper[:, 1].mean() > models["1"].vertices[:, 1].mean(), "the back is at +Y"
    turned = models["5"].vertices  # the catalogue's rotation about Y takes the file's -Z, where the back is, to -X
    assert np.ptp(turned, axis=0) == pytest.approx((0.55, 0.5, 0.9), abs=1e-5)
    middle = (turned[:, 0].min() + turned[:, 0].max()) / 2
    assert turned[turned[:, 2] > 0.8][:, 0].mean() < middle - 0.2
    np.testing.assert_allclose(np.ptp(models["6"].vertices, axis=0), (1.0, 1.1, 0.75), atol=1e-5)
    assert any("stretched" in warning for warning in models["6"].warnings)


def test_one_class_alone(mine: Path) -> None:
    assert {piece.class_name for piece in read_library(mine, "table").pieces} == {"table"}


def test_models_beside_a_library_are_named(mine: Path, tmp_path: Path) -> None:
    chair().export(mine.parent / "stool.obj")
    done = run("add", "--class", "bag", "--assets", tmp_path / "library", mine.parent)
    assert (
        "model files in the folder of a .sh3f library; name such a file with its --class to add it (1): stool.obj"
        in (done.stderr.replace("\n", " "))
    )


@pytest.mark.parametrize(
    ("content", "reason"),
    [(None, "not a readable"), (b"no zip at all", "not a readable"), ({}, "no PluginFurnitureCatalog"),
     ({CATALOGUE: "name=empty"}, "lists no furniture")],
)  # fmt: skip
def test_no_library(tmp_path: Path, content: bytes | dict[str, str] | None, reason: str) -> None:
    path = tmp_path / "bad.sh3f"
    if isinstance(content, bytes):
        path.write_bytes(content)
    elif content is not None:
        with zipfile.ZipFile(path, "w") as archive:
            for name, text in content.items():
                archive.writestr(name, text)
    with pytest.raises(ScenegenError, match=reason):
        read_library(path)


def test_a_damaged_member_is_refused(mine: Path) -> None:
    content = bytearray(mine.read_bytes())
    at = content.index(b"a/chair.obj") + 60
    content[at : at + 40] = bytes(40)
    mine.write_bytes(bytes(content))
    results = list(read_pieces(read_library(mine)))
    assert any("cannot be unpacked" in str(result) for result in results if isinstance(result, Refused))
    assert any(isinstance(result, RawModel) for result in results)


def test_properties_as_java_writes_them() -> None:
    text = "# c\n! c\na=1\nb : two words \nc\\ d\\=e=\\u00e9\\t!\nlong=one \\\n   two\nempty=\n"
    assert parse_properties(text) == {"a": "1", "b": "two words", "c d=e": "é\t!", "long": "one two", "empty": ""}


@pytest.mark.parametrize(
    ("entry_", "class_name"),
    [
        ({"id": "Kator Legaz#cafe-table", "name": "x"}, "table"),
        ({"id": "Kator Legaz#screen-door", "name": "Chair"}, None),
        ({"id": "New#1", "name": "Bedside table"}, "nightstand"),
        ({"id": "New#2", "name": "Glass table"}, "table"),
        ({"id": "New#3", "name": "Table lamp"}, None),
        ({"id": "New#4", "name": "Armchair", "category": "Lights"}, None),
        ({"name": "Backpack, red"}, "bag"),
        ({"name": "Carpet"}, None),
    ],
)
def test_classes(entry_: dict[str, str], class_name: str | None) -> None:
    assert class_of(entry_) == class_name


def test_what_comes_near_is_passed_over_by_name(tmp_path: Path) -> None:
    path = tmp_path / "people.sh3f"
    ids = ["Reallusion#male01", "Reallusion#sitMale01", "Reallusion#boyLying", "Scopia#hedge", "Scopia#door"]
    entries = "".join(entry(k, id=id_, model=f"/{k}/chair.obj") for k, id_ in enumerate(ids, start=1))
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(CATALOGUE, HEAD + entries)
        archive.writestr("1/chair.obj", obj_text())
    library = read_library(path)
    assert [piece.id for piece in library.pieces] == ["Reallusion#male01"]
    assert library.passed == {
        "sits on a seat that is not part of the model": ("Reallusion#sitMale01",),
        "lies down": ("Reallusion#boyLying",),
        "no tree but a bush or hedge": ("Scopia#hedge",),
    }
    assert library.others == ("Scopia#door",)
    assert read_library(path, "tree").passed == {"no tree but a bush or hedge": ("Scopia#hedge",)}
    done = run("add", "--assets", tmp_path / "library", "--json", path)
    answer = json.loads(done.stdout)
    assert [each["class"] for each in answer["added"]] == ["human"]
    assert answer["passed_over"]["lies down"] == ["Reallusion#boyLying"]
    assert answer["passed_over"]["of another class"] == ["Scopia#door"]


@pytest.mark.parametrize("said", [True, False])
def test_smooth_models_with_back_copies_keep_their_normals(tmp_path: Path, said: bool) -> None:
    """Every face twice on the same vertices, with normals of its own (people) or left to the reader (a bag)."""
    ball = trimesh.creation.icosphere(subdivisions=2, radius=0.4)
    normals = ball.vertices / 0.4
    lines = [f"v {x} {y} {z}" for x, y, z in ball.vertices]
    lines += [f"vn {x} {y} {z}" for normal in normals for x, y, z in (normal, -normal)] if said else ["s 1"]
    for a, b, c in (ball.faces + 1).tolist():
        front, back = ([f"{k}//{2 * k - 1}" for k in (a, b, c)], [f"{k}//{2 * k}" for k in (c, b, a)])
        front, back = (front, back) if said else ([str(k) for k in (a, b, c)], [str(k) for k in (c, b, a)])
        lines += [f"f {' '.join(front)}", f"f {' '.join(back)}"]
    path = tmp_path / "ball.sh3f"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(CATALOGUE, HEAD + entry(1, width="80", depth="80", height="80"))
        archive.writestr("a/chair.obj", "\n".join(lines))
    (model,) = read_pieces(read_library(path))
    assert isinstance(model, RawModel)
    asset = prepare(model, tmp_path)
    mesh = read_mesh(asset)
    assert (asset.triangles, asset.findings["orientation_agreement"]) == (320, 1.0)
    radial = (mesh.vertices - [0.0, 0.0, 0.4])[mesh.faces] / 0.4
    assert np.einsum("fki,fki->fk", mesh.corner_normals, radial).min() > (0.999 if said else 0.98)


def test_the_program_s_jar(tmp_path: Path) -> None:
    """Many models in one folder, each alone; colours that stand in the program; terms at the user's choice."""
    path = tmp_path / "SweetHome3D.jar"
    catalogue = HEAD.replace("Creative Commons Attribution 3.0 license", "GNU GPL / CC-BY 3.0  \xa9 eTeks")
    catalogue += entry(1, id="eTeks#chair", model="/com/x/chair.obj") + entry(2, id="eTeks#chest", name="Chest")
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(JAR_CATALOGUE, catalogue.encode("latin-1"))
        archive.writestr("com/x/chair.obj", obj_text().replace("f ", "usemtl amber\nf ", 1))
        archive.writestr("com/x/huge.obj", "x")
        archive.writestr("LICENSE.TXT", "This program is free software; ...")
        code = b"\xca\xfe\x00newmtl amber\nKd 0.5755 0.2678 0.0000\nillum 1\n\nnewmtl iris\nKd 0 0 1\n\x00rest"
        archive.writestr("com/eteks/sweethome3d/j3d/OBJLoader.class", code)
    library = read_library(path)
    assert library.licence == "CC-BY-3.0 OR GPL-2.0-or-later"
    assert library.passed == {"no nightstand but a cupboard or chest": ("eTeks#chest",)}
    (model,) = read_pieces(library)
    assert isinstance(model, RawModel)
    assert model.materials[0].base_color == pytest.approx((0.5755, 0.2678, 0.0), abs=1e-4)


@pytest.mark.skipif(not JAR.is_file(), reason="Debian's sweethome3d is not installed")
def test_debians_jar() -> None:
    library = read_library(JAR)
    classes = Counter(piece.class_name for piece in library.pieces)
    assert classes == {"chair": 5, "table": 5, "nightstand": 1, "laptop": 1}
    assert len(library.pieces) + len(library.others) + sum(map(len, library.passed.values())) == 100


@pytest.mark.skipif(not DEBIAN.is_dir(), reason="Debian's sweethome3d-furniture is not installed")
def test_debians_libraries(tmp_path: Path) -> None:
    libraries = [read_library(path) for path in sorted(DEBIAN.glob("*.sh3f"))]
    pieces = [piece for library in libraries for piece in library.pieces]
    assert sum(piece.class_name == "chair" for piece in pieces) >= 55
    assert sum(piece.class_name == "table" for piece in pieces) >= 40
    assert {library.licence for library in libraries} == {"CC0-1.0", "CC-BY-3.0", "CC-BY-3.0-US"}
    assert not any(library.refused for library in libraries)
    assert sum(len(names) for library in libraries for names in library.passed.values()) == 42
    bags = read_library(DEBIAN / "BlendSwap-CC-0.sh3f", "bag")
    for piece, model in zip(bags.pieces, read_pieces(bags), strict=True):
        assert isinstance(model, RawModel)
        np.testing.assert_allclose(prepare(model, tmp_path).size, piece.size, atol=2e-3)


OUTSIDE = ("/../../victim.obj", "/a/../../../victim.obj", "//{place}/victim.obj", "..\\..\\victim.obj")


@pytest.mark.parametrize("model", OUTSIDE)
def test_a_catalogue_cannot_reach_outside(tmp_path: Path, model: str) -> None:
    """Of the jar, too, whose models get an MTL file beside them."""
    model = model.format(place=tmp_path)
    (tmp_path / "victim.mtl").write_text("newmtl mine\n")
    path = tmp_path / "Furniture.jar"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(JAR_CATALOGUE, HEAD + entry(1, model=model.replace("\\", "\\\\")))
        archive.writestr("com/eteks/sweethome3d/j3d/OBJLoader.class", b"newmtl wood\nKd 1 0 0\n")
        for name in {model, model.lstrip("/")}:
            archive.writestr(name, obj_text())
    before = set(tmp_path.rglob("*"))
    (result,) = read_pieces(read_library(path))
    assert isinstance(result, Refused) == (".." in model)  # a whole path is one inside the archive
    assert set(tmp_path.rglob("*")) == before
    assert (tmp_path / "victim.mtl").read_text() == "newmtl mine\n"


def test_texts_of_a_library_have_a_limit(tmp_path: Path) -> None:
    path = tmp_path / "large.sh3f"
    for name in (CATALOGUE, "LICENSE.TXT"):
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr(name, bytes(16_000_001))
            if name != CATALOGUE:
                archive.writestr(CATALOGUE, HEAD + entry(1))
        with pytest.raises(ScenegenError, match=f"{name} would unpack to 16 MB"):
            read_library(path)


def test_numbers_and_lengths_of_a_catalogue(tmp_path: Path) -> None:
    """A number of 5,000 digits is none; 20,000 entries take the time of 20,000, not of its square."""
    path = tmp_path / "long.sh3f"
    long = "".join(f"name#{n}=Lamp\nid#{n}=L{n}\n" for n in range(1, 20_001))
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(CATALOGUE, HEAD + f"name#{'9' * 5000}=Chair\nmodel#{'9' * 5000}=/a.obj\n" + long)
    library = read_library(path)
    assert (len(library.others), library.pieces, library.refused) == (20_000, (), ())
