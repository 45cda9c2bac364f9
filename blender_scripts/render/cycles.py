"""Render settings and the render itself: Cycles, few samples and a fast denoiser, one PNG per camera."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import bpy
import numpy as np
from PIL import Image
from scenegen.core.errors import UsageError
from scenegen.core.look.photograph import photograph
from scenegen.core.scene.scene import Look

from blender_scripts.host.compat import set_known, use_denoiser, use_device

_COMPRESSION = 4  # of noisy images: more takes longer and saves nothing


@dataclass(frozen=True)
class Quality:
    """Samples per pixel with a denoiser, samples without one, and how often light bounces between matt surfaces."""

    samples: int
    samples_undenoised: int
    bounces: int


QUALITIES = {"draft": Quality(4, 16, 1), "standard": Quality(16, 64, 2), "high": Quality(64, 256, 4)}


def configure(scene: Any, quality: Quality, device: str, threads: int, gpu: int | None = None) -> tuple[str, ...]:
    """Set a bpy scene up for rendering; return what the user should know about this host, one line each.

    `gpu` is the number of one GPU, modulo their count; None takes all.
    Raises UsageError when this machine has no `device`.
    """
    scene.render.engine = "CYCLES"
    used = use_device(scene, device, gpu)
    if used is None:
        raise UsageError(f"--device {device}: this machine has none that Cycles can use; try --device auto")
    denoised = use_denoiser(scene.cycles)
    _sampling(scene, quality.samples if denoised else quality.samples_undenoised, quality.bounces)
    _output(scene)
    scene.render.threads_mode = "FIXED" if threads else "AUTO"
    if threads:
        scene.render.threads = threads
    notes = [f"rendering on {used}"]
    if not denoised:
        notes.append(f"this Blender has no OpenImageDenoise: {quality.samples_undenoised} samples instead of "
                     f"{quality.samples}")  # fmt: skip
    return tuple(notes)


# What images depend on, set whatever the factory file of a version says. 5.1 stores another sampling pattern: 7 to
# 21% of the pixels of an image change by more than 8 levels. A setting that a Blender does not have is left out.
_CYCLES: dict[str, Any] = {
    "feature_set": "SUPPORTED",
    "sampling_pattern": "AUTOMATIC",
    "use_adaptive_sampling": False,
    "use_light_tree": False,  # helps with many lamps; with one to three it costs a sixth of the time
    "light_sampling_threshold": 0.01,
    "use_guiding": False,
    "use_sample_subset": False,
    "sample_offset": 0,
    "use_animated_seed": False,
    "use_pixel_jitter": False,
    "pixel_filter_type": "BLACKMAN_HARRIS",
    "filter_width": 1.5,
    "film_exposure": 1.0,
    "use_fast_gi": False,
    "min_light_bounces": 0,
    "min_transparent_bounces": 0,
    "glossy_bounces": 2,
    "transmission_bounces": 2,
    "transparent_max_bounces": 32,  # a crown of leaf cards: with 8, 2% of its pixels end black inside it
    "volume_bounces": 0,
    "caustics_reflective": False,
    "caustics_refractive": False,
    "blur_glossy": 1.0,
    "sample_clamp_direct": 0.0,
    "sample_clamp_indirect": 3.0,
    "texture_resolution_render": 1.0,
}
_LAYER = {"denoising_pass_follow_reflections": True, "denoising_pass_use_albedo_roughness_weighting": True}
_RENDER: dict[str, Any] = {
    "resolution_percentage": 100,
    "pixel_aspect_x": 1.0,
    "pixel_aspect_y": 1.0,
    "use_border": False,
    "use_simplify": False,
    "use_motion_blur": False,
    "film_transparent": False,
    "use_compositing": False,
    "use_sequencer": False,
    "dither_intensity": 0.0,
    "use_texture_cache": False,
    "use_auto_generate_texture_cache": False,
    "save_output": True,
}
_VIEW: dict[str, Any] = {
    "view_transform": "Standard",
    "look": "None",
    "gamma": 1.0,
    "use_curve_mapping": False,
    "use_white_balance": False,
    "use_hdr_view": False,
}
_DISPLAY = {"display_device": "sRGB", "emulation": "AUTO"}
_IMAGE: dict[str, Any] = {  # in this order: the media type decides which formats there are
    "media_type": "IMAGE",
    "file_format": "PNG",
    "color_mode": "RGB",
    "color_depth": "8",
    "compression": 15,
}


def _sampling(scene: Any, samples: int, bounces: int) -> None:
    cycles = scene.cycles
    set_known(cycles, _CYCLES)
    cycles.samples = samples
    cycles.max_bounces = bounces + 1
    cycles.diffuse_bounces = bounces
    set_known(scene.view_layers[0].cycles, _LAYER)


def _output(scene: Any) -> None:
    set_known(scene.render, _RENDER)
    set_known(scene.view_settings, _VIEW)
    set_known(scene.display_settings, _DISPLAY)
    set_known(scene.render.image_settings, _IMAGE)


def warm_up(quality: Quality, device: str) -> tuple[str, ...]:
    """Render a few pixels of an empty scene, so that the GPU's kernels are compiled and cached; see `configure`."""
    scene = bpy.context.scene
    notes = configure(scene, quality, device, 0)
    bpy.ops.mesh.primitive_cube_add()
    bpy.ops.object.camera_add(location=(0.0, 0.0, 5.0))
    scene.camera = bpy.context.object
    scene.render.resolution_x = scene.render.resolution_y = 8
    bpy.ops.render.render()
    return notes


def render_cameras(
    scene: Any, cameras: Sequence[Any], paths: Sequence[Path], seed: int, look: Look | None = None
) -> None:
    """Render each camera object to its path, at the resolution that its "width" and "height" properties give.

    `seed` is that of Cycles' first image; the camera of `look` has a lens and a sensor.
    """
    scene.render.use_persistent_data = True  # the cameras of a scene share what Cycles made of it
    for number, (camera, path) in enumerate(zip(cameras, paths, strict=True)):
        scene.camera = camera
        scene.cycles.seed = seed + number
        scene.render.resolution_x, scene.render.resolution_y = camera["width"], camera["height"]
        scene.render.filepath = str(path)
        bpy.ops.render.render(write_still=True)
        drop_metadata(path)
        if look and (look.noise or look.camera):
            with Image.open(path) as image:
                pixels = np.asarray(image)
            Image.fromarray(photograph(pixels, look, seed + number)).save(path, compress_level=_COMPRESSION)
    # Frees it. Kept for the next scene, it would change that scene's noise: images would depend on their order.
    scene.render.use_persistent_data = False


def drop_metadata(path: Path) -> None:
    """Keep only the pixels of a PNG file: Blender adds dates and durations, but equal scenes must be equal bytes."""
    content = path.read_bytes()
    kept, start = [content[:8]], 8
    while start < len(content):
        end = start + 12 + int.from_bytes(content[start : start + 4], "big")  # length, name, body, checksum
        if content[start + 4 : start + 8] in (b"IHDR", b"IDAT", b"IEND"):
            kept.append(content[start:end])
        start = end
    path.write_bytes(b"".join(kept))
