"""One field of Request is one edit: both command lines, the way into Blender and dataset.json follow from it."""

from __future__ import annotations

import argparse
import dataclasses
import json
import pickle
import subprocess
import sys
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner
from helpers.box_scenes import CLASSES, GRID
from scenegen.cli.generate import generate
from scenegen.cli.request_options import request_options, to_request
from scenegen.core.dataset.info import DatasetInfo, check_dataset_json, read_dataset_json
from scenegen.core.dataset.request import (
    Request,
    Resources,
    for_blender,
    from_record,
    local_folder,
    to_record,
)
from scenegen.core.errors import ScenegenError, UsageError
from scenegen.core.options import add_arguments, check_options, flag, from_arguments, option, options_of, to_argv
from scenegen.core.scene.scene import GridSpec, NamedGrid

UNUSUAL: dict[str, Any] = {
    "preset": "street",
    "out": Path("/data/a set"),
    "scenes": 7,
    "seed": 3,
    "split": "test",
    "quality": "draft",
    "views": 12,
    "variation": ("lights", "noise", "jpeg"),
    "depth_unit": 10,
    "normals": True,
    "with_room": True,
    "grid": (NamedGrid("ssc", GridSpec((-2.4, -2.4, 0.0), 0.08, (60, 60, 36))),),
    "ego": (
        NamedGrid("near", GridSpec((0.0, -6.4, -0.4), 0.2, (64, 64, 32)), ego=True),
        NamedGrid("far", GridSpec((1e-7, -40.0, -1.0), 1 / 3, (200, 200, 16)), ego=True),
    ),
    "device": "cuda",
    "assets": Path("/models"),
    "workers": 5,
    "per_gpu": 2,
    "scheduler": "tcp://host:1",
    "blender": "/opt/blender",
    "dashboard": ":8787",
}
"""A value of every option that is not its default."""


@dataclasses.dataclass(frozen=True)
class RequestWithFog(Request):
    """Request and one more field, as a developer would add it."""

    fog: int = option(2, "Thickness of the fog.", parse=int, metavar="F", at_least=0, recorded=True)


def through_argv(kind: type[Any], record: Any) -> Any:
    parser = argparse.ArgumentParser(exit_on_error=False)
    add_arguments(parser, kind)
    return from_arguments(kind, parser.parse_args(to_argv(record)))


def test_a_blender_without_numpy_says_its_options() -> None:
    code = "import sys, scenegen.core.dataset.request; sys.exit('numpy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_every_field_is_named_here() -> None:
    assert set(UNUSUAL) == {each.name for each, _ in options_of(Request)}
    assert {each.name for each in dataclasses.fields(Request)} - set(UNUSUAL) == {"pack"}
    assert all(value != getattr(Request(), name) for name, value in UNUSUAL.items())


def test_every_field_is_an_option_of_both_command_lines() -> None:
    parser = argparse.ArgumentParser()
    add_arguments(parser, Request)
    of_blender = {action.option_strings[0]: action for action in parser._actions}
    of_scenegen = {parameter.opts[0]: parameter for parameter in generate.params}
    for each, details in options_of(Request):
        name = flag(each.name)
        assert of_scenegen[name].help == details.help  # type: ignore[attr-defined]
        assert (name in of_blender) == (not details.driver)
        if not details.driver:
            assert (of_blender[name].help or "").startswith(details.help)
    assert "--pack" in of_scenegen


def test_a_request_reaches_blender_as_it_is() -> None:
    request = Request(**UNUSUAL)
    driver = {each.name: each.default for each, details in options_of(Request) if details.driver}
    assert through_argv(Request, request) == dataclasses.replace(request, **driver)
    assert through_argv(Request, Request()) == Request()
    for name, value in UNUSUAL.items():
        alone = Request(**{name: value})
        assert through_argv(Request, alone) == (Request() if name in driver else alone)
    assert pickle.loads(pickle.dumps(request)) == request
    resources = Resources(threads=2, gpu=0)
    assert through_argv(Resources, resources) == resources


def test_a_new_field_is_one_edit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("scenegen.core.dataset.request.Request", RequestWithFog)
    monkeypatch.setattr("scenegen.cli.request_options.Request", RequestWithFog)
    request = RequestWithFog(scenes=2, assets=Path("/models"), variation=(), fog=5)
    assert to_argv(request)[-2:] == ["--fog", "5"]
    assert through_argv(RequestWithFog, request) == request
    command = request_options()(click.Command("generate"))
    assert "--fog" in {parameter.opts[0] for parameter in command.params}
    with pytest.raises(UsageError, match=r"^--fog -1: ask for at least 0$"):
        check_options(RequestWithFog(fog=-1))
    info = DatasetInfo(request, "p", "l", CLASSES, GRID, None)
    check_dataset_json(tmp_path, info)
    assert json.loads((tmp_path / "dataset.json").read_text())["fog"] == 5
    with pytest.raises(ScenegenError, match="made with fog 5, now asked for 6"):
        check_dataset_json(tmp_path, dataclasses.replace(info, request=dataclasses.replace(request, fog=6)))


def test_dataset_json_holds_what_was_asked_for(tmp_path: Path) -> None:
    request = for_blender(Request(**UNUSUAL))
    recorded = from_record(json.loads(json.dumps(to_record(request))))
    assert from_record(to_record(request)) == recorded
    for each, details in options_of(Request):
        assert getattr(recorded, each.name) == (getattr(request, each.name) if details.recorded else each.default)
    assert set(to_record(request)) == {
        *("preset", "scenes", "seed", "split", "quality", "views", "variation", "depth_unit", "normals"),
        *("with_room", "library"),
    }


def test_options_that_came_later_are_written_where_they_are_used(tmp_path: Path) -> None:
    info = DatasetInfo(Request(assets=Path("/models")), "p", "l", CLASSES, GRID, None)
    check_dataset_json(tmp_path, info)
    assert "depth_unit" not in json.loads((tmp_path / "dataset.json").read_text())
    other = dataclasses.replace(info, request=dataclasses.replace(info.request, depth_unit=10))
    with pytest.raises(ScenegenError, match="made with depth_unit 1, now asked for 10"):
        check_dataset_json(tmp_path, other)
    check_dataset_json(tmp_path / "far", other)
    assert read_dataset_json(tmp_path / "far").request.depth_unit == 10
    with pytest.raises(ScenegenError, match="made with depth_unit 10, now asked for 1"):
        check_dataset_json(tmp_path / "far", info)


def test_an_older_dataset_json_is_read_and_continued(tmp_path: Path) -> None:
    """As version 0.1.0 wrote it, key by key."""
    older = {
        "format": "scenegen-dataset/1", "preset": "studio", "preset_checksum": "p", "seed": 4, "split": "train",
        "quality": "draft", "library_checksum": "l", "classes": ["chair"],
        "grid": {"origin": [0.0, 0.0, 0.0], "voxel_size": 0.1, "shape": [2, 3, 4]},
        "frustum": {"near": 0.5, "far": 7.0, "size": [8, 8, 8], "hfov_deg": 60.0},
        "scenes": 2, "library": "/models", "blender": ["4.5.0"], "views": None, "variation": ["noise"],
        "scenegen": "0.1.0",
    }  # fmt: skip
    (tmp_path / "dataset.json").write_text(json.dumps(older))
    (tmp_path / "scenes").mkdir()
    info = read_dataset_json(tmp_path)
    assert info.request == Request(scenes=2, seed=4, quality="draft", variation=("noise",), assets=Path("/models"))
    more = dataclasses.replace(info, request=dataclasses.replace(info.request, scenes=9, assets=Path("/moved")))
    check_dataset_json(tmp_path, more)
    assert json.loads((tmp_path / "dataset.json").read_text()) == {**older, "scenes": 9}


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"scenes": 0}, "--scenes 0: ask for at least 1"),
        ({"scenes": 10**9}, "--scenes 1000000000: ask for at most 100000000"),
        ({"split": "holdout"}, "--split holdout: take train or test"),
        ({"quality": "best"}, "--quality best: take draft, standard or high"),
        ({"depth_unit": 0}, "--depth-unit 0: ask for at least 1"),
        ({"depth_unit": 101}, "--depth-unit 101: ask for at most 100"),
        ({"device": "abacus"}, "--device abacus: take auto, cpu, optix, cuda, hip, metal or oneapi"),
        ({"per_gpu": 0}, "--per-gpu 0: ask for at least 1"),
    ],
)
def test_values_that_make_no_sense_are_one_line(options: dict[str, Any], said: str) -> None:
    with pytest.raises(UsageError) as refused:
        check_options(Request(**options))
    assert str(refused.value) == said


def test_variation_is_given_as_text_or_as_names() -> None:
    names = ("lights", "noise")
    assert for_blender(Request(variation="noise,lights")) == for_blender(Request(variation=names))
    assert Request(variation="none").kinds_of_variation == Request(variation=()).kinds_of_variation == ()
    assert Request().kinds_of_variation == Request(variation="all").kinds_of_variation
    for wrong in ("light", ("light",)):
        with pytest.raises(UsageError, match=r"^--variation: 'light' does not vary"):
            for_blender(Request(variation=wrong))


def test_places() -> None:
    studio = Path("data/studio")
    assert (Request().folder, Request(preset="/my/presets/loft.toml").folder) == (studio, Path("data/loft"))
    stored = Request(out="s3://bucket/studio")
    assert (stored.url, stored.folder) == ("s3://bucket/studio", local_folder("s3://bucket/studio"))
    assert Request(out="a/b").url is None
    resolved = for_blender(Request(preset="mine.toml", out=Path("a"), assets=Path("b")))
    assert all(Path(str(place)).is_absolute() for place in (resolved.preset, resolved.out, resolved.assets))
    assert resolved == for_blender(resolved)


def test_the_command_line_of_scenegen_makes_the_same_request(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[Request] = []

    def stop(request: Request, *_: object) -> None:
        seen.append(request)
        raise UsageError("seen")

    monkeypatch.setattr("scenegen.generate.generate.generate", stop)
    request = Request(**UNUSUAL)
    driver = [part for name in ("workers", "per_gpu", "scheduler", "blender", "dashboard")
              for part in (flag(name), str(UNUSUAL[name]))]  # fmt: skip
    CliRunner().invoke(generate, [*to_argv(request), *driver])
    assert seen == [request]
    assert to_request({"out": "s3://bucket/x", "pack": None}).url == "s3://bucket/x"
