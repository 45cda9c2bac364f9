"""Render each asset of a prepared library alone on a neutral ground, one PNG per asset.

python blender_scripts/render_asset_sheet.py -- --assets LIB --out DIR [--size 160] [--samples 8]
    [--names n1,n2] [--view three_quarter|front]
"""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
if __name__ == "__main__":
    sys.path[:0] = [str(ROOT), str(ROOT / "generator")]
    from scenegen.core.blender_protocol import modules_folder

    sys.path.append(str(modules_folder()))  # what `scenegen blender-setup` installed

import bpy  # noqa: E402
import numpy as np  # noqa: E402
from mathutils import Vector  # noqa: E402
from scenegen.core.asset_library import list_assets  # noqa: E402
from scenegen.core.errors import ScenegenError, UsageError  # noqa: E402
from scenegen.core.parent import end_with_parent  # noqa: E402
from scenegen.core.scene.scene import Camera, FrustumSpec, LightLook, Matrix4  # noqa: E402

from blender_scripts.build.asset_cache import AssetCache  # noqa: E402
from blender_scripts.build.nodes import add, finish, new_material  # noqa: E402
from blender_scripts.build.room import build_lamp  # noqa: E402
from blender_scripts.build.scene import build_camera, empty_file, link, purge_scene  # noqa: E402
from blender_scripts.host.compat import node_tree  # noqa: E402
from blender_scripts.host.process import quiet_stdout  # noqa: E402
from blender_scripts.render.cycles import Quality, configure, render_cameras  # noqa: E402

_DIRECTIONS = {"three_quarter": (0.62, -0.8, 0.5), "front": (0.0, -1.0, 0.25)}  # from the object to the camera
_HALF_VIEW = math.radians(15.0)


def main(arguments: Sequence[str]) -> int:
    """Run with command line arguments; the exit status."""
    parser = argparse.ArgumentParser(prog="render_asset_sheet.py", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--assets", type=Path, required=True, help="prepared library")
    parser.add_argument("--out", type=Path, required=True, help="folder for the images")
    parser.add_argument("--size", type=int, default=160, help="image edge in pixels")
    parser.add_argument("--samples", type=int, default=8, help="samples per pixel")
    parser.add_argument("--names", help="comma-separated asset names (default: all)")
    parser.add_argument("--view", choices=sorted(_DIRECTIONS), default="three_quarter")
    options = parser.parse_args(arguments)
    end_with_parent()
    notify = quiet_stdout()
    try:
        for path in render_sheet(options.assets, options.out, options.names, options.size, options.samples,
                                 options.view):  # fmt: skip
            notify(str(path))
    except ScenegenError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2 if isinstance(error, UsageError) else 1
    return 0


def render_sheet(library: Path, out: Path, names: str | None, size: int, samples: int, view: str) -> Any:
    """Render the assets one by one; yields each image's path."""
    wanted = names.split(",") if names else [asset.name for asset in list_assets(library)]
    out.mkdir(parents=True, exist_ok=True)
    target = empty_file()
    configure(target, Quality(samples, 4 * samples, 2), "auto", 0)
    cache = AssetCache(library)
    for name in wanted:
        item = bpy.data.objects.new(name, cache.mesh(name))
        vertices = cache.arrays(name).vertices
        low, high = vertices.min(axis=0), vertices.max(axis=0)
        camera = build_camera(_camera(vertices, np.asarray(_DIRECTIONS[view]), size))
        link(target, [item, camera, *_studio(low, high)])
        target.world = _sky()
        render_cameras(target, [camera], [out / f"{name}.png"], 0)
        purge_scene()
        cache.trim()
        yield out / f"{name}.png"


def _camera(vertices: Any, direction: Any, size: int) -> Camera:
    """A camera that looks along -direction and sees every vertex, as large as fits."""
    toward = -direction / np.linalg.norm(direction)
    right = np.cross(toward, (0.0, 0.0, 1.0))
    right /= np.linalg.norm(right)
    rotation = np.stack([right, np.cross(toward, right), toward])
    flat = vertices.astype(np.float64) @ rotation.T
    center = (flat.min(axis=0) + flat.max(axis=0)) / 2
    reach = np.abs(flat[:, :2] - center[:2]).max(axis=1) * 1.08 / math.tan(_HALF_VIEW)
    distance = float((reach - (flat[:, 2] - center[2])).max())
    matrix = np.eye(4)
    matrix[:3, :3] = rotation
    matrix[:3, 3] = (0.0, 0.0, distance) - center
    focal = size / 2 / math.tan(_HALF_VIEW)
    rows: Matrix4 = tuple(map(tuple, matrix.tolist()))  # type: ignore[assignment]
    K = ((focal, 0.0, size / 2), (0.0, focal, size / 2), (0.0, 0.0, 1.0))
    return Camera("sheet", size, size, K, rows, FrustumSpec(0.1, 1.0, (1, 1, 1), math.degrees(2 * _HALF_VIEW)))


def _studio(low: Any, high: Any) -> list[Any]:
    """A grey floor and a soft key light, in proportion to the object."""
    extent = float(np.linalg.norm(high - low))
    center = (low + high) / 2
    mesh = bpy.data.meshes.new("ground")
    edge, bottom = 40 * extent, float(low[2])
    mesh.from_pydata([(x, y, bottom) for x, y in ((-edge, -edge), (edge, -edge), (edge, edge), (-edge, edge))], [],
                     [(0, 1, 2, 3)])  # fmt: skip
    grey = new_material("ground")
    finish(grey.node_tree, add(grey.node_tree, "ShaderNodeBsdfDiffuse", {"Color": (0.55, 0.55, 0.55)}).outputs[0])
    mesh.materials.append(grey)
    place = center + extent * np.asarray((-1.1, -1.3, 1.9))
    key = LightLook(tuple(place.tolist()), tuple(Vector(center).to_tuple()), 1.3 * extent, 75.0 * extent**2, (1, 1, 1))
    return [bpy.data.objects.new("ground", mesh), build_lamp("key", key)]


def _sky() -> Any:
    world = bpy.data.worlds.new("sky")
    tree = node_tree(world)
    background = add(tree, "ShaderNodeBackground", {"Color": (0.75, 0.75, 0.75), "Strength": 0.5})
    add(tree, "ShaderNodeOutputWorld", {"Surface": background.outputs[0]})
    return world


if __name__ == "__main__":
    sys.exit(main(sys.argv[sys.argv.index("--") + 1 :] if "--" in sys.argv else sys.argv[1:]))
