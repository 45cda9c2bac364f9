"""What is fuzzed: of every kind of file, how to make one and all that reads it in this process."""

from __future__ import annotations

import gzip
import json
import shutil
import tarfile
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path
from random import Random
from typing import NamedTuple

import numpy as np
import pycolmap
import torch
from PIL import Image
from scenegen import Dataset
from scenegen.assets.curate.dropped import read_dropped
from scenegen.assets.sources.archive import unpack
from scenegen.assets.sources.files.gltf import count_triangles, named_origin
from scenegen.assets.sources.shapenet import read_tree
from scenegen.assets.sources.sketchfab.manifest import read_manifest
from scenegen.assets.sources.sweethome import read_library
from scenegen.core.asset_library import list_assets, read_mesh, with_fingerprint
from scenegen.core.dataset.fingerprints import write_fingerprints
from scenegen.core.dataset.run_lock import run_lock
from scenegen.core.dataset.shards import Packing, block_bytes, read_index, write_index
from scenegen.core.dataset.timings import append_timings
from scenegen.core.errors import ScenegenError
from scenegen.core.preset.preset_file import PRESETS, load_preset
from scenegen.core.scene import classes
from scenegen.core.toml_table import read_toml
from scenegen.generate.run_report import write_report
from scenegen.steps.exchange.export import export
from scenegen.steps.importing.class_names import read_class_names
from scenegen.steps.importing.colmap_model import read_model
from scenegen.steps.importing.meshes import read_meshes
from scenegen.steps.importing.scannet_scan import nyu40_classes, read_scan
from scenegen.steps.importing.sens import read_sens
from scenegen.steps.pack import check_shards, pack
from scenegen.steps.preview.sheets import write_preview
from scenegen.steps.relabel import GridChange, relabel
from scenegen.steps.shard_writing import write_shard
from scenegen.steps.stats import stats
from scenegen.steps.verify.verify import verify
from scenetrain.data.scenes import open_split
from scenetrain.evaluation.evaluate import open_scenes
from scenetrain.inference.photographs import read_photograph
from scenetrain.networks.settings import load_config
from scenetrain.report.plots import plot_stages
from scenetrain.report.report import _read_stages
from scenetrain.search.search import TrialResult, _read_journal
from scenetrain.training.fit import _read_checkpoint
from scenetrain.training.run_folder import begin_run, load_model, read_stage_result, save_model

from helpers.box_scenes import write_box_dataset, write_box_library
from helpers.colmap_files import camera, write_model
from helpers.colmap_files import write_boxes as write_labelled_boxes
from helpers.damage import harm
from helpers.scannet_files import write_scan
from helpers.trainer_boxes import BOX, small_config, trained_model, write_boxes


class Kind(NamedTuple):
    """`make` writes files into a folder and returns those to harm; `read` reads them all, `random` choosing how."""

    make: Callable[[Path], Sequence[Path]]
    read: Callable[[Path, Random], None]


def make_dataset(folder: Path) -> list[Path]:
    library = folder / "library"
    assets = write_box_library(library)
    out = write_box_dataset(folder / "set", 2)
    write_fingerprints(out, assets)
    append_timings(out, 0, {"render": 3.0, "labels": 0.5})
    scene = out / "scenes" / "scene_000001"
    return [*out.glob("*.json"), *out.glob("*.csv"), *[scene / "scene.json"] * 8, *sorted(scene.iterdir())]


def read_dataset(folder: Path, random: Random) -> None:
    source, library, aside = folder / "set", folder / "library", folder / "aside"
    try:
        act = random.choice(("verify", "stats", "preview", "pack", "coco", "bop", "glb", "voxelize", "open"))
        if act == "verify":
            verify(source, assets=random.choice((None, library)))
        elif act == "stats":
            stats(source)
        elif act == "preview":
            write_preview(source, aside)
        elif act == "pack":
            pack(source, aside, Packing("png", 95, maps=True, shard_mb=1.0))
        elif act == "voxelize":
            shutil.copytree(source, aside)
            relabel(aside, grids=[GridChange((20, 24, 16))], assets=library)
        elif act == "open":
            open_split(source, "train", BOX, 3)
        else:
            export(source, aside, act, assets=library)
    finally:
        for path in (aside, *folder.glob(".aside.*")):
            shutil.rmtree(path, ignore_errors=True)


def make_packed(folder: Path) -> list[Path]:
    write_box_dataset(folder / "set", 1)
    pack(folder / "set", folder / "packed", Packing("png", 95, maps=True, shard_mb=1.0))
    shutil.rmtree(folder / "set")
    return [folder / "packed" / name for name in ("index.json", "index.json", "dataset.json", "shard-000000.tar")]


def read_packed(folder: Path, random: Random) -> None:
    out = folder / "packed"
    if random.random() < 0.3:
        verify(out)
        check_shards(out)
    for scene in Dataset(out):
        for k in range(3):
            _ = (scene.image(k), scene.depth_mm(k), scene.instance(k), scene.frustum(k))
        _ = (scene.masks, scene.occupancy, scene.scene)


def harm_inside_shard(folder: Path, random: Random) -> None:
    """Harm one member of a shard, and make the checksums right."""
    out = folder / "packed"
    packing, (shard,) = read_index(out)
    with tarfile.open(out / shard.file) as archive:
        members = {info.name.partition(".")[2]: archive.extractfile(info).read() for info in archive}  # type: ignore[union-attr]
    name = random.choice(sorted(members))
    if name == "scene.json.gz" and random.random() < 0.8:
        members[name] = gzip.compress(harm(gzip.decompress(members[name]), "scene.json", random))
    else:
        members[name] = harm(members[name], name, random)
    write_index(out, packing, [write_shard(out, 0, [(0, block_bytes(0, members))])])


def make_library(folder: Path) -> list[Path]:
    write_box_library(folder / "library")
    (folder / "library" / "dropped.jsonl").write_text('{"name": "a", "class": "chair", "why": "c"}\n' * 2)
    table = folder / "library" / "table_box"
    return [*[table / "asset.json"] * 3, table / "mesh.npz", folder / "library" / "dropped.jsonl"]


def read_library_folder(folder: Path, random: Random) -> None:
    read_dropped(folder / "library")
    for asset in list_assets(folder / "library"):
        read_mesh(asset)
        with_fingerprint(asset)


def make_presets(folder: Path) -> list[Path]:
    for file in (*PRESETS.glob("*.toml"), classes.CLASSES_FILE):
        shutil.copyfile(file, folder / file.name)
    return sorted(folder.glob("*.toml"))


def read_presets(folder: Path, random: Random) -> None:
    table = read_toml(folder / "classes.toml", "table of classes")
    for name in list(table.body):
        classes._read_class(name, table.table(name))
    for file in folder.glob("*.toml"):
        if file.name != "classes.toml":
            load_preset(file)


HEAD = "epoch,train_loss,val_loss,val_iou,val_threshold,learning_rate,seconds\n"
EPOCHS = "0,0.5,0.4,0.3,0.5,0.001,2.0\n1,0.4,0.3,0.4,0.5,0.001,2.0\n"


def make_run(folder: Path) -> list[Path]:
    run, config = folder / "run", small_config()
    write_boxes(folder / "data", 12)
    train, validation = (open_split(folder / "data", split, BOX, 3) for split in ("train", "validation"))
    begin_run(run, config, train, validation, leader=True)
    save_model(run, trained_model(config, 0.4, 0.6))
    (run / "one").mkdir()
    done = {"stage": "one", "epochs": 2, "best_epoch": 1, "validation_loss": 0.3, "threshold": 0.5, "overall": 0.4}
    (run / "one" / "done.json").write_text(json.dumps({**done, "seconds": 4.0}))
    (run / "one" / "metrics.csv").write_text(HEAD + EPOCHS)
    state = {f"model.{key}": value for key, value in trained_model(config, 0.4, 0.6).model.state_dict().items()}
    torch.save({"state_dict": state, "callbacks": {"EpochTable": {"rows": []}}}, run / "one" / "last.ckpt")
    trial = TrialResult("a", "segmenter", "start", {"dropout": 0.1}, 0.5, 0.4, 0.3, 2, 5.0)
    (run / "journal.jsonl").write_text(json.dumps(vars(trial)) + "\n")
    return [path for path in run.rglob("*") if path.is_file()]


def read_run(folder: Path, random: Random) -> None:
    run, config = folder / "run", small_config()
    train, validation = (open_split(folder / "data", split, BOX, 3) for split in ("train", "validation"))
    if random.random() < 0.5:
        trained = load_model(run, torch.device("cpu"))
        open_scenes(trained, folder / "data", "train")
        _read_checkpoint(run / "one" / "last.ckpt", trained.model)
    begin_run(run, config, train, validation, leader=True)
    load_config(str(run / "config.toml"), ())
    read_stage_result(run, "one")
    _read_journal(run)

    class Stage(NamedTuple):
        name: str = "one"
        title: str = "One"

    plot_stages(_read_stages(run, [Stage()]))  # type: ignore[list-item]


def make_archives(folder: Path) -> list[Path]:
    body = {"asset": {"version": "2.0", "extras": {"title": "a", "author": "b"}}, "nodes": [{"mesh": 0}]}
    body |= {"meshes": [{"primitives": [{"attributes": {"POSITION": 0}}]}], "accessors": [{"count": 3}]}
    (folder / "scene.gltf").write_text(json.dumps(body))
    with zipfile.ZipFile(folder / "model.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("scene.gltf", json.dumps(body))
        archive.writestr("textures/a.png", bytes(1000))
    entry = "id#1=Mine#1\nname#1=Oak chair\ncategory#1=Living room\nmodel#1=/a/chair.obj\nwidth#1=50\ndepth#1=55\n"
    catalogue = f"id=Mine#All\nname=My furniture\n{entry}height#1=90\nmodelRotation#1=0 0 1 0 1 0 -1 0 0\n"
    with zipfile.ZipFile(folder / "library.sh3f", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("PluginFurnitureCatalog.properties", catalogue)
        archive.writestr("a/chair.obj", "v 0 0 0\n")
    (folder / "catalogue.properties").write_text(catalogue)
    model = {"uid": "0" * 32, "class": "chair", "split": "train", "name": "Chair"}
    (folder / "manifest.json").write_text(json.dumps({"format": "scenegen-manifest/1", "models": [model]}))
    shapenet = folder / "shapenet"
    (shapenet / "03001627" / "abc" / "models").mkdir(parents=True)
    (shapenet / "03001627" / "abc" / "models" / "model_normalized.obj").touch()
    taxonomy = [{"synsetId": "03001627", "name": "chair", "children": ["03001628"], "numInstances": 3}]
    (shapenet / "taxonomy.json").write_text(json.dumps(taxonomy))
    (shapenet / "all.csv").write_text("id,synsetId,subSynsetId,modelId,split\n1,03001627,03001628,abc,train\n")
    (folder / "events.jsonl").write_text('{"time": "now", "run": "a", "event": "start", "scene": 3}\n' * 2)
    return [path for path in folder.rglob("*") if path.is_file() and path.suffix != ".obj"]


def read_archives(folder: Path, random: Random) -> None:
    count_triangles(folder / "scene.gltf")
    named_origin(folder / "scene.gltf")
    write_report(folder, np.zeros(5, bool))
    (folder / "report.json").unlink()
    with zipfile.ZipFile(folder / "again.sh3f", "w") as archive:
        archive.write(folder / "catalogue.properties", "PluginFurnitureCatalog.properties")
    acts: list[Callable[[], object]] = [
        lambda: unpack(folder / "model.zip", folder / "unpacked"),
        lambda: read_library(folder / "library.sh3f"),
        lambda: read_library(folder / "again.sh3f"),
        lambda: read_manifest(str(folder / "manifest.json")),
        lambda: read_tree(folder / "shapenet"),
    ]
    for act in acts:
        try:
            act()
        except ScenegenError as error:
            assert "\n" not in str(error)
    shutil.rmtree(folder / "unpacked", ignore_errors=True)


def make_pictures(folder: Path) -> list[Path]:
    pixels = np.random.default_rng(0).integers(0, 255, (40, 50, 3), np.uint8)
    for suffix in ("png", "jpg", "tif", "webp", "gif", "bmp"):
        Image.fromarray(pixels).save(folder / f"picture.{suffix}")
    return sorted(folder.iterdir())


def read_pictures(folder: Path, random: Random) -> None:
    for file in sorted(folder.iterdir()):
        try:
            read_photograph(file)
        except ScenegenError as error:
            assert "\n" not in str(error)


def read_lock(folder: Path, random: Random) -> None:
    with run_lock(folder, watch=0.01):
        pass


def make_lock(folder: Path) -> list[Path]:
    holder = {"machine": "a", "host": "b", "pid": 3, "run": "c", "count": 2}
    (folder / ".lock").write_text(json.dumps(holder).ljust(512))
    return [folder / ".lock"]


def make_recordings(folder: Path) -> list[Path]:
    scan = write_scan(folder)
    pose = {f"{n}.png": pycolmap.Rigid3d() for n in range(3)}
    for text in (False, True):
        model = folder / ("text" if text else "binary")
        write_model(model, camera("OPENCV", [100, 100, 60, 45, 0.1, 0, 0, 0]), pose, text)
    write_labelled_boxes(folder / "boxes.ply")
    (folder / "map.toml").write_text('"office chair" = "chair"\nfloor = "floor"\n')
    (folder / "list.toml").write_text(
        '[[objects]]\nclass = "floor"\nmesh = "boxes.ply"\nmatrix = [[1, 0, 0, 2], '
        "[0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]]\n"
    )
    models = [
        folder / kind / f"{name}{end}"
        for kind, end in (("binary", ".bin"), ("text", ".txt"))
        for name in ("cameras", "images")
    ]
    return [
        *scan.iterdir(),
        *[scan / "scene0000_00.sens"] * 4,
        *models,
        *models,
        *folder.glob("*.t*"),
        folder / "boxes.ply",
    ]


def read_recordings(folder: Path, random: Random) -> None:
    names = read_class_names(folder / "map.toml")
    act = random.choice(("scan", "binary", "text", "list"))
    if act == "scan":
        scan = folder / "scans" / "scene0000_00"
        recording = read_sens(scan / "scene0000_00.sens")
        for frame in recording.frames:
            _ = (recording.depth(frame), recording.colour(frame))
        read_scan(scan, nyu40_classes(folder / "scannetv2-labels.combined.tsv"))
    elif act == "list":
        read_meshes(folder / "list.toml", names)
    else:
        read_model(folder / act)


KINDS: dict[str, Kind] = {
    "dataset": Kind(make_dataset, read_dataset),
    "packed": Kind(make_packed, read_packed),
    "library": Kind(make_library, read_library_folder),
    "presets": Kind(make_presets, read_presets),
    "run": Kind(make_run, read_run),
    "archives": Kind(make_archives, read_archives),
    "pictures": Kind(make_pictures, read_pictures),
    "lock": Kind(make_lock, read_lock),
    "recordings": Kind(make_recordings, read_recordings),
}
