"""Processor time of `scenegen assets add` of one file, beside what `import bpy` alone takes.

    python benchmarks/assets_add.py [--rounds 3] [--beside TREE]

TREE is another checkout of this repository, such as a git worktree of the previous version, whose command reads the
same files in the same run. A round before the others only fills the caches of Python and numba. Prints one line per
file: the least of all rounds, in seconds. A box of 12 triangles; a chair of 270,818 packed with Draco; a tree of 50,000
leaf cards. Then `prepare` alone, in this process, and whether it tore the model: pieces that edges of two faces join,
edges of one face, and the volume, before and after.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import DracoPy
import numpy as np
import trimesh
from numpy.typing import NDArray
from scenegen.assets.prepare.prepare import prepare
from scenegen.assets.prepare.raw_model import RawModel
from scenegen.assets.sources.files.files import ImportOptions, read_files
from scenegen.core.asset_library import read_mesh

DRACO = "KHR_draco_mesh_compression"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--beside", type=Path, metavar="TREE")
    options = parser.parse_args()
    here = Path(__file__).resolve().parent.parent
    trees = [here, *([options.beside.resolve()] if options.beside else [])]
    with tempfile.TemporaryDirectory() as folder:
        files = [("chair", small_box(Path(folder))), ("chair", fine_chair(Path(folder))), ("tree", tree(Path(folder)))]
        alone = min(seconds([sys.executable, "-c", "import bpy"], here) for _ in range(options.rounds))
        print(f"import bpy: {alone:.2f} s")
        for class_name, file in files:
            least = {each: add(file, class_name, each, folder, options.rounds) for each in trees}
            shown = ", ".join(
                f"{value:.2f} s ({value - alone:.2f} s beside bpy) {each.name}" for each, value in least.items()
            )
            print(f"{file.name}: {shown}", flush=True)
        for class_name, file in files:
            print(f"{file.name}: prepare {prepared(file, class_name, Path(folder) / 'prepared')}", flush=True)


def prepared(file: Path, class_name: str, library: Path) -> str:
    """Processor time of `prepare` alone, and the model before and after it."""
    library.mkdir(exist_ok=True)
    spent = []
    (model,) = read_files([file], ImportOptions(class_name))
    assert isinstance(model, RawModel), model
    for _ in range(2):  # the first one reads compiled code
        started = time.process_time()
        asset = prepare(model, library)
        spent.append(time.process_time() - started)
    mesh = read_mesh(asset)
    return f"{spent[-1]:.2f} s, {whole(model.vertices, model.faces)} -> {whole(mesh.vertices, mesh.faces)}"


def whole(vertices: NDArray[Any], faces: NDArray[Any]) -> str:
    mesh = trimesh.Trimesh(vertices, faces)
    mesh.merge_vertices(digits_vertex=6)
    edges = np.sort(mesh.edges, axis=1)
    once = np.unique(edges, axis=0, return_counts=True)[1] == 1
    pieces = trimesh.graph.connected_component_labels(mesh.face_adjacency, node_count=len(mesh.faces)).max() + 1
    return f"{len(mesh.faces):,} triangles, {pieces:,} pieces, {once.sum():,} open edges, {mesh.volume:.5f} m3"


def add(file: Path, class_name: str, tree: Path, folder: str, rounds: int) -> float:
    """The least processor time of adding a file to an empty library, in seconds."""
    command = ["-c", "from scenegen.cli.main import main; main()", "assets", "add", "--class", class_name, str(file)]
    found = []
    for _ in range(rounds + 1):
        with tempfile.TemporaryDirectory(dir=folder) as library:
            found.append(seconds([sys.executable, *command, "--assets", library], tree))
    return min(found[1:])


def seconds(command: Sequence[str], tree: Path) -> float:
    """Processor time of a command and the processes that it waits for."""
    path = os.pathsep.join(str(tree / name) for name in ("generator", "trainer", "."))
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    # As a user's machine has it: without this variable, Python keeps what it has compiled of its sources.
    own = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    subprocess.run(command, env={**own, "PYTHONPATH": path}, check=True, capture_output=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def small_box(folder: Path) -> Path:
    trimesh.creation.box(bounds=((0, 0, 0), (0.5, 0.9, 0.5))).export(folder / "box.glb")
    return folder / "box.glb"


def fine_chair(folder: Path) -> Path:
    """Six closed boxes of fine triangles, with waves of 1 mm."""
    bounds = [((-0.25, 0.42, -0.25), (0.25, 0.47, 0.25)), ((-0.25, 0.47, 0.2), (0.25, 0.95, 0.25))]
    bounds += [((x, 0, z), (x + 0.04, 0.42, z + 0.04)) for x in (-0.24, 0.2) for z in (-0.24, 0.2)]
    parts = [trimesh.creation.box(bounds=each) for each in bounds]
    for _ in range(6):
        parts = [part.subdivide() for part in parts]
    mesh = trimesh.util.concatenate(parts)
    places = (mesh.vertices + 0.001 * np.sin(40 * mesh.vertices[:, [1, 2, 0]])).astype(np.float32)
    faces = mesh.faces[:270_818].astype(np.uint32)
    packed = DracoPy.encode(places, faces=faces, quantization_bits=14, compression_level=7)
    primitive = {"extensions": {DRACO: {"bufferView": 0, "attributes": {"POSITION": 0}}}}
    body = {"extensionsUsed": [DRACO], "extensionsRequired": [DRACO], "bufferViews": [view(0, len(packed))]}
    return write(folder / "chair_270818.glb", places, faces, primitive, body, packed)


def tree(folder: Path) -> Path:
    random = np.random.default_rng(0)
    middle = random.normal(size=(50_000, 3))
    middle *= 2.0 * random.random((50_000, 1)) ** (1 / 3) / np.linalg.norm(middle, axis=1, keepdims=True)
    along, across = (0.04 * random.normal(size=(50_000, 3)) for _ in range(2))
    middle[:, 1] += 4.0
    cards = np.stack([middle, middle + along, middle + along + across, middle + across], axis=1)
    quads = np.arange(200_000).reshape(-1, 4)
    trunk = trimesh.creation.box(bounds=((-0.15, 0, -0.15), (0.15, 3, 0.15)))
    places = np.concatenate([cards.reshape(-1, 3), trunk.vertices]).astype(np.float32)
    faces = np.concatenate([quads[:, [0, 1, 2]], quads[:, [0, 2, 3]], trunk.faces + 200_000]).astype(np.uint32)
    body = {"bufferViews": [view(0, places.nbytes), view(places.nbytes, faces.nbytes)]}
    return write(folder / "leaf_cards.glb", places, faces, {}, body, places.tobytes() + faces.tobytes())


def view(start: int, size: int) -> dict[str, int]:
    return {"buffer": 0, "byteOffset": start, "byteLength": size}


def write(
    file: Path,
    places: NDArray[np.float32],
    faces: NDArray[np.uint32],
    primitive: dict[str, Any],
    body: dict[str, Any],
    data: bytes,
) -> Path:
    """A .glb with one mesh; without Draco its places and faces are the first and second view."""
    ends = {"min": places.min(axis=0).tolist(), "max": places.max(axis=0).tolist()}
    accessors: list[dict[str, Any]] = [
        {"componentType": 5126, "type": "VEC3", "count": len(places), **ends},
        {"componentType": 5125, "type": "SCALAR", "count": faces.size},
    ]
    if not primitive:
        accessors = [{**each, "bufferView": number} for number, each in enumerate(accessors)]
    data += bytes(-len(data) % 4)
    whole = {
        "asset": {"version": "2.0"},
        "scene": 0,
        "scenes": [{"nodes": [0]}],
        "nodes": [{"mesh": 0}],
        "meshes": [{"primitives": [{"attributes": {"POSITION": 0}, "indices": 1, **primitive}]}],
        "accessors": accessors,
        "buffers": [{"byteLength": len(data)}],
        **body,
    }
    text = json.dumps(whole).encode()
    text += b" " * (-len(text) % 4)
    sizes = [number.to_bytes(4, "little") for number in (2, 28 + len(text) + len(data), len(text), len(data))]
    file.write_bytes(b"glTF" + sizes[0] + sizes[1] + sizes[2] + b"JSON" + text + sizes[3] + b"BIN\0" + data)
    return file


if __name__ == "__main__":
    main()
