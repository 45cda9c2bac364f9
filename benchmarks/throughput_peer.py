"""BlenderProc's side of throughput.py: the scenes that our side wrote, through BlenderProc's own interface.

With --prepare, before anything is timed: every model and every room of those scenes as a .blend file.
"""

from __future__ import annotations

import argparse
import atexit
import json
import os
import sys
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--blenderproc", type=Path, required=True)
    parser.add_argument("--scenes", type=int, required=True)
    parser.add_argument("--quality", required=True)
    parser.add_argument("--pixels", type=int, required=True)
    parser.add_argument("--assets", type=Path, default=Path.home() / ".scenegen" / "assets")
    parser.add_argument("--prepare", action="store_true")
    parser.add_argument("--equal", action="store_true", help="Cycles' settings by hand, equal to ours")
    options = parser.parse_args()
    sys.path += [str(ROOT / "generator"), str(ROOT)]
    scenes = [options.work / "ours" / "scenes" / f"scene_{n:06d}" / "scene.json" for n in range(options.scenes)]
    if options.prepare:
        prepare(options, scenes)
    else:
        render(options, [json.loads(path.read_text(encoding="utf-8")) for path in scenes])


def prepare(options: argparse.Namespace, scenes: list[Path]) -> None:
    """Write blends/ASSET.blend and blends/room_N.blend."""
    import bpy
    from scenegen.core.scene.scene_json import scene_from_json

    from blender_scripts.build.asset_cache import AssetCache
    from blender_scripts.build.scene import build_scene, empty_file, purge_scene

    blends = options.work / "blends"
    blends.mkdir(exist_ok=True)
    empty_file()
    cache = AssetCache(options.assets)
    for number, path in enumerate(scenes):
        scene = scene_from_json(path.read_text(encoding="utf-8"))
        build_scene(scene, cache)
        models = {thing.data.name: thing for thing in bpy.data.objects if thing.type == "MESH" and thing.pass_index}
        for placed in scene.objects:
            target = blends / f"{placed.asset}.blend"
            if not target.exists():
                thing = next(o for o in models.values() if o.name.endswith(f" {placed.asset}"))
                bpy.data.libraries.write(str(target), {thing}, fake_user=True, compress=False)
        shell = {o for o in bpy.data.objects if o.type == "LIGHT" or (o.type == "MESH" and not o.pass_index)}
        bpy.data.libraries.write(str(blends / f"room_{number}.blend"), shell, compress=False)
        purge_scene()
        cache.trim()


def render(options: argparse.Namespace, scenes: list[dict[str, Any]]) -> None:
    """Make every scene and write work/figures.json."""
    sys.path.insert(0, str(options.blenderproc))
    import blenderproc as bproc  # it takes its parent folder off the path again
    import bpy
    import numpy as np
    from blenderproc.python.writer.WriterUtility import _WriterUtility

    from benchmarks.throughput import cycles_seconds, resident_megabytes
    from blender_scripts.host.compat import find_hdri
    from blender_scripts.host.process import peak_megabytes
    from blender_scripts.render.cycles import QUALITIES, _sampling

    quality, blends, out = QUALITIES[options.quality], options.work / "blends", options.work / "theirs"
    bproc.init()
    bproc.renderer.set_render_devices(use_only_cpu=True)
    bproc.renderer.set_cpu_threads(0)
    bproc.renderer.set_max_amount_of_samples(quality.samples)
    bproc.renderer.set_noise_threshold(0)
    bproc.renderer.set_light_bounces(
        diffuse_bounces=quality.bounces, glossy_bounces=2, max_bounces=quality.bounces + 1, transmission_bounces=2,
        transparent_max_bounces=8, volume_bounces=0,
    )  # fmt: skip
    bproc.renderer.enable_depth_output(activate_antialiasing=False)
    bproc.renderer.enable_segmentation_output(map_by=["instance"])
    if options.equal:
        from blender_scripts.host.compat import use_denoiser

        bproc.renderer.set_denoiser(None)
        denoised = use_denoiser(bpy.context.scene.cycles)
        samples = quality.samples if denoised else quality.samples_undenoised
        _sampling(bpy.context.scene, samples, quality.bounces)
    traced: list[float] = []
    load_output_file = _WriterUtility.load_output_file

    def note_cycles(file_path: str, *arguments: Any, **options: Any) -> Any:
        if file_path.endswith(".png"):
            traced.append(cycles_seconds(Path(file_path)))
        return load_output_file(file_path, *arguments, **options)

    _WriterUtility.load_output_file = staticmethod(note_cycles)
    flip = np.diag([1.0, -1.0, -1.0, 1.0])
    seconds, cycles, resident = [], [], []
    for number, scene in enumerate(scenes):
        started = time.perf_counter()
        bproc.clean_up()
        room = bproc.loader.load_blend(str(blends / f"room_{number}.blend"), obj_types=["mesh", "light"])
        look = scene["look"]
        hdri = find_hdri(look["hdri"])
        if hdri:
            bproc.world.set_world_background_hdr_img(
                str(hdri), strength=look["hdri_strength"], rotation_euler=[0.0, 0.0, look["hdri_rotation"]]
            )
        if options.equal:
            world = bpy.context.scene.world
            world.cycles.sampling_method, world.cycles.sample_map_resolution = "MANUAL", 512
        for placed in scene["objects"]:
            (thing,) = bproc.loader.load_blend(str(blends / f"{placed['asset']}.blend"))
            thing.set_local2world_mat(np.array(placed["matrix"]))
            thing.set_cp("category_id", placed["id"] + 1)
            thing.blender_obj.pass_index = placed["id"] + 1
        for thing in room:
            thing.set_cp("category_id", 0)
        for camera in scene["cameras"]:
            bproc.camera.set_intrinsics_from_K_matrix(camera["K"], camera["width"], camera["height"])
            bproc.camera.add_camera_pose(np.linalg.inv(np.array(camera["world_to_camera"])) @ flip)
        traced.clear()
        data = bproc.renderer.render()
        bproc.writer.write_hdf5(str(out), data, append_to_existing_output=True)
        seconds.append(time.perf_counter() - started)
        cycles.append(sum(traced))
        resident.append(resident_megabytes())
    figures = {"seconds": seconds, "cycles": cycles, "resident": resident, "peak": peak_megabytes()}
    (options.work / "figures.json").write_text(json.dumps(figures), encoding="utf-8")
    sys.stdout.flush()
    atexit._run_exitfuncs()  # removes BlenderProc's temporary folder
    os._exit(0)  # this bpy crashes on its way out


if __name__ == "__main__":
    main()
