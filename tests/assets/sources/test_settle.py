"""What a file alone does not show is settled by what the other files of its folder show."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from helpers.lying_models import arriving, nightstand
from helpers.model_files import box
from scenegen.assets.prepare.raw_model import RawModel, Refused
from scenegen.assets.sources.files import agreement
from scenegen.assets.sources.files.files import ImportOptions, read_files
from scenegen.assets.sources.files.guess import SizeGuess
from scenegen.assets.sources.files.importer import Imported
from scenegen.assets.sources.files.settle import ReadFile, SizedModel, settle_size, settle_up
from scenegen.assets.sources.files.up_axis import UpAxis
from scenegen.core.asset_library import Material, Provenance

SHOWS_LYING = UpAxis("-y", sure=True, shown=True)
SHOWS_STANDING = UpAxis("z", sure=True, shown=True)
SHOWS_NOTHING = UpAxis("z", sure=False, shown=False)
NOTHING = Imported(np.zeros((3, 3)), np.zeros((1, 3), np.int32), np.zeros(1, np.int32), None, None, (), {}, (), ())


def settled(files: Sequence[tuple[str, UpAxis]]) -> dict[str, ReadFile]:
    read = [ReadFile(Path("/lib") / name, name, NOTHING, up, None if up.sure else "not certain") for name, up in files]
    found = list(settle_up(read, lambda _file: True))
    assert len(found) == len(files)
    return {each.name: each for each in found if isinstance(each, ReadFile)}


def test_files_of_one_folder_and_type_decide_for_another() -> None:
    lying = [(f"a/{number}/meshes/m.obj", SHOWS_LYING) for number in range(3)]
    found = settled([("a/x/x.obj", SHOWS_NOTHING), *lying])["a/x/x.obj"]
    assert found.up.axis == "-y"
    assert found.noticed == "up axis guessed: -y, as the other 3 .obj files in a; if that is wrong, give --up z"
    standing = [(f"b/{number}.obj", SHOWS_STANDING) for number in range(3)]
    both = settled([*lying, *standing, ("a/x.obj", SHOWS_NOTHING), ("b/x.obj", SHOWS_NOTHING)])
    assert (both["a/x.obj"].up.axis, both["b/x.obj"].up.axis) == ("-y", "z")


@pytest.mark.parametrize(
    "others",
    [
        [("a/0.obj", SHOWS_LYING), ("a/1.obj", SHOWS_LYING)],  # too few
        [("a/0.obj", SHOWS_LYING), ("a/1.obj", SHOWS_LYING), ("a/2.obj", SHOWS_STANDING)],  # no agreement
        [("a/0.glb", SHOWS_LYING), ("a/1.glb", SHOWS_LYING), ("a/2.glb", SHOWS_LYING)],  # another type
        [("a/0.obj", SHOWS_NOTHING), ("a/1.obj", SHOWS_NOTHING), ("a/2.obj", SHOWS_NOTHING)],
    ],
)
def test_without_agreement_a_file_stays_as_it_is(others: list[tuple[str, UpAxis]]) -> None:
    found = settled([*others, ("a/x.obj", SHOWS_NOTHING)])["a/x.obj"]
    assert found.up == SHOWS_NOTHING
    assert found.noticed == "not certain"


def test_only_so_much_waits_for_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(agreement, "MOST_HELD_BYTES", 2)
    models = [("a", False), ("b", False), ("c", True), ("d", False)]
    found = agreement.undecided_last(models, lambda model: model[1], lambda _model: 1)
    assert [name for name, _ in found] == ["c", "a", "b", "d"]
    monkeypatch.setattr(agreement, "MOST_HELD_BYTES", 1)
    found = agreement.undecided_last(models, lambda model: model[1], lambda _model: 1)
    assert [name for name, _ in found] == ["a", "c", "b", "d"]


def sized(name: str, class_name: str, extents: tuple[float, float, float], guess: SizeGuess) -> SizedModel:
    vertices = np.array([[0.0, 0.0, 0.0], extents]) * guess.scale
    provenance = Provenance("t", "a", "l", "s", "c")
    model = RawModel(
        name,
        class_name,
        "train",
        class_name,
        vertices,
        np.zeros((1, 3), int),
        np.zeros(1, int),
        (Material("m"),),
        provenance,
        warnings=(guess.warning,) if guess.warning else (),
        file_size=extents,
    )
    return SizedModel(Path("/lib/people") / name, model, guess)


def scaled(scale: float) -> SizeGuess:
    return SizeGuess(scale, to_usual=True, warning=f"units unknown: scaled by {scale:.3g}")


def test_people_of_one_author_share_their_scale() -> None:
    """One sits, so its height says another scale than those of the people who stand."""
    standing = [
        sized(f"{n}.fbx", "human", (1.0, 0.7, 1.72 / s), scaled(s)) for n, s in enumerate((0.449, 0.448, 0.452))
    ]
    sitting = sized("sitting.fbx", "human", (1.0, 1.4, 2.97), scaled(0.579))
    found = [each for each in settle_size([sitting, *standing], lambda _file: True) if isinstance(each, RawModel)]
    assert {each.name: round(float(np.ptp(each.vertices[:, 2])), 1) for each in found}["sitting.fbx"] == 1.3
    assert "as most .fbx files in people" in found[0].warnings[0]


def test_the_unit_of_a_folder_is_taken_where_it_gives_a_size_that_may_be() -> None:
    """A stool of 30 cm among chairs in centimetres; a chair of 4 m stays scaled to its usual size."""
    chairs = [
        sized(f"{n}.dae", "chair", (50.0, 50.0, 90.0), SizeGuess(0.01, warning="units guessed: cm")) for n in "abc"
    ]
    low = sized("low.dae", "chair", (35.0, 35.0, 30.0), scaled(0.03))
    huge = sized("huge.dae", "chair", (200.0, 200.0, 400.0), scaled(0.00225))
    found = {
        each.name: each for each in settle_size([low, huge, *chairs], lambda _file: True) if isinstance(each, RawModel)
    }
    assert np.ptp(found["low.dae"].vertices[:, 2]) == pytest.approx(0.3)
    assert "as the other 3 .dae files" in found["low.dae"].warnings[0]
    assert np.ptp(found["huge.dae"].vertices[:, 2]) == pytest.approx(0.9)


def test_a_chest_stands_like_the_nightstands_beside_it(tmp_path: Path) -> None:
    """Real OBJ files with Z up: three show it; the closed box does not. A refused file stays in its place."""
    for number, size in enumerate(((0.45, 0.4, 0.55), (0.5, 0.4, 0.6), (0.4, 0.4, 0.5))):
        made = nightstand().apply_scale(np.divide(size, (0.45, 0.4, 0.55)))
        made.vertices, _ = arriving(made, "z")
        made.export(tmp_path / f"n{number}.obj")
    box((-0.25, -0.2, 0.0), (0.25, 0.2, 0.6)).export(tmp_path / "chest.obj")
    (tmp_path / "empty.obj").write_bytes(b"")
    files = [tmp_path / f"{name}.obj" for name in ("chest", "empty", "n0", "n1", "n2")]
    found = list(read_files(files, ImportOptions("nightstand")))
    assert isinstance(found[0], Refused)
    chest = found[-1]
    assert isinstance(chest, RawModel)
    assert chest.name == "chest"
    np.testing.assert_allclose(np.ptp(chest.vertices, axis=0), (0.5, 0.4, 0.6), atol=1e-6)
    assert any("as the other 3 .obj files" in warning for warning in chest.warnings)
