"""Make one scene after another in this Blender: layout, build, render, labels, files."""

from __future__ import annotations

import dataclasses
import shutil
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path

import bpy
from scenegen.core import rng
from scenegen.core.asset_library import Asset
from scenegen.core.dataset.credits import credit_entries
from scenegen.core.dataset.folders import unfinished
from scenegen.core.dataset.request import WHOLE_MACHINE, Request, Resources
from scenegen.core.dataset.writing import SceneWriter, write_labels
from scenegen.core.look.variation import HDRIS
from scenegen.core.make_scene import make_scene
from scenegen.core.preset.preset import Preset
from scenegen.core.scene.scene import ALL_VOXEL_LABELS

from blender_scripts.build.asset_cache import AssetCache
from blender_scripts.build.scene import build_scene, empty_file, purge_scene
from blender_scripts.host.compat import find_hdri
from blender_scripts.host.interrupt import end_on_interrupt
from blender_scripts.render.cycles import QUALITIES, configure, render_cameras

SCENES_A_FILE = 50
"""Scenes until Blender gets an empty file. Within one file, removing a scene takes .15 ms longer with every scene that
was made before it, although nothing of those is left; the reason is not known. An empty file resets it."""

STAGES = ("layout", "load", "build", "render", "labels", "write", "purge")


class SceneMaker:
    """Makes the scenes of a request, in a context: it owns a thread and a temporary folder.

    `request` is as `for_blender` returns it, and `assets` are those of its split, sorted by name. `notes` are lines the
    user should read once. Raises UsageError when the device does not exist.
    """

    def __init__(
        self, request: Request, preset: Preset, assets: Sequence[Asset], resources: Resources = WHOLE_MACHINE
    ) -> None:
        self.request = request
        self.preset = preset
        self.assets = tuple(assets)
        self.resources = resources
        self.notes = self._open_empty_file()
        self._made = 0
        if find_hdri(HDRIS[0]) is None:
            self.notes += ("this Blender ships no world images: plain white light instead",)
        self._folder = tempfile.TemporaryDirectory(prefix="scenegen-")
        self._thread = ThreadPoolExecutor(1, "labels")
        self._stack = ExitStack()

    def __enter__(self) -> SceneMaker:
        self._stack.enter_context(end_on_interrupt(self._temporary_folders))
        return self

    def __exit__(self, *_: object) -> None:
        self._thread.shutdown()
        self._folder.cleanup()
        shutil.rmtree(bpy.app.tempdir, ignore_errors=True)  # the bpy wheel leaves it behind
        self._stack.close()

    def _temporary_folders(self) -> list[Path]:
        """What must not stay when this process ends in the middle of a scene."""
        return [Path(self._folder.name), *unfinished(self.request.folder)]

    def _open_empty_file(self) -> tuple[str, ...]:
        """Start with nothing in Blender; return the notes of `configure`."""
        self.cache = AssetCache(self.request.library)
        self._target = empty_file()
        quality, resources = QUALITIES[self.request.quality], self.resources
        return configure(self._target, quality, self.request.device, resources.threads, resources.gpu)

    def make(self, index: int) -> dict[str, float]:
        """Make and write scene `index`; wall seconds per stage.

        The labels are made while Cycles renders: "labels" is how much longer they took. Whatever goes wrong, the
        Blender is clean for the next scene.
        """
        request, seconds = self.request, dict.fromkeys(STAGES, 0.0)
        with _timed(seconds, "layout"):
            scene = make_scene(self.preset, self.assets, request.seed, index, request.split, request.kinds_of_variation)
        names = sorted({placed.asset for placed in scene.objects})
        credits = credit_entries(asset for asset in self.assets if asset.name in names)
        scene = dataclasses.replace(
            scene,
            extra={**scene.extra, "credits": credits},
            map_spec=request.map_spec,
            voxel_spec=ALL_VOXEL_LABELS,
            classes=request.classes_of(self.preset),
            grids=request.grids(self.preset.grids),
        )
        try:
            with _timed(seconds, "load"):
                meshes = {name: self.cache.label_mesh(name) for name in names}
            with _timed(seconds, "build"):
                cameras = build_scene(scene, self.cache)
            with SceneWriter(request.folder, index) as writer:
                pending = self._thread.submit(write_labels, writer, scene, meshes)
                try:
                    with _timed(seconds, "render"):
                        images = [Path(self._folder.name) / f"image_{k}.png" for k in range(len(cameras))]
                        noise_seed = rng.integer(rng.stream(request.seed, index, "noise"), 0, 2**30)
                        render_cameras(self._target, cameras, images, noise_seed, scene.look)
                finally:
                    with _timed(seconds, "labels"):
                        pending.result()
                with _timed(seconds, "write"):
                    writer.images(images)
                    writer.finish(scene)
        finally:
            with _timed(seconds, "purge"):
                purge_scene()
                self.cache.trim()
                self._made += 1
                if self._made % SCENES_A_FILE == 0:
                    self._open_empty_file()
        return seconds


@contextmanager
def _timed(seconds: dict[str, float], stage: str) -> Iterator[None]:
    started = time.perf_counter()
    try:
        yield
    finally:
        seconds[stage] += time.perf_counter() - started
