"""`scenegen assets credits`: whom the licences ask to name, for a library and for a data set."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest
from helpers.assets_command import run
from helpers.box_scenes import box_asset
from scenegen.core.dataset.credits import Credit, credits_text, scene_credits, write_credits
from scenegen.core.dataset.reading import Dataset
from scenegen.core.errors import ScenegenError

LAMP = Credit("a", "bag", "Bag [1]*", "Jo_Doe", "CC-BY-4.0", "https://sketchfab.com/3d-models/" + "0" * 32)
OTHER = Credit("b", "bag", "Sack", "Ann", "CC0-1.0", "sack.glb")
BUILT_IN = [
    Credit(f"c{n}", "chair", f"chair {n}", "scenegen", "CC0-1.0", "scenegen parametric chair") for n in range(3)
]


def test_text_markdown_and_json() -> None:
    given = [LAMP, OTHER, *BUILT_IN]
    assert credits_text(given) == (
        "CC-BY-4.0 (https://creativecommons.org/licenses/by/4.0/)\n\n"
        f'  "Bag [1]*" by Jo_Doe, {LAMP.source}, modified\n\n'
        "CC0-1.0 (https://creativecommons.org/publicdomain/zero/1.0/)\n\n"
        '  "Sack" by Ann, sack.glb, modified\n'
        "  built-in models by scenegen, scenegen parametric chair\n"
    )
    markdown = credits_text(given, "markdown")
    assert f"- [Bag \\[1\\]\\*]({LAMP.source}) by Jo\\_Doe, modified\n" in markdown
    assert "## CC-BY-4.0\n\n<https://creativecommons.org/licenses/by/4.0/>\n\n" in markdown
    entries = json.loads(credits_text(given, "json"))
    assert len(entries) == 5
    assert entries[0] == {
        "name": "a",
        "class": "bag",
        "title": "Bag [1]*",
        "author": "Jo_Doe",
        "licence": "CC-BY-4.0",
        "source": LAMP.source,
        "licence_url": "https://creativecommons.org/licenses/by/4.0/",
        "changes": "scaled, turned, cleaned and reduced",
    }


def test_a_data_set_names_what_its_scenes_show(box_set: Path) -> None:
    done = run("credits", box_set, "--format", "json")
    assert done.returncode == 0, done.stderr
    entries = {entry["name"]: entry for entry in json.loads(done.stdout)}
    shown = {thing.asset: thing.class_name for scene in Dataset(box_set) for thing in scene.objects}
    assert len(shown) > 1
    assert {name: entry["class"] for name, entry in entries.items() if entry["class"]} == shown
    assert all(entry["licence"] and entry["author"] for entry in entries.values())


def test_a_folder_that_is_no_data_set(tmp_path: Path) -> None:

    for path in (tmp_path, tmp_path / "none"):
        done = run("credits", path)
        assert (done.returncode in (1, 2), done.stderr.count("\n")) == (True, 1)


def test_credits_of_another_form_name_their_place(box_copy: Path) -> None:
    file = box_copy / "scenes" / "scene_000000" / "scene.json"
    body = json.loads(file.read_text(encoding="utf-8"))
    assert {credit.author for credit in scene_credits(Dataset(box_copy)[0])} == {"nobody"}
    for credits, place in (
        ([{"asset": "chair_box"}], r"credits\[0\]\.title: is missing"),
        ("nobody", "credits: expected a list"),
    ):
        file.write_text(json.dumps({**body, "credits": credits}), encoding="utf-8")
        with pytest.raises(ScenegenError, match=rf"scene\.json: damaged \({place}.*copy it again"):
            scene_credits(Dataset(box_copy)[0])
    del body["credits"]
    file.write_text(json.dumps(body), encoding="utf-8")
    assert scene_credits(Dataset(box_copy)[0]) == []


def test_titles_cannot_forge_credits(tmp_path: Path) -> None:
    """New lines of all kinds, a terminal's codes, and Markdown in a title or an address stay one line of text."""
    ends = "".join(("\n", "\r\n", "\x0b", "\x0c", "\x1c", "\x85", "\u2028", "\u2029", "\x1b]0;x\x07", "\x00"))
    forged = f'Sack" by Ann{ends}  "Crown" by Nobody, CC0-1.0'
    one = Credit("a", "bag", forged, forged, f"CC-BY-4.0{ends}## CC0-1.0", f"https://x.org/a) [b](https://y.org{ends}")
    for form in ("text", "markdown"):
        text = credits_text([one], form)
        assert len([line for line in text.splitlines() if "Crown" in line]) == 1
        assert not set(ends) - {"\n", " ", "0", ";", "x", "]"} & set(text)
        assert len([line for line in text.split("\n") if line.startswith("##")]) == (form == "markdown")
    assert "](https://x.org/a%29%20" in credits_text([one], "markdown")
    assert json.loads(credits_text([one], "json"))[0]["title"].count("\n") == 0


def test_credits_of_a_library_are_one_line_each(tmp_path: Path) -> None:
    asset = box_asset("chair")
    forged = dataclasses.replace(asset.provenance, title='chair" by Ann\nother_chair: "Crown')
    write_credits(tmp_path, [dataclasses.replace(asset, provenance=forged)])
    lines = (tmp_path / "CREDITS.txt").read_text().splitlines()
    assert len(lines) == 3
    assert lines[2].startswith(f'{asset.name}: "chair" by Ann other_chair: "Crown" by ')
