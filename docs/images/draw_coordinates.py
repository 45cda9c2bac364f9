r"""Draw docs/images/coordinates.png, the figure of docs/coordinates.md, from a real scene and its prepared assets.

The shipped figure is made by

    scenegen assets build --assets build/figure/library
    scenegen generate --preset studio --scenes 2 --quality draft --assets build/figure/library --out build/figure/studio
    python docs/images/draw_coordinates.py build/figure/studio --assets build/figure/library --scene 1 \
        --chair parametric_chair_000
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection, PolyCollection
from matplotlib.patches import FancyArrowPatch, Rectangle
from numpy.typing import ArrayLike, NDArray
from PIL import Image
from scenegen import Dataset, FrustumGrid, voxelize
from scenegen.core.scene.classes import class_color

Array = NDArray[np.float64]
Edges = list[tuple[Array, Array]]

mpl.use("agg")
INK, GREY = "#1b1f27", "#8b93a3"
AXIS_COLORS = ("#d3302f", "#2b9a3e", "#2667c9")
COARSE = 32
"""Fruxels along each side in the drawing of the frustum: 128 would be too small to see."""
CORNERS = np.array([[x, y, z] for x in (0, 1) for y in (0, 1) for z in (0, 1)], float)
BOX_EDGES = [(a, b) for a in range(8) for b in range(a) if bin(a ^ b).count("1") == 1]


class View:
    """A look from far away (without perspective): degrees about Z from +X, degrees above the floor."""

    def __init__(self, azimuth: float, elevation: float) -> None:
        """Set the directions of the picture's axes in the world."""
        a, e = math.radians(azimuth), math.radians(elevation)
        self.back = np.array([math.cos(a) * math.cos(e), math.sin(a) * math.cos(e), math.sin(e)])
        self.right = np.array([-math.sin(a), math.cos(a), 0.0])
        self.up = np.cross(self.back, self.right)

    def flat(self, points: ArrayLike) -> Array:
        """Places (..., 2) in the picture of points (..., 3)."""
        return np.asarray(points) @ np.stack([self.right, self.up], axis=1)

    def towards(self, points: ArrayLike) -> Array:
        """How near points (..., 3) are to the viewer."""
        return np.asarray(np.asarray(points) @ self.back)


def polygons(axes: Axes, view: View, faces: Array, colors: Array, light: ArrayLike = (0.45, -0.75, 1.0)) -> None:
    """Paint polygons (N, M, 3) of `colors` (N, 3) in 0..1 from far to near, brighter where they face the light."""
    normals = np.cross(faces[:, 1] - faces[:, 0], faces[:, 2] - faces[:, 0])
    normals /= np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-12)
    shade = 0.68 + 0.32 * np.abs(normals @ (np.asarray(light) / np.linalg.norm(light)))
    order = np.argsort(view.towards(faces.mean(axis=1)))
    fills = (colors * shade[:, None]).clip(0, 1)[order]
    axes.add_collection(
        PolyCollection(list(view.flat(faces[order])), facecolors=fills, edgecolors=fills, lw=0.25, zorder=3)
    )


def lines(axes: Axes, view: View, edges: Sequence[tuple[ArrayLike, ArrayLike]], **style: Any) -> None:
    """Draw lines between pairs of points (3,)."""
    axes.add_collection(LineCollection([view.flat(np.array(e, float)) for e in edges], **{"zorder": 2, **style}))


def box_edges(low: ArrayLike, high: ArrayLike) -> Edges:
    """The twelve edges of an axis-aligned box."""
    corners = np.asarray(low) + CORNERS * (np.asarray(high, float) - np.asarray(low))
    return [(corners[a], corners[b]) for a, b in BOX_EDGES]


def arrow(axes: Axes, a: ArrayLike, b: ArrayLike, color: str, label: str = "", **style: Any) -> None:
    """An arrow between two places of the picture with a label past its tip."""
    a, b = np.asarray(a, float), np.asarray(b, float)
    style = {"arrowstyle": "-|>", "mutation_scale": 13, "lw": 2.0, "shrinkA": 0, "shrinkB": 0, "zorder": 6, **style}
    axes.add_patch(FancyArrowPatch(a, b, color=color, **style))
    if label:
        step = (b - a) / max(float(np.linalg.norm(b - a)), 1e-9)
        span = abs(np.diff(axes.get_ylim())[0])
        text(axes, b + step * 0.035 * span, label, color=color, weight="bold", ha="center", va="center")


def triad(axes: Axes, view: View, frame: ArrayLike, length: float, labels: Sequence[str]) -> None:
    """The axes of a frame (4x4, frame to world)."""
    frame = np.asarray(frame)
    for n in range(3):
        tip = frame[:3, 3] + length * frame[:3, n]
        arrow(axes, view.flat(frame[:3, 3]), view.flat(tip), AXIS_COLORS[n], labels[n])


def text(axes: Axes, place: ArrayLike, what: str, **style: Any) -> None:
    """Words on a pale ground, so that they read over lines."""
    style = {"color": INK, "fontsize": 10, "zorder": 8, **style}
    if "bbox" not in style:
        style["bbox"] = {"facecolor": "white", "alpha": 0.75, "edgecolor": "none", "pad": 0.8}
    x, y = np.asarray(place, float)
    axes.text(x, y, what, **style)


def note(axes: Axes, place: ArrayLike, at: ArrayLike, what: str, **style: Any) -> None:
    """Words at one place with a thin line to another."""
    axes.annotate(
        what,
        xy=tuple(np.asarray(at, float)),
        xytext=tuple(np.asarray(place, float)),
        fontsize=10,
        color=INK,
        zorder=9,
        bbox={"facecolor": "white", "alpha": 0.85, "edgecolor": "none", "pad": 1.2},
        arrowprops={"arrowstyle": "-", "color": INK, "lw": 0.9, "shrinkA": 0, "shrinkB": 1},
        **{"ha": "center", "va": "center", **style},
    )


def frame_axes(axes: Axes, title: str, low: ArrayLike | None = None, high: ArrayLike | None = None) -> None:
    """A panel without ticks, its title, and the ends of the picture."""
    axes.set_title(title, loc="left", fontsize=13, weight="bold", color=INK, pad=8)
    axes.set_axis_off()
    axes.set_aspect("equal", anchor="NW")
    if low is not None and high is not None:
        axes.set_xlim(np.asarray(low)[0], np.asarray(high)[0])
        axes.set_ylim(np.asarray(low)[1], np.asarray(high)[1])


def limits(view: View, points: ArrayLike, margin: tuple[float, float, float, float]) -> tuple[Array, Array]:
    """The ends of the picture around points: margins to the left, below, to the right and above."""
    flat = view.flat(np.asarray(points, float).reshape(-1, 3))
    return flat.min(axis=0) - margin[:2], flat.max(axis=0) + margin[2:]


def class_colors(classes: Sequence[str]) -> Array:
    """Colours (N, 3) in 0..1 of classes."""
    return np.array([class_color(name) for name in classes], float) / 255


def exposed(labels: NDArray[np.int64], view: View, forward: Array) -> tuple[Array, NDArray[np.int64]]:
    """Faces (N, 4, 3), in cells, between a labelled cell and air, on the sides that look to the viewer; their labels.

    `forward` (3, 3): the directions in which the three indices grow in the world.
    """
    solid = np.pad(labels > 0, 1)
    corners, kinds = [], []
    for axis in range(3):
        for side in (1, -1):
            if side * float(view.back @ forward[axis]) <= 0:
                continue
            outer = np.roll(solid, -side, axis)
            cells = np.argwhere(solid[1:-1, 1:-1, 1:-1] & ~outer[1:-1, 1:-1, 1:-1])
            a, b = (n for n in range(3) if n != axis)
            square = np.zeros((4, 3))
            square[:, axis] = side > 0
            square[:, [a, b]] = [(0, 0), (1, 0), (1, 1), (0, 1)]
            corners.append(cells[:, None] + square)
            kinds.append(labels[tuple(cells.T)])
    return np.concatenate(corners), np.concatenate(kinds)


def in_world(camera: Any, size: Sequence[int], cells: ArrayLike) -> Array:
    """World places of places (i, j, k) in a camera's frustum grid of `size` cells."""
    cells = np.asarray(cells, float)
    K, pose, fruxels = np.array(camera.K), np.array(camera.world_to_camera), camera.frustum
    z = fruxels.near + (fruxels.far - fruxels.near) * cells[..., 2] / size[2]
    u, v = camera.width * cells[..., 0] / size[0], camera.height * cells[..., 1] / size[1]
    seen = np.stack([(u - K[0, 2]) / K[0, 0] * z, (v - K[1, 2]) / K[1, 1] * z, z], axis=-1)
    return np.asarray((seen - pose[:3, 3]) @ pose[:3, :3])


def to_image(camera: Any, points: ArrayLike) -> Array:
    """Pixels (..., 2) of world points (..., 3)."""
    pose = np.array(camera.world_to_camera)
    seen = (np.asarray(points, float) @ pose[:3, :3].T + pose[:3, 3]) @ np.array(camera.K).T
    return np.asarray(seen[..., :2] / seen[..., 2:])


def camera_frame(camera: Any) -> Array:
    """The camera's frame in the world (4x4)."""
    return np.linalg.inv(np.array(camera.world_to_camera))


def pyramid(camera: Any, depth: float) -> Edges:
    """A camera as a pyramid that ends at a depth."""
    eye = camera_frame(camera)[:3, 3]
    fruxels = camera.frustum
    k = (depth - fruxels.near) / (fruxels.far - fruxels.near)
    tips = in_world(camera, (1, 1, 1), [(0, 0, k), (1, 0, k), (1, 1, k), (0, 1, k)])
    return [(eye, tip) for tip in tips] + [(tips[n], tips[(n + 1) % 4]) for n in range(4)]


def draw_room(axes: Axes, scene: Any) -> None:
    """Panel A: world axes, the box grid's voxels and indices, the cameras."""
    view = View(-76, 28)
    grid, room = scene.grid, np.array(scene.scene.room)
    low, high = np.array([-room[0] / 2, -room[1] / 2, 0]), np.array([room[0] / 2, room[1] / 2, room[2]])
    frame_axes(
        axes,
        "A  Room and box grid",
        *limits(view, [low + CORNERS[n] * (high - low) for n in range(8)], (1.5, 0.9, 2.1, 0.1)),
    )
    for wall in (
        [(low[0], low[1], 0), (high[0], low[1], 0), (high[0], high[1], 0), (low[0], high[1], 0)],
        [(low[0], low[1], 0), (low[0], high[1], 0), (low[0], high[1], high[2]), (low[0], low[1], high[2])],
        [(low[0], high[1], 0), (high[0], high[1], 0), (high[0], high[1], high[2]), (low[0], high[1], high[2])],
    ):
        shade = "#e9ecf1" if wall[2][2] == 0 else "#f5f6f9"
        axes.add_collection(PolyCollection([view.flat(np.array(wall, float))], facecolors=shade, edgecolors="none"))
    steps = [np.arange(low[a], high[a] + 1e-6, 0.5) for a in (0, 1)]
    lines(axes, view, [((x, low[1], 0), (x, high[1], 0)) for x in steps[0]], colors="white", lw=1)
    lines(axes, view, [((low[0], y, 0), (high[0], y, 0)) for y in steps[1]], colors="white", lw=1)
    lines(axes, view, box_edges(low, high), colors=GREY, lw=0.9)

    labels = np.zeros(grid.shape, int)
    for c in np.argsort(-scene.masks.sum(axis=(0, 1, 2))):
        labels[scene.masks[..., c]] = c + 1
    faces, kinds = exposed(labels, view, np.eye(3))
    triad(axes, view, np.eye(4), 1.0, ("", "", ""))
    polygons(axes, view, grid.origin + grid.voxel_size * faces, class_colors(scene.classes)[kinds - 1])
    triad(axes, view, np.eye(4), 1.0, ("X", "Y", "Z"))
    note(axes, view.flat((-1.0, -1.75, 0)), view.flat((0, 0, 0)), "origin (0, 0, 0):\nthe middle of the floor")

    # The box grid's indices along three edges, one every ten voxels.
    for axis, start, name, push in (
        (0, low, "i", (0, -0.22, 0)),
        (1, (high[0], low[1], 0), "j", (0.17, 0, 0)),
        (2, (high[0], high[1], 0), "k", (0.13, 0.0, 0)),
    ):
        step = np.eye(3)[axis] * grid.voxel_size
        count = grid.shape[axis]
        ticks = [n for n in range(0, count + 1, 10) if count - n >= 4 or n == count]
        lines(
            axes,
            view,
            [(start + n * step, start + n * step + np.array(push) * 0.4) for n in ticks],
            colors=AXIS_COLORS[axis],
            lw=1.2,
        )
        lines(axes, view, [(start, start + count * step)], colors=AXIS_COLORS[axis], lw=1.8)
        for n in ticks:
            at = view.flat(start + n * step + np.array(push))
            text(axes, at, str(n), color=AXIS_COLORS[axis], fontsize=8, ha="center", va="center")
        middle = view.flat(start + count / 2 * step + np.array(push) * (2.6 if axis else 4.3))
        sign = ("x", "y", "z")[axis]
        what = f"{name} = 0 … {count - 1}\n({count} voxels along {sign})"
        text(axes, middle, what, color=AXIS_COLORS[axis], weight="bold", ha="left" if axis else "center", va="center")
    lines(axes, view, box_edges(low, low + 2 * grid.voxel_size), colors=INK, lw=1.3)
    note(
        axes,
        view.flat((low[0], low[1], 0)) + np.array((-0.65, 0.75)),
        view.flat(low),
        "grid origin\n(-2.0, -2.4, 0.0),\nvoxel (0, 0, 0),\n0.05 m wide",
    )
    for camera in scene.cameras:
        lines(axes, view, pyramid(camera, 0.42), colors=INK, lw=0.9)
        frame = camera_frame(camera)
        triad(axes, view, frame, 0.36, ("", "", ""))
        text(axes, view.flat(frame[:3, 3]) + np.array((0.0, 0.27)), camera.name, fontsize=9, ha="center", va="center")
    counts = scene.masks.sum(axis=(0, 1, 2))
    here = [c for c in range(len(scene.classes)) if counts[c]]
    for n, c in enumerate(here):
        x, y = axes.get_xlim()[1] - 1.55, axes.get_ylim()[1] - 0.35 - 0.27 * n
        axes.add_patch(
            Rectangle((x, y), 0.14, 0.14, facecolor=class_colors(scene.classes)[c], edgecolor=INK, lw=0.5, zorder=8)
        )
        text(axes, (x + 0.22, y + 0.07), f"masks[..., {c}] {scene.classes[c]}", fontsize=9, va="center")


def draw_image(axes: Axes, scene: Any, camera: Any) -> None:
    """Panel B: pixels, and an asset frame projected into them."""
    axes.set_title(f"B  Image 0 ({camera.name}): pixels", loc="left", fontsize=13, weight="bold", color=INK, pad=26)
    axes.imshow(scene.images[0], extent=(0, camera.width, camera.height, 0))
    axes.set_xticks([0, 56, 112, 168, 224])
    axes.set_yticks([0, 56, 112, 168, 224])
    axes.xaxis.tick_top()
    axes.tick_params(labelsize=8, color=GREY, labelcolor=GREY)
    arrow(axes, (0, 0), (62, 0), AXIS_COLORS[0], lw=3, mutation_scale=16)
    arrow(axes, (0, 0), (0, 62), AXIS_COLORS[1], lw=3, mutation_scale=16)
    text(axes, (44, 9), "u", color=AXIS_COLORS[0], weight="bold")
    text(axes, (5, 50), "v", color=AXIS_COLORS[1], weight="bold")
    note(axes, (58, 26), (0.5, 0.5), "centre of the first\npixel: (0.5, 0.5)")
    cx, cy = camera.K[0][2], camera.K[1][2]
    axes.plot([cx], [cy], "+", color="white", ms=11, mew=2, zorder=7)
    note(axes, (150, 92), (cx, cy), f"principal point ({cx:g}, {cy:g})")
    item = scene.objects[1]
    base = np.array(item.matrix)
    for n in range(3):
        step = base[:3, n] / np.linalg.norm(base[:3, n])
        a, b = to_image(camera, [base[:3, 3], base[:3, 3] + 0.55 * step])
        arrow(axes, a, b, AXIS_COLORS[n])
    front = to_image(camera, base[:3, 3])
    note(
        axes,
        (118, 214),
        front,
        f"asset frame of object {item.id} ({item.class_name}),\nits origin at ({front[0]:.1f}, {front[1]:.1f})",
    )
    for side in axes.spines.values():
        side.set_color(GREY)


def draw_frustum(axes: Axes, scene: Any, camera: Any, meshes: dict[str, tuple[Array, NDArray[np.int64]]]) -> None:
    """Panel C: a camera's axes and its frustum grid."""
    view = View(-84, 16)
    eye = camera_frame(camera)
    size = (COARSE, COARSE, COARSE)
    ends = in_world(camera, (1, 1, 1), CORNERS)
    frame_axes(axes, "C  Camera and frustum grid", *limits(view, [*ends, eye[:3, 3]], (5.4, 0.8, 0.9, 0.5)))
    labels = np.zeros(size, int)
    fruxels = camera.frustum
    grid = FrustumGrid(camera.K, camera.world_to_camera, (camera.width, camera.height), fruxels.near, fruxels.far, size)
    for item in scene.objects:
        vertices, faces = meshes[item.asset]
        world = vertices @ np.array(item.matrix)[:3, :3].T + np.array(item.matrix)[:3, 3]
        labels[voxelize(world, faces, grid)] = scene.classes.index(item.class_name) + 1
    # Slices of equal depth, one of every quarter of the grid.
    for k in range(0, COARSE + 1, COARSE // 4):
        ring = in_world(camera, size, [(0, 0, k), (COARSE, 0, k), (COARSE, COARSE, k), (0, COARSE, k)])
        style = {"colors": INK if k in (0, COARSE) else GREY, "lw": 1.2 if k in (0, COARSE) else 0.7}
        lines(axes, view, [(ring[n], ring[(n + 1) % 4]) for n in range(4)], **style)
    lines(axes, view, [(ends[a], ends[a + 1]) for a in (0, 2, 4, 6)], colors=INK, lw=1.2)
    lines(axes, view, [(eye[:3, 3], ends[a]) for a in (0, 2, 4, 6)], colors=GREY, lw=0.7, linestyles="dashed")
    far_lines: Edges = []
    for n in range(0, COARSE + 1, COARSE // 8):
        far_lines += [
            tuple(in_world(camera, size, [(n, 0, COARSE), (n, COARSE, COARSE)])),
            tuple(in_world(camera, size, [(0, n, COARSE), (COARSE, n, COARSE)])),
        ]
    lines(axes, view, far_lines, colors="#d5d9e1", lw=0.7)
    faces, kinds = exposed(labels, view, eye[:3, :3].T)
    polygons(axes, view, in_world(camera, size, faces), class_colors(scene.classes)[kinds - 1])
    triad(axes, view, eye, 0.85, ("x", "y", "z"))
    note(
        axes,
        view.flat(eye[:3, 3]) + np.array((-3.1, -0.55)),
        view.flat(eye[:3, 3]),
        "camera centre:\n-Rᵀt of world_to_camera",
    )
    middle = in_world(camera, (1, 1, 1), [(0.5, 0, 0), (0.5, 0, 1), (0.5, 1.0, 1)])
    note(axes, view.flat(middle[0]) + np.array((-1.9, 1.1)), view.flat(middle[0]), f"near {fruxels.near:g} m")
    note(axes, view.flat(middle[1]) + np.array((0.9, 0.35)), view.flat(middle[1]), f"far {fruxels.far:g} m")
    w, h, d = fruxels.size
    corner = in_world(camera, (1, 1, 1), [(0, 0, 1), (0.3, 0, 1), (0, 0.3, 1)])
    arrow(axes, view.flat(corner[0]), view.flat(corner[1]), AXIS_COLORS[0], "i")
    arrow(axes, view.flat(corner[0]), view.flat(corner[2]), AXIS_COLORS[1], "j")
    near = in_world(camera, (1, 1, 1), [(0, 0, 0.25), (0, 0, 0.65)])
    arrow(axes, view.flat(near[0]), view.flat(near[1]), AXIS_COLORS[2], "k")
    x, y = axes.get_xlim()[0], axes.get_ylim()[0]
    text(
        axes,
        (x + 0.05, y + 0.2),
        f"frustum(0)[i, j, k] has {w} x {h} x {d} fruxels;\nshown coarser, with {COARSE} along each side",
        fontsize=9.5,
        va="center",
    )


def draw_slice(fan: Axes, array: Axes, scene: Any, camera: Any) -> None:
    """One row of fruxels, as it lies in the world (seen from above its plane) and as it lies in the array."""
    labels = scene.frustum(0)
    w, _, d = labels.shape
    j = int(np.argmax((labels > 0).sum(axis=(0, 2))))
    table = np.concatenate([[[0.955, 0.96, 0.97]], class_colors(scene.classes)])
    fruxels, K = camera.frustum, np.array(camera.K)
    z = fruxels.near + (fruxels.far - fruxels.near) * np.arange(d + 1) / d
    left = (camera.width * np.arange(w + 1) / w - K[0, 2]) / K[0, 0]
    frame_axes(fan, f"D  One row of fruxels, j = {j}", (-4.9, -0.75), (4.9, 7.6))
    fan.pcolormesh(left[:, None] * z, np.broadcast_to(z, (w + 1, d + 1)), np.zeros((w, d)), visible=False)
    colors = table[labels[:, j]]
    fan.pcolormesh(left[:, None] * z[None, :], np.broadcast_to(z, (w + 1, d + 1)), colors, rasterized=True)
    for n in range(0, d + 1, 16):
        fan.plot(left[[0, -1]] * z[n], [z[n], z[n]], color=GREY, lw=0.4)
    for n in range(0, w + 1, 16):
        fan.plot(left[n] * z[[0, -1]], z[[0, -1]], color=GREY, lw=0.4)
    fan.plot([left[0] * z[0], 0, left[-1] * z[0]], [z[0], 0, z[0]], "--", color=GREY, lw=0.8)
    arrow(fan, (0, 0), (1.3, 0), AXIS_COLORS[0], "x")
    arrow(fan, (0, 0), (0, 1.5), AXIS_COLORS[2], "z")
    text(fan, (-4.7, 0.1), "in the world:\nwider with depth", fontsize=9.5, va="center")
    text(fan, (left[-1] * z[0] + 0.35, z[0]), f"near {fruxels.near:g} m", fontsize=8.5, va="center")
    text(fan, (left[-1] * z[-1] - 0.1, z[-1] + 0.28), f"far {fruxels.far:g} m", fontsize=8.5, va="center", ha="right")
    array.imshow(colors.transpose(1, 0, 2), origin="lower", extent=(0, w, 0, d), interpolation="nearest")
    array.set_xticks([0, 32, 64, 96, 128])
    array.set_yticks([0, 32, 64, 96, 128])
    array.grid(color=GREY, lw=0.4)
    array.tick_params(labelsize=8, color=GREY, labelcolor=GREY)
    array.set_xlabel(f"i = floor(u / {camera.width} * {w})", fontsize=9.5, color=AXIS_COLORS[0])
    array.set_ylabel(f"k = floor((z - near) / (far - near) * {d})", fontsize=9.5, color=AXIS_COLORS[2])
    array.set_title(f"the same in the array: frustum(0)[:, {j}, :]", fontsize=9.5, color=INK)


def draw_maps(depth_axes: Axes, bar_axes: Axes, instance_axes: Axes, scene: Any) -> None:
    """Panel E: depth and instance maps."""
    depth, instance = scene.depth_mm(0), scene.instance(0)
    depth_axes.set_title("E  Depth and instances of image 0", loc="left", fontsize=13, weight="bold", color=INK, pad=8)
    shown = depth_axes.imshow(depth, cmap="magma_r", vmin=0, vmax=6000)
    bar = plt.colorbar(shown, cax=bar_axes)
    bar.set_ticks([0, 2000, 4000, 6000])
    bar.ax.tick_params(labelsize=8, labelcolor=GREY, color=GREY)
    depth_axes.set_xlabel(
        "depth_0.png: millimetres along z, not along\nthe ray. 0: nothing hit; 65535: that far or farther",
        fontsize=9.5,
    )
    colors = class_colors([item.class_name for item in scene.objects])
    table = np.concatenate([[[0.93, 0.94, 0.955]], colors])
    instance_axes.imshow(table[instance])
    for item in scene.objects:
        rows, columns = np.nonzero(instance == item.id + 1)
        if len(rows) > 60:
            text(
                instance_axes, (columns.mean(), rows.mean()), str(item.id + 1), weight="bold", ha="center", va="center"
            )
    text(instance_axes, (12, 22), "0", weight="bold")
    instance_axes.set_xlabel("instance_0.png: 0 is background,\nelse the id in scene.json plus 1", fontsize=9.5)
    for axes in (depth_axes, instance_axes):
        axes.set_xticks([])
        axes.set_yticks([])
        for side in axes.spines.values():
            side.set_color(GREY)


def draw_asset(axes: Axes, mesh: tuple[Array, NDArray[np.int64]], size: ArrayLike, base_color: ArrayLike) -> None:
    """Panel F: a model in its own frame."""
    view = View(-52, 22)
    vertices, faces = mesh
    x, y, z = np.asarray(size, float)
    low, high = np.array([-x / 2, -y / 2, 0]), np.array([x / 2, y / 2, z])
    frame_axes(
        axes,
        "F  Asset frame",
        *limits(view, [low + CORNERS[n] * (high - low) for n in range(8)], (0.42, 0.36, 0.3, 0.22)),
    )
    lines(axes, view, box_edges(low, high), colors=GREY, lw=0.8)
    corners = vertices[faces]
    polygons(axes, view, corners, np.broadcast_to(np.asarray(base_color, float), (len(faces), 3)))
    triad(axes, view, np.eye(4), 0.62 * max(x, y), ("X", "Y", "Z"))
    note(axes, view.flat((0.0, 0, 0)) + np.array((0.3, -0.33)), view.flat((0, 0, 0)), "origin: middle of\nthe base")
    arrow(axes, view.flat((0, low[1], 0)), view.flat((0, low[1] - 0.24, 0)), INK)
    text(axes, view.flat((0.0, low[1] - 0.37, 0)), "front: -Y", weight="bold", ha="center", va="center")
    note(
        axes,
        view.flat((x / 2, y / 2, z)) + np.array((0.0, 0.14)),
        view.flat((x / 2, y / 2, z)),
        "size (x, y, z): the box",
    )


def draw_ndc(axes: Axes, camera: Any) -> None:
    """Panel G: slices of equal depth, and where they are in OpenGL's normalised device coordinates."""
    near, far = camera.frustum.near, camera.frustum.far
    frame_axes(axes, "G  Depth: fruxel slices and NDC", (-0.3, -0.2), (7.6, 5.0))

    def ndc(depth: Array) -> Array:
        return np.asarray((far + near) / (far - near) - 2 * far * near / ((far - near) * depth))

    steps = near + (far - near) * np.arange(9) / 8
    scale = 1.0
    for height, places, name in (
        (3.9, steps * scale, "depth z in metres; every 16th slice"),
        (1.5, (ndc(steps) + 1) / 2 * (far - near) * scale + near * scale, "the same in OpenGL's NDC"),
    ):
        axes.plot([near, far], [height, height], color=INK, lw=1.2)
        for k, place in enumerate(places):
            axes.plot([place, place], [height - 0.13, height + 0.13], color=AXIS_COLORS[2], lw=1.5)
            if height > 2 or k in (0, 1, 2, 8):
                text(
                    axes,
                    (place, height + 0.32),
                    str(16 * k),
                    fontsize=8,
                    color=AXIS_COLORS[2],
                    ha="center",
                    va="center",
                )
        text(axes, (near - 0.1, height + 0.75), name, fontsize=9.5, va="center")
    for a, b in zip(steps, (ndc(steps) + 1) / 2 * (far - near) + near, strict=True):
        axes.plot([a, b], [3.9 - 0.13, 1.5 + 0.5], color=GREY, lw=0.5)
    for place, above, below in ((near, f"{near:g} m", "-1"), (far, f"{far:g} m", "+1")):
        text(axes, (place, 3.9 - 0.42), above, fontsize=9, ha="center", va="center")
        text(axes, (place, 1.5 - 0.42), below, fontsize=9, ha="center", va="center")
    text(axes, (-0.2, 0.55), "x = 2u / width - 1,  y = 1 - 2v / height (up),", fontsize=9.5, va="center")
    text(axes, (-0.2, 0.1), "z = (f + n) / (f - n) - 2fn / ((f - n) depth)", fontsize=9.5, va="center")


def draw_gltf(axes: Axes) -> None:
    """Panel H: the axes that an exported .glb has."""
    frame_axes(axes, "H  Axes of an exported .glb", (-0.3, -1.1), (5.2, 2.4))
    view = View(-58, 22)
    for left, names, title in ((0.9, ("X", "Y", "Z"), "scenegen"), (3.6, ("X", "-Z", "Y"), "glTF")):
        for n, name in enumerate(names):
            tip = view.flat(np.eye(3)[n]) * 1.25
            start = np.array((left, 0.25))
            label = name.lstrip("-")
            color = AXIS_COLORS["XYZ".index(label)]
            end = start - tip * 0.9 if name.startswith("-") else start + tip
            arrow(axes, start, end, color, label)
        text(axes, (left, 2.25), title, weight="bold", ha="center", va="center", fontsize=11)
    arrow(axes, (1.95, 0.7), (2.75, 0.7), INK)
    text(axes, (2.45, -0.72), "(x, y, z) becomes (x, z, -y).  Front: -Y becomes +Z", ha="center", va="center")


def draw(dataset: Path, library: Path, index: int, chair: str, out: Path) -> None:
    """Write the figure."""
    scene = Dataset(dataset)[index]
    camera = scene.cameras[0]
    meshes = {}
    for name in {item.asset for item in scene.objects} | {chair}:
        arrays = np.load(library / name / "mesh.npz")
        meshes[name] = (arrays["vertices"].astype(float), arrays["faces"].astype(np.int64))
    vertices = meshes[chair][0]
    size = vertices.max(axis=0) - vertices.min(axis=0)

    figure = plt.figure(figsize=(16, 16.4), dpi=100, facecolor="white")
    draw_room(figure.add_axes((0.01, 0.63, 0.62, 0.345)), scene)
    draw_image(figure.add_axes((0.685, 0.66, 0.295, 0.29)), scene, camera)
    draw_frustum(figure.add_axes((0.01, 0.325, 0.43, 0.275)), scene, camera, meshes)
    draw_slice(figure.add_axes((0.46, 0.34, 0.29, 0.26)), figure.add_axes((0.79, 0.36, 0.19, 0.2)), scene, camera)
    maps = [(0.015, 0.07, 0.2, 0.195), (0.22, 0.07, 0.012, 0.195), (0.27, 0.07, 0.2, 0.195)]
    draw_maps(*(figure.add_axes(place) for place in maps), scene)
    draw_asset(figure.add_axes((0.49, 0.005, 0.25, 0.26)), meshes[chair], size, class_colors(["chair"])[0])
    draw_ndc(figure.add_axes((0.745, 0.135, 0.25, 0.13)), camera)
    draw_gltf(figure.add_axes((0.745, 0.0, 0.25, 0.11)))
    figure.savefig(out, dpi=100)
    plt.close(figure)
    # A palette of 256 colours halves the file and cannot be seen.
    Image.open(out).convert("RGB").quantize(256, dither=Image.Dither.NONE).save(out, optimize=True)


def main() -> None:
    """Read the command line and draw."""
    parser = argparse.ArgumentParser(description="Draw the figure of docs/coordinates.md.")
    parser.add_argument("dataset", type=Path, help="a data set of scenegen generate, in folders")
    parser.add_argument("--assets", type=Path, required=True, help="the library that it was made from")
    parser.add_argument("--scene", type=int, default=0, help="which scene")
    parser.add_argument("--chair", required=True, help="the asset that shows the asset frame")
    parser.add_argument("--out", type=Path, default=Path(__file__).with_name("coordinates.png"))
    options = parser.parse_args()
    draw(options.dataset, options.assets, options.scene, options.chair, options.out)


if __name__ == "__main__":
    main()
