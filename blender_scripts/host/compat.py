"""Every difference between the Blenders that are supported: 3.4 (Debian), 4.1 to 4.5 and 5.0 to 5.3.

Nothing else in blender_scripts asks for a version. Imports at module level need only the standard library, so that a
host that misses a module can still report it.
"""

from __future__ import annotations

import importlib.util
import platform
import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from scenegen.core.blender_protocol import GPU_KINDS, OLDEST_PYTHON, REQUIRED_MODULES
from scenegen.core.bpy_package import bpy_problem

_INSTEAD = "convert it to plain .glb, or use bpy 4.5 (Python 3.11)"

# Names of a Principled BSDF's sockets, newest first: they were renamed in 4.0.
_PRINCIPLED = {
    "transmission": ("Transmission Weight", "Transmission"),
    "emission": ("Emission Color", "Emission"),
    "sheen": ("Sheen Weight", "Sheen"),
    "coat": ("Coat Weight", "Clearcoat"),
    "coat_roughness": ("Coat Roughness", "Clearcoat Roughness"),
    "specular": ("Specular IOR Level", "Specular"),
}


def host_problem() -> str | None:
    """Why this host cannot generate, in one line with the fix; None when it can."""
    version = platform.python_version()
    if tuple(map(int, version.split(".")[:2])) < OLDEST_PYTHON:
        return f"this Blender's Python is {version}, 3.11 or newer is needed: use Blender 4.1 or newer"
    problem = bpy_problem("run this script in a Blender: `blender -b -P generate.py -- ...`")
    if problem:
        return problem
    missing = [package for name, package in REQUIRED_MODULES.items() if importlib.util.find_spec(name) is None]
    if missing:
        return f"this Blender misses {', '.join(missing)}: run `scenegen blender-setup --blender {_executable()}`"
    return None


def _executable() -> str:
    import bpy

    return bpy.app.binary_path or sys.executable


def missing_features() -> dict[str, str]:
    """What other Blenders can do and this one cannot, and what that means for the user, by a short name."""
    import _cycles
    import bpy

    found = {}
    if not _cycles.with_openimagedenoise:
        found["OpenImageDenoise"] = "images take four times the samples instead"
    if find_hdri("studio") is None:
        found["world images"] = "plain white light instead"
    if "collada_import" not in dir(bpy.ops.wm) and not importlib.util.find_spec("collada"):
        found["Collada"] = f".dae files are not read; {_INSTEAD}"
    if not unpacks_gltf("Draco") and not importlib.util.find_spec("DracoPy"):
        found["Draco"] = f"glTF packed with Draco is not read; {_INSTEAD}"
    if not unpacks_gltf("meshopt") and not importlib.util.find_spec("meshopt"):
        found["meshopt"] = (
            "glTF packed with meshopt is not read; unpack it with `npx @gltf-transform/cli copy IN.glb OUT.glb`"
        )
    if not importlib.util.find_spec("opengl_basisu"):
        found["KTX2"] = "KTX2 images are not read; give the model PNG or JPEG images"
    return found


def unpacks_gltf(name: str) -> bool:
    """Whether the importer has its library for "Draco" or "meshopt"; some packages of bpy lack it."""
    library = f"bf_intern_{name.lower()}_bridge"
    for module, arguments in (
        ("io_scene_gltf2.io.com.library", (library, name)),  # since 5.2
        ("io_scene_gltf2.io.com.draco", ()),
        ("io_scene_gltf2.io.com.gltf2_io_draco_compression_extension", ()),
    ):
        try:
            path = importlib.import_module(module).dll_path(*arguments)
        except ImportError:
            continue
        # Before 5.2 there is no meshopt.
        return path is not None and path.is_file() and (bool(arguments) or name == "Draco")
    return False


def principled_socket(node: Any, key: str) -> Any:
    """Return an input of a Principled BSDF by its newest name, in any version."""
    for name in _PRINCIPLED.get(key, (key,)):
        if name in node.inputs:
            return node.inputs[name]
    raise KeyError(f"no socket {key} on {node.name}")


def set_known(target: Any, values: Mapping[str, Any]) -> None:
    """Set those of a struct's settings that this Blender has, in order; an enum item that it does not know is left out.

    3.4 has no sampling pattern AUTOMATIC, 4.5 no texture cache.
    """
    for name, value in values.items():
        if hasattr(target, name):
            with suppress(TypeError):
                setattr(target, name, value)


def node_tree(owner: Any) -> Any:
    """The node tree of a new material or world, empty. Since 5.0 there always is one, and asking for it warns."""
    import bpy

    if bpy.app.version < (5, 0, 0):
        owner.use_nodes = True
    owner.node_tree.nodes.clear()
    return owner.node_tree


def uses_nodes(material: Any) -> bool:
    """Whether nodes decide what a material of a file looks like: since 5.0 they always do, and asking warns."""
    import bpy

    return bpy.app.version >= (5, 0, 0) or bool(material.use_nodes)


def set_vertex_normals(mesh: Any, normals: Any) -> None:
    """Give a mesh its own shading normals; float32 (V, 3), unit."""
    import bpy

    if bpy.app.version >= (4, 5, 0):
        attribute = mesh.attributes.new("custom_normal", "FLOAT_VECTOR", "POINT")
        attribute.data.foreach_set("vector", normals.ravel())
        return
    if bpy.app.version < (4, 1, 0):
        mesh.use_auto_smooth = True
    mesh.normals_split_custom_set_from_vertices(normals.tolist())  # a list takes a quarter of an array's time


def use_denoiser(cycles: Any) -> bool:
    """Turn OpenImageDenoise on at its fastest; False where Blender was built without it (Debian)."""
    try:
        cycles.denoiser = "OPENIMAGEDENOISE"
    except TypeError:  # the enum has no such item
        cycles.use_denoising = False
        return False
    cycles.use_denoising = True
    cycles.denoising_input_passes = "RGB_ALBEDO_NORMAL"
    cycles.denoising_prefilter = "NONE"
    if hasattr(cycles, "denoising_quality"):
        cycles.denoising_quality = "FAST"
    return True


def list_gpus() -> dict[str, list[str]]:
    """The names of the GPUs that Cycles can render on, by kind; kinds without any are left out."""
    return {kind: [device.name for device in gpus] for kind in GPU_KINDS if (gpus := _gpus(kind))}


def use_device(scene: Any, wanted: str, number: int | None = None) -> str | None:
    """Make Cycles render on `wanted` ("auto": the first kind of GPU that this machine has, else the CPU).

    Of n GPUs it uses number `number` modulo n, or all when that is None. Returns what it uses ("cpu", or
    "optix: NVIDIA L4"), or None when there is no such device.
    """
    for kind in () if wanted == "cpu" else GPU_KINDS if wanted == "auto" else (wanted,):
        gpus = _gpus(kind)
        if gpus:
            taken = gpus if number is None else [gpus[number % len(gpus)]]
            for device in _preferences().devices:
                device.use = False
            for device in taken:
                device.use = True
            scene.cycles.device = "GPU"
            return f"{kind}: {', '.join(device.name for device in taken)}"
    scene.cycles.device = "CPU"
    return "cpu" if wanted in ("auto", "cpu") else None


def _gpus(kind: str) -> list[Any]:
    """The GPUs of a kind, which becomes the one that Cycles uses."""
    preferences = _preferences()
    try:
        found = preferences.get_devices_for_type(kind.upper())
        preferences.compute_device_type = kind.upper()
    except (TypeError, ValueError):  # this build does not know the kind
        return []
    return [device for device in found if device.type == kind.upper()]


def _preferences() -> Any:
    import bpy

    return bpy.context.preferences.addons["cycles"].preferences


def find_hdri(name: str) -> Path | None:
    """Return the file of one of Blender's own world HDRIs; None when this build has none."""
    import bpy

    folder = bpy.utils.system_resource("DATAFILES", path="studiolights/world")
    path = Path(folder) / f"{name}.exr"
    return path if folder and path.is_file() else None
