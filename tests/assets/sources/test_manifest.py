"""The manifests that are shipped, and those that users write."""

from __future__ import annotations

import json
import re
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from scenegen.assets.sources.sketchfab.manifest import read_manifest, select, shipped
from scenegen.core.errors import UsageError
from scenegen.core.preset.preset_file import load_preset

FOLDER = Path(__file__).parents[3] / "assets_manifest"
A, B, C = ("a" * 32, "b" * 32, "c" * 32)


def body(name: str) -> dict[str, Any]:
    return dict(json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8")))


@pytest.mark.parametrize("name", shipped())
def test_a_shipped_manifest_holds_to_the_schema_and_to_its_word(name: str) -> None:
    schema = json.loads((FOLDER / "schema.json").read_text(encoding="utf-8"))
    Draft202012Validator.check_schema(schema)
    Draft202012Validator(schema).validate(body(name))
    manifest = read_manifest(name)
    assert manifest.faults == ()
    models = body(name)["models"]
    uids = [model["uid"] for model in models]
    assert len(set(uids)) == len(uids)
    assert len({uid[:12] for uid in uids}) == len(uids)  # which names the assets
    assert all(re.fullmatch("[0-9a-f]{32}", uid) for uid in uids)
    for key, count in manifest.want.items():
        assert len(manifest.models[key]) >= 1.5 * count, key  # the spares


def test_the_studio_has_the_numbers_of_the_paper() -> None:
    want = read_manifest("studio").want
    train = {"chair": 40, "table": 40, "nightstand": 40, "laptop": 20, "bag": 40, "human": 10}
    assert {key[0]: count for key, count in want.items() if key[1] == "train"} == train
    assert sum(train.values()) == 190
    assert all(want[name, "test"] >= (5 if name == "human" else 10) for name in train)
    assert set(train) == {rule.name for rule in load_preset("studio").rules}


def test_no_author_and_no_series_of_names_is_on_both_sides() -> None:
    for name in shipped():
        sides: dict[tuple[str, str], set[str]] = {}
        for model in body(name)["models"]:
            series = re.sub(r"[\d\W_]+", " ", model.get("name", "")).strip().lower()
            for mark in (("author", model.get("author", "").lower()), (model["class"], series)):
                if mark[1]:
                    sides.setdefault(mark, set()).add(model["split"])
        assert not [mark for mark, splits in sides.items() if len(splits) > 1]


def test_people_are_on_the_same_side_in_both_manifests() -> None:
    split = {name: {m["uid"]: m["split"] for m in body(name)["models"]} for name in shipped()}
    both = split["studio"].keys() & split["street"].keys()
    assert len(both) == 30
    assert all(split["studio"][uid] == split["street"][uid] for uid in both)


def test_proxies_say_what_they_are() -> None:
    models = body("studio")["models"]
    proxies = Counter(model["class"] for model in models if "proxy" in model)
    assert set(proxies) == {"nightstand"}
    assert all(model["reason"] for model in models if "proxy" in model)
    dressers = [m for m in models if m["class"] == "nightstand" and "dresser" in m["evidence"] and "name" not in m]
    assert dressers
    assert all(m["proxy"] for m in dressers)


def write(folder: Path, models: list[Any], **more: Any) -> str:
    file = folder / "mine.json"
    file.write_text(json.dumps({"format": "scenegen-manifest/1", "models": models, **more}))
    return str(file)


def model(uid: str, **more: Any) -> dict[str, Any]:
    return {"uid": uid, "class": "chair", "split": "train", **more}


def test_faults_name_their_entry_and_the_rest_goes_on(tmp_path: Path) -> None:
    models = [
        model(A),
        model("X" * 32),
        model(B, **{"class": "chiar"}),
        model(A, split="test"),
        {"uid": C, "class": "chair"},
        model(C, split="val"),
        "nonsense",
        model(C, color="red"),
        model(B, proxy=True),
    ]
    manifest = read_manifest(write(tmp_path, models))
    assert [entry.uid for entry in manifest.models["chair", "train"]] == [A]
    faults = "\n".join(manifest.faults)
    assert len(manifest.faults) == 8
    assert f'models[1] ({"X" * 32}): uid: "{"X" * 32}" is not 32 hexadecimal digits' in faults
    assert f"models[2] ({B}): unknown class 'chiar'; known: bag, " in faults
    assert f"models[3] ({A}): the same uid as models[0]" in faults
    assert f"models[4] ({C}): 'split' is a required property" in faults
    assert '"val" is not "train" or "test"' in faults
    assert 'models[6]: "nonsense" is not an object with "uid", "class" and "split"' in faults
    assert "'color' was unexpected" in faults
    assert "'reason' is a dependency of 'proxy'" in faults
    # what cannot be used is still wanted, so that it counts as missing
    assert manifest.want == {("chair", "train"): 4, ("chair", "test"): 1}


def test_the_example_of_the_documentation_works(tmp_path: Path) -> None:
    text = (FOLDER.parent / "docs" / "assets" / "sketchfab.md").read_text(encoding="utf-8")
    (tmp_path / "mine.json").write_text(text[text.index("    {\n") : text.index("    }\n") + 6])
    manifest = read_manifest(str(tmp_path / "mine.json"))
    assert manifest.faults == ()
    assert manifest.want == {("chair", "train"): 2, ("chair", "test"): 1}
    assert len(manifest.models["chair", "train"]) == 3  # one is spare


def test_without_want_every_model_is_wanted(tmp_path: Path) -> None:
    path = write(tmp_path, [model(A), model(B, height=0.9, front="x", up="y"), model(C, split="test")])
    manifest = read_manifest(path)
    assert manifest.want == {("chair", "train"): 2, ("chair", "test"): 1}
    assert (manifest.models["chair", "train"][1].height, manifest.models["chair", "train"][1].front) == (0.9, "x")
    test = select(manifest, "chair", "test")
    assert (list(test.want), [e.uid for e in test.models["chair", "test"]]) == ([("chair", "test")], [C])
    with pytest.raises(UsageError, match="no class 'table'; its classes: chair"):
        select(manifest, "table", None)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("{", "not JSON"),
        ("[" * 100_000, "not JSON"),
        ("[]", '[] is not an object with "format" and "models"'),
        ('{"models": []}', "'format' is a required property"),
        ('{"format": "other", "models": []}', '"other" is not "scenegen-manifest/1"'),
        ('{"format": "scenegen-manifest/1", "models": {}}', "{} is not a list of models"),
        (
            '{"format": "scenegen-manifest/1", "models": [], "want": {"chair": {"train": -1}}}',
            "want.chair.train: -1 is not a whole number",
        ),
    ],
)
def test_what_is_no_manifest_is_refused_in_one_line(tmp_path: Path, text: str, says: str) -> None:
    (tmp_path / "mine.json").write_text(text)
    with pytest.raises(UsageError) as error:
        read_manifest(str(tmp_path / "mine.json"))
    assert says in str(error.value)
    assert "\n" not in str(error.value)


def test_a_name_that_is_neither_file_nor_shipped(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="name a manifest file, or one of: street, studio"):
        read_manifest(str(tmp_path / "none"))
