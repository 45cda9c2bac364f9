"""Packed data sets: what Dataset, webdataset, tarfile and np.load read from them; kills and damage."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import os
import shutil
import signal
import subprocess
import sys
import tarfile
import time
from pathlib import Path

import numpy as np
import pytest
from helpers.box_scenes import CLASSES, write_box_dataset, write_box_library
from PIL import Image
from scenegen.core.dataset.folders import scene_path
from scenegen.core.dataset.reading import Dataset
from scenegen.core.dataset.shards import (
    Packing,
    block_bytes,
    pack_masks,
    pack_pairs,
    read_block,
    read_index,
    unpack_masks,
    unpack_pairs,
    write_index,
)
from scenegen.core.errors import ScenegenError, UsageError
from scenegen.steps.pack import check_shards, pack
from scenegen.steps.relabel import relabel
from scenegen.steps.shard_writing import write_shard
from scenegen.steps.stats import stats
from scenegen.steps.verify.verify import verify

SCENES = 3
EXACT = Packing("png", 95, True, 250)
SMALL = Packing("jpeg", 95, False, 250)
# Small enough that every scene gets a shard of its own.
SPLIT_UP = Packing("jpeg", 95, True, 0.001)


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_box_dataset(tmp_path_factory.mktemp("folders") / "set", SCENES)


@pytest.fixture(scope="module")
def exact(folders: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("exact") / "packed"
    assert pack(folders, out, EXACT).made == SCENES
    return out


def contents(path: Path) -> dict[str, bytes]:
    return {p.name: p.read_bytes() for p in path.iterdir()}


def test_a_packed_data_set_reads_like_its_folders(folders: Path, exact: Path) -> None:
    was, now = Dataset(folders), Dataset(exact)
    assert (len(now), now.indices, now.info) == (SCENES, was.indices, was.info)
    for position in (2, 0, -2):
        a, b = was[position], now[position]
        assert b.scene == a.scene
        assert b.scene_json == a.scene_json
        pairs = [(a.occupancy, b.occupancy), (a.masks, b.masks), (a.mask_bits, b.mask_bits), (a.images, b.images)]
        for k in range(len(a.cameras)):
            pairs += [(getattr(a, name)(k), getattr(b, name)(k)) for name in ("frustum", "depth", "instance")]
        for one, other in pairs:
            assert np.asarray(one).dtype == np.asarray(other).dtype
            assert np.array_equal(one, other)


def test_other_programs_read_it(folders: Path, tmp_path: Path) -> None:
    webdataset = pytest.importorskip("webdataset")
    pack(folders, tmp_path / "packed", SMALL)
    shard = tmp_path / "packed" / "shard-000000.tar"
    was = Dataset(folders)
    samples = list(webdataset.WebDataset(str(shard), shardshuffle=False).decode("rgb8"))
    assert [s["__key__"] for s in samples] == [f"scene_{n:06d}" for n in range(SCENES)]
    for sample, stored in zip(samples, was, strict=True):
        assert sample["scene.json.gz"] == json.loads(stored.scene_json)
        error = np.abs(sample["image_1.jpg"].astype(int) - stored.image(1))
        assert error.mean() < 3
        bits = sample["labels.npz"]["masks"]
        for c in range(len(CLASSES)):
            assert np.array_equal(bits >> c & 1, stored.masks[..., c])
    with tarfile.open(shard) as archive:
        names = archive.getnames()
        assert [n.partition(".")[2] for n in names[:5]] == [
            *(f"image_{k}.jpg" for k in range(3)),
            "labels.npz",
            "scene.json.gz",
        ]
        assert {(m.mtime, m.uid, m.gid, m.uname) for m in archive} == {(0, 0, 0, "")}
        labels = np.load(io.BytesIO(archive.extractfile("scene_000002.labels.npz").read()))  # type: ignore[union-attr]
        assert np.array_equal(labels["frusta"][..., 2], was[2].frustum(2))
        text = gzip.decompress(archive.extractfile("scene_000001.scene.json.gz").read())  # type: ignore[union-attr]
        assert text == (scene_path(folders, 1) / "scene.json").read_bytes()


@pytest.mark.parametrize("spec", ["rgb8", "l8", "rgba", "pil", "torchrgb"])
def test_webdataset_reads_the_maps_whole(exact: Path, folders: Path, spec: str) -> None:
    """Whatever its decoder makes of images, depth stays in millimetres, read here from the folders by pillow alone."""
    webdataset = pytest.importorskip("webdataset")
    samples = list(webdataset.WebDataset(str(exact / "shard-000000.tar"), shardshuffle=False).decode(spec))
    assert len(samples) == SCENES
    for n, sample in enumerate(samples):
        for k in range(3):
            for kind in ("depth", "instance"):
                with Image.open(scene_path(folders, n) / f"{kind}_{k}.png") as image:
                    was = np.asarray(image)
                pixels = sample[f"{kind}_{k}.npz"][kind]
                assert (pixels.dtype, pixels.shape) == (np.uint16, was.shape)
                assert np.array_equal(pixels, was)
        assert sample["depth_0.npz"]["depth"].max() > 255


def test_webdataset_reads_the_maps_of_single_views(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    webdataset = pytest.importorskip("webdataset")
    for module in ("scenegen.steps.shard_writing", "scenegen.core.dataset.shards"):
        monkeypatch.setattr(f"{module}.MOST_TOGETHER", 2)
    source = write_box_dataset(tmp_path / "set", 1)
    pack(source, tmp_path / "out", EXACT)
    shard = str(tmp_path / "out" / "shard-000000.tar")
    _, *views = webdataset.WebDataset(shard, shardshuffle=False).decode("rgb8")
    stored = Dataset(source)[0]
    assert [view["__key__"] for view in views] == [f"scene_000000_{k:04d}" for k in range(3)]
    for k, view in enumerate(views):
        assert np.array_equal(view["depth.npz"]["depth"], stored.depth_mm(k))
        assert np.array_equal(view["instance.npz"]["instance"], stored.instance(k))
        assert np.array_equal(Dataset(tmp_path / "out")[0].depth_mm(k), stored.depth_mm(k))


def test_shards_of_format_1_are_read(folders: Path, exact: Path, tmp_path: Path) -> None:
    """They kept depth and instance maps as the folders' own PNG files."""
    ends = {"image": "png", "labels": "npz", "scene": "json.gz"}
    groups = []
    for block in read_index(exact)[1][0].scenes:
        members = read_block(exact / "shard-000000.tar", block)
        files = {f"{stem}.{ends.get(stem.split('_')[0])}": content for stem, content in members.items()}
        for name in [name for name in files if name.startswith(("depth", "instance"))]:
            del files[name]
            png = name.replace(".None", ".png")
            files[png] = (scene_path(folders, block.scene) / png).read_bytes()
        groups.append((block.scene, block_bytes(block.scene, files)))
    write_index(tmp_path, EXACT, [write_shard(tmp_path, 0, groups)])
    index = tmp_path / "index.json"
    index.write_text(index.read_text().replace("scenegen-shards/2", "scenegen-shards/1"))
    (tmp_path / "dataset.json").write_bytes((exact / "dataset.json").read_bytes())
    for was, now in zip(Dataset(folders), Dataset(tmp_path), strict=True):
        assert np.array_equal(now.depth_mm(2), was.depth_mm(2))
        assert np.array_equal(now.instance(0), was.instance(0))
        assert now.depth_mm(2).dtype == np.uint16


def test_index_counts_and_checksums(folders: Path, tmp_path: Path) -> None:
    done = pack(folders, tmp_path, SPLIT_UP)
    index = json.loads((tmp_path / "index.json").read_text())
    assert (index["scenes"], len(index["shards"]), done.shards) == (SCENES, SCENES, SCENES)
    files = contents(tmp_path)
    for shard in index["shards"]:
        content = files[shard["file"]]
        assert (shard["bytes"], shard["sha256"]) == (len(content), hashlib.sha256(content).hexdigest())
    assert done.bytes == index["bytes"] == sum(len(c) for n, c in files.items() if n.endswith(".tar"))
    assert files["CREDITS.txt"] == (folders / "CREDITS.txt").read_bytes()


def test_same_bytes_from_any_number_of_workers(folders: Path, exact: Path, tmp_path: Path) -> None:
    pack(folders, tmp_path, EXACT, workers=2)
    assert contents(tmp_path) == contents(exact)


KILLED = """
import sys, time
from pathlib import Path
from scenegen.steps import pack
from scenegen.core.dataset.packing import Packing
write = pack.write_shard
def slow(out, number, group):
    if number == 1:
        (out / ".shard-000001.tar.writing").write_bytes(b"half")
        print("now", flush=True)
        time.sleep(60)
    return write(out, number, group)
pack.write_shard = slow
pack.pack(Path(sys.argv[1]), Path(sys.argv[2]), Packing("jpeg", 95, True, 0.001))
"""


def test_a_killed_run_goes_on_with_what_is_missing(folders: Path, tmp_path: Path) -> None:
    out, whole = tmp_path / "out", tmp_path / "whole"
    child = subprocess.Popen([sys.executable, "-c", KILLED, folders, out], stdout=subprocess.PIPE)
    assert child.stdout is not None
    assert child.stdout.readline() == b"now\n"
    os.kill(child.pid, signal.SIGKILL)
    child.wait()
    child.stdout.close()
    assert Dataset(out).indices == [0]
    written = (out / "shard-000000.tar").stat().st_mtime_ns
    time.sleep(0.01)
    assert pack(folders, out, SPLIT_UP).made == SCENES - 1
    assert (out / "shard-000000.tar").stat().st_mtime_ns == written
    pack(folders, whole, SPLIT_UP)
    assert contents(out) == contents(whole)


def test_delete_only_what_was_compared(tmp_path: Path) -> None:
    source, out = write_box_dataset(tmp_path / "set", 2), tmp_path / "out"
    with pytest.raises(UsageError, match="--maps"):
        pack(source, out, SMALL, delete=True)
    pack(source, out, EXACT)
    masks = np.load(scene_path(source, 1) / "masks.npy")
    changed = masks.copy()
    changed[tuple(np.argwhere(masks.any(axis=-1))[0])] = True
    np.save(scene_path(source, 1) / "masks.npy", changed)
    with pytest.raises(ScenegenError, match=r"scene_000001: masks differs from [\s\S]*nothing was deleted"):
        pack(source, out, EXACT, delete=True)
    assert len(Dataset(source)) == 2
    np.save(scene_path(source, 1) / "masks.npy", masks)
    assert pack(source, out, EXACT, delete=True).deleted == 2
    assert list((source / "scenes").iterdir()) == []
    assert len(Dataset(out)) == 2
    assert pack(source, out, EXACT).made == 0


@pytest.mark.parametrize("place", [1, 2], ids=["offset", "size"])
def test_sizes_of_the_index_are_checked_before_memory_is_taken(folders: Path, tmp_path: Path, place: int) -> None:
    """The index states the size of its shards, too; the file itself decides."""
    pack(folders, tmp_path, SMALL)
    index = json.loads((tmp_path / "index.json").read_text())
    index["shards"][0]["bytes"] = 10**16
    index["shards"][0]["scenes"][0][place] = 10**15
    (tmp_path / "index.json").write_text(json.dumps(index))
    with pytest.raises(ScenegenError, match=r"scene_000000/scene.json: damaged \(the shard ends \d+ bytes too early\)"):
        _ = Dataset(tmp_path)[0].scene


def test_damage_names_shard_and_scene(folders: Path, tmp_path: Path) -> None:
    pack(folders, tmp_path, SMALL)
    shard = tmp_path / "shard-000000.tar"
    content = bytearray(shard.read_bytes())
    offset = json.loads((tmp_path / "index.json").read_text())["shards"][0]["scenes"][1][1]
    content[offset + 1000] ^= 1
    shard.write_bytes(content)
    dataset = Dataset(tmp_path)
    assert dataset[0].image(0).shape == dataset[2].image(0).shape
    with pytest.raises(ScenegenError, match=r"shard-000000.tar/scene_000001/.*damaged.*checksum"):
        _ = dataset[1].masks
    with pytest.raises(ScenegenError, match=r"shard-000000.tar: its sha256"):
        check_shards(tmp_path)
    shard.write_bytes(content[: offset + 5000])
    with pytest.raises(ScenegenError, match=r"shard-000000.tar/scene_000001/.*too early"):
        _ = Dataset(tmp_path)[1].images
    shard.unlink()
    with pytest.raises(ScenegenError, match=r"shard-000000.tar/scene_000000/.*missing"):
        _ = Dataset(tmp_path)[0].images
    (tmp_path / "index.json").write_text("{}")
    with pytest.raises(ScenegenError, match=r"index.json: damaged \(format: expected .*, found null\); copy it again"):
        Dataset(tmp_path)


@pytest.mark.parametrize("size", [float("nan"), float("inf"), 0.0])
def test_a_size_of_shards_that_json_cannot_hold_is_refused(folders: Path, tmp_path: Path, size: float) -> None:
    with pytest.raises(UsageError, match=r"--shard-mb (nan|inf|0): give megabytes"):
        pack(folders, tmp_path / "out", Packing("png", 95, maps=False, shard_mb=size))
    assert not (tmp_path / "out").exists()


def test_what_cannot_be_packed_is_refused(folders: Path, exact: Path, tmp_path: Path) -> None:
    with pytest.raises(ScenegenError, match=r"image png, not jpeg"):
        pack(folders, exact, SPLIT_UP)
    with pytest.raises(ScenegenError, match=r"not empty"):
        pack(exact, folders, EXACT)
    with pytest.raises(UsageError, match=r"cannot share"):
        pack(folders, folders, EXACT)
    broken = write_box_dataset(tmp_path / "set", 1)
    (scene_path(broken, 0) / "frustum_1.npz").write_bytes(b"PK")
    with pytest.raises(ScenegenError, match=r"scene_000000/frustum_1.npz: damaged"):
        pack(broken, tmp_path / "out", EXACT)


def test_verify_and_stats_of_shards(folders: Path, exact: Path, tmp_path: Path) -> None:
    assert verify(exact).faults == verify(folders).faults
    was, now = stats(folders), stats(exact)
    assert (now.classes, now.room_seen_share) == (was.classes, was.room_seen_share)
    assert now.megabytes_per_scene < was.megabytes_per_scene / 3
    pack(exact, tmp_path, SMALL)
    assert stats(tmp_path).room_seen_share is None
    with pytest.raises(ScenegenError, match="--maps"):
        verify(tmp_path)
    with pytest.raises(ScenegenError, match="--maps"):
        Dataset(tmp_path)[0].depth(0)


def test_without_a_box_grid(tmp_path: Path) -> None:
    source = write_box_dataset(tmp_path / "set", 1, grid=None)
    pack(source, tmp_path / "out", EXACT)
    scene = Dataset(tmp_path / "out")[0]
    assert scene.grid is None
    assert np.array_equal(scene.frustum(1), Dataset(source)[0].frustum(1))


@pytest.mark.parametrize(("classes", "kind"), [(1, "u1"), (8, "u1"), (9, "u2"), (17, "u4"), (40, "u8")])
def test_bits_of_any_number_of_classes(classes: int, kind: str) -> None:
    masks = np.random.default_rng(classes).random((3, 4, 5, classes)) < 0.3
    bits = pack_masks(masks)
    assert bits.dtype == kind
    assert bits[1, 2, 3] == sum(int(m) << c for c, m in enumerate(masks[1, 2, 3]))
    assert np.array_equal(unpack_masks(bits, classes), masks)


def test_png_is_exact_and_jpeg_follows_its_quality(folders: Path, tmp_path: Path) -> None:
    sizes = {}
    for quality in (50, 95):
        sizes[quality] = pack(folders, tmp_path / str(quality), Packing("jpeg", quality, False, 250)).bytes
    assert sizes[50] < sizes[95]
    with tarfile.open(tmp_path / "95" / "shard-000000.tar") as archive:
        picture = Image.open(archive.extractfile("scene_000000.image_0.jpg"))  # type: ignore[arg-type]
        assert (picture.format, picture.mode) == ("JPEG", "RGB")


def test_objects_and_visibility_of_cells_are_packed(folders: Path, tmp_path: Path) -> None:
    library, labelled = tmp_path / "library", Path(shutil.copytree(folders, tmp_path / "set"))
    write_box_library(library)
    relabel(labelled, assets=library)
    pack(labelled, tmp_path / "packed", SMALL)
    for was, now in zip(Dataset(labelled), Dataset(tmp_path / "packed"), strict=True):
        assert np.array_equal(now.instances, was.instances)
        assert np.array_equal(now.visibility, was.visibility)
        for k in range(3):
            for name in ("frustum", "frustum_instances", "frustum_visibility", "visibility_from"):
                one, other = getattr(was, name)(k), getattr(now, name)(k)
                assert one.dtype == other.dtype
                assert np.array_equal(one, other), name


def test_four_arrays_of_two_bits_share_a_byte() -> None:
    cells = np.random.default_rng(0).integers(0, 4, (6, 3, 4, 5), dtype=np.uint8)
    packed = pack_pairs(list(cells))
    assert packed.shape == (3, 4, 5, 2)
    assert packed.dtype == np.uint8
    for n, values in enumerate(cells):
        assert np.array_equal(packed[..., n // 4] >> 2 * (n % 4) & 3, values)
        assert np.array_equal(unpack_pairs(packed, n), values)
    with pytest.raises(ValueError, match="number 8"):
        unpack_pairs(packed, 8)
