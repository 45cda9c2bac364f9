"""Which files a model may read, whatever way its format writes a name."""

from __future__ import annotations

from pathlib import Path

import pytest
from scenegen.core.own_files import is_own, names_own, reaches_outside


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """A model's folder, with a secret two folders above and an image in a shared folder beside it."""
    folder = tmp_path / "models" / "chair"
    (folder / "maps").mkdir(parents=True)
    (folder / "maps" / "oak.png").write_bytes(b"x")
    (folder.parent / "textures").mkdir()
    (folder.parent / "textures" / "oak.png").write_bytes(b"x")
    (folder.parent / "letter.txt").write_text("x")
    (tmp_path / "secret.png").write_bytes(b"x")
    (folder / "link.png").symlink_to(tmp_path / "secret.png")
    (folder / "circle.png").symlink_to(folder / "circle.png")
    return folder


OWN = (
    "maps/oak.png",
    "maps\\oak.png",
    "./maps/../maps/oak.png",
    "not there yet.png",
    "maps/oak.png?version=2",
    "oak%20and%20ash.png",
    "../textures/oak.png",
    "../Textures/oak.png",
    "..\\textures\\oak.png",
    "../materials/textures/oak.png",
    "data:image/png;base64,AAAA",
    "DATA:application/octet-stream;base64,AA/../../..",
)
OUTSIDE = (
    "../letter.txt",
    "../../secret.png",
    "..\\..\\secret.png",
    "maps/../../../secret.png",
    "%2e%2e/%2e%2e/secret.png",
    "..%2f..%2fsecret.png",
    "..%5c..%5csecret.png",
    "a?/../../../secret.png",
    "a#/../../../secret.png",
    "a%3f/../../../secret.png",
    '"../../secret.png"',
    " ../../secret.png",
    "/etc/hostname",
    "%2fetc%2fhostname",
    "//server/share/oak.png",
    "\\\\server\\share\\oak.png",
    "C:\\Users\\jo\\oak.png",
    "c:/oak.png",
    "file:///etc/hostname",
    "file:../../secret.png",
    "FILE://localhost/etc/hostname",
    "file%3a///etc/hostname",
    "http://example.com/oak.png",
    "https:oak.png",
    "../textures",
    "../textures/../letter.txt",
    "link.png",
    "circle.png",
    "zero\0byte.png",
)


@pytest.mark.parametrize("named", OWN)
def test_its_own_files(model: Path, named: str) -> None:
    assert names_own(named, model)
    assert not reaches_outside(named, model)


@pytest.mark.parametrize("named", OUTSIDE)
def test_files_of_others(model: Path, named: str) -> None:
    assert not names_own(named, model)


def test_only_what_is_there_can_be_read(model: Path) -> None:
    """Real exports name files of the machine that they come from: those harm nobody."""
    assert {named for named in OUTSIDE if reaches_outside(named, model)} == {
        named for named in OUTSIDE if "secret" in named or "hostname" in named or "letter" in named
    } | {"link.png"}
    for harmless in (
        "C:\\Users\\jo\\oak.png",
        "/home/jo/oak.mtl",
        "/World/Chair",
        "../../no.png",
        "http://x.com/a.png",
    ):
        assert not reaches_outside(harmless, model)


def test_a_base_other_than_the_folder(model: Path) -> None:
    assert names_own("../oak.png", model, model / "maps")
    assert not names_own("../../../secret.png", model, model / "maps")
    assert reaches_outside("../../../secret.png", model, model / "maps")


def test_a_shared_folder_that_is_a_link(model: Path) -> None:
    (model.parent / "images").symlink_to("/etc")
    assert not is_own(model.parent / "images" / "hostname", model)
    assert is_own(model / "x.png", model)
