"""Read the look of a Blender material into plain numbers and image files (see import_model)."""

from __future__ import annotations

import math
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import bpy
from scenegen.core.own_files import is_own

from blender_scripts.host.compat import uses_nodes
from blender_scripts.imports.image_files import find_image, lies_outside
from blender_scripts.imports.ledger import grey_tint, shader_warnings
from blender_scripts.imports.trace import Traced, constant, trace, walk

SLOTS = {
    "base_color": ("Base Color", "Color"),
    "metallic": ("Metallic",),
    "roughness": ("Roughness",),
    "alpha": ("Alpha",),
    "normal": ("Normal",),
    "emission": ("Emission Color", "Emission"),
}
LEADING = ("base_color", "normal", "roughness", "metallic", "emission", "alpha")  # the first decides the UVs of all
ORDINARY_IOR = 1.45
SPECULAR_OF_PAINT = (0.02, 0.08)  # reflectance at normal incidence of what is no metal
READABLE = {".png", ".jpg", ".jpeg", ".webp", ".bmp", ".tga", ".tif", ".tiff", ".gif"}


@dataclass
class Images:
    """Writes each image once below `folder`; `search` is where files with a wrong path or case are looked for."""

    folder: Path
    search: Path
    written: dict[str, str | None] = field(default_factory=dict)

    def write(self, image: Any) -> str | None:
        """File name below `folder`, or None when the image has no content."""
        if image.name not in self.written:
            self.written[image.name] = self._write(image, len(self.written))
        return self.written[image.name]

    def load(self, named: str, folder: Path) -> dict[str, Any]:
        """`image` (as `write` gives it) and `outside` of a texture that a file in `folder` calls `named`."""
        path = find_image(named, folder) or find_image(named, self.search)
        written = None
        if path is not None:
            with suppress(RuntimeError):  # no image
                written = self.write(bpy.data.images.load(str(path), check_existing=True))
        return {"image": written, "outside": path is None and lies_outside(named, folder)}

    def put(self, name: str, content: bytes) -> str | None:
        """As `write`, of the content of an image file."""
        if name not in self.written:
            suffix = Path(name).suffix.lower()
            file = self.folder / f"image_{len(self.written)}{'' if suffix in READABLE else suffix}"
            file.write_bytes(content)
            self.written[name] = file.name
            if suffix not in READABLE:  # have Blender read it
                with suppress(RuntimeError):
                    self.written[name] = self._write(bpy.data.images.load(str(file)), len(self.written))
        return self.written[name]

    def _write(self, image: Any, number: int) -> str | None:
        path = self._on_disk(image)
        name = Path(image.filepath_raw or image.name).name
        suffix = Path(name).suffix.lower()
        if image.packed_file:
            content = bytes(image.packed_file.data)
        elif path is not None:
            content = path.read_bytes()
        elif image.source == "GENERATED" and not image.filepath_raw:
            content = b""
        else:
            return None
        if content and (suffix in READABLE or (image.packed_file and content[:4] in (b"\x89PNG", b"RIFF"))):
            (self.folder / f"image_{number}").write_bytes(content)
            return f"image_{number}"
        if not all(image.size):
            return None
        image.file_format = "PNG"
        image.filepath_raw = str(self.folder / f"image_{number}.png")
        image.save()
        return f"image_{number}.png"

    def _on_disk(self, image: Any) -> Path | None:
        if not image.filepath_raw:
            return None
        path = Path(bpy.path.abspath(image.filepath_raw, library=image.library))
        own = path.is_file() and is_own(path, self.search)
        return path if own else find_image(str(path), self.search)

    def lies_outside(self, image: Any) -> bool:
        """Whether the image's file is there, but the model may not read it."""
        return bool(image.filepath_raw) and lies_outside(
            bpy.path.abspath(image.filepath_raw, library=image.library), self.search
        )


def read_material(material: Any, images: Images, *, named_by_file: bool = False) -> dict[str, Any]:
    """Describe a material with plain values for JSON; see `Material` for the numbers.

    `textures` maps a slot to {"image": file name or None when missing, "channel", "factor", ...}; `warnings` name what
    is not shown. `named_by_file`: the warnings about the file name what the shader has beside a plain material.
    """
    result: dict[str, Any] = {"name": material.name, "base_color": list(material.diffuse_color[:3]), "textures": {}}
    result["warnings"] = []
    shader = next(iter(_shaders(material)), None)
    if shader is None:
        return result
    sockets = {slot: _socket(shader, names) for slot, names in SLOTS.items()}
    if not named_by_file:
        result["warnings"] += shader_warnings(material.name, shader) + _other_shaders(material, shader)
    reflective = _is_specular_glossy(shader)
    metal = reflective and _is_black(sockets["base_color"])
    if metal:
        sockets["base_color"] = _socket(shader, ("Specular Tint",))
    for slot in ("base_color", "metallic", "roughness", "alpha", "emission"):
        value = constant(sockets[slot])
        if value is not None:
            result[slot] = list(value) if slot in ("base_color", "emission") else value[0]
    for key, names in {
        "transmission": ("Transmission Weight", "Transmission"),
        "ior": ("IOR",),
        "emission_strength": ("Emission Strength", "Strength"),
    }.items():
        value = constant(_socket(shader, names))
        if value is not None:
            result[key] = value[0]
    if reflective:
        result |= {"ior": ORDINARY_IOR, "metallic": 1.0 if metal else 0.0}
        tint = _socket(shader, ("Specular Tint",))
        low, high = SPECULAR_OF_PAINT
        if not metal and (tint.is_linked or not all(low <= value <= high for value in constant(tint) or ())):
            result["warnings"].append(f"{material.name}: its specular colour is not shown")
    if shader.type == "EMISSION":  # an unlit look: what it shows is its colour, not a lamp
        result["emission_strength"] = 0.0
    if shader.type in ("BSDF_GLASS", "BSDF_REFRACTION"):
        result["transmission"] = 1.0
    if shader.type == "BSDF_PRINCIPLED" and not reflective:
        tint = None if named_by_file else grey_tint(shader)
        result |= _with_specular_level(result, shader, 1.0 if tint is None else tint)
    for slot, socket in sockets.items():
        if socket is not None and socket.is_linked:
            traced = trace(socket) or Traced(unread=(f"its {socket.links[0].from_node.bl_label} node",))
            _read_slot(result, slot, traced, images)
    leading = next((slot for slot in LEADING if slot in result["textures"]), None)
    if leading is not None:
        result |= {key: result["textures"][leading][key] for key in ("uv_map", "uv_transform")}
    return result


def _read_slot(result: dict[str, Any], slot: str, traced: Traced, images: Images) -> None:
    """Add to a description what feeds one of its slots."""
    if traced.color_attribute is not None and slot == "base_color":
        result["color_attribute"] = traced.color_attribute
    elif traced.color_attribute is not None and slot == "alpha":
        result["alpha_attribute"] = traced.color_attribute
    elif traced.color_attribute is not None:
        result["warnings"].append(f"{result['name']}: {slot} is shown without its attribute {traced.color_attribute}")
    result["warnings"] += [f"{result['name']}: {slot} is shown without {each}" for each in traced.unread]
    if traced.image is None and (traced.constant or (slot == "base_color" and traced.color_attribute is not None)):
        value = [1.0 - each for each in traced.factor] if traced.inverted else list(traced.factor)
        result[slot] = value if slot in ("base_color", "emission") else value[0]
    if traced.image is not None:
        result["textures"][slot] = {
            "image": images.write(traced.image),
            "file": Path(traced.image.filepath_raw or traced.image.name).name,
            "outside": images.lies_outside(traced.image),
            "channel": traced.channel,
            "factor": list(traced.factor),
            "inverted": traced.inverted,
            "cutoff": traced.cutoff,
            "height": traced.height,
            "strength": traced.strength,
            "wrap": list(traced.wrap),
            "uv_map": traced.uv_map,
            "uv_transform": traced.uv_transform,
        }
        if slot in ("metallic", "roughness", "alpha"):  # where the image cannot be shown
            result[slot] = traced.factor[0]
        elif traced.inverted:
            result["warnings"].append(f"{result['name']}: {slot} is shown without its inversion")


def _with_specular_level(result: dict[str, Any], shader: Any, tint: float) -> dict[str, Any]:
    """The index of refraction that reflects as much as the shader's specular level and grey tint let it.

    The level times two, and the tint, multiply the reflectance at normal incidence, ((ior - 1) / (ior + 1))^2. Not
    behind glass, which the index bends too.
    """
    socket = shader.inputs.get("Specular IOR Level")
    ior = result.get("ior", 1.5)
    if socket is None or socket.is_linked or result.get("transmission") or ior <= 1.0:
        return {}
    level = float(socket.default_value) * tint
    if abs(level - 0.5) < 1e-6:
        return {}
    root = math.sqrt(min(max(2.0 * level, 0.0), 20.0)) * (ior - 1.0) / (ior + 1.0)
    root = min(root, 0.9)
    return {"ior": (1.0 + root) / (1.0 - root)}


def _is_specular_glossy(shader: Any) -> bool:
    """Whether this is glTF's older kind of material: its IOR is 1000, so that it reflects the specular tint."""
    ior = constant(_socket(shader, ("IOR",)))
    return ior is not None and ior[0] > 100


def _is_black(socket: Any) -> bool:
    """Whether a colour is black: then the whole colour is in the reflection, as with a metal."""
    value = constant(socket)
    return value is not None and not socket.is_linked and max(value[:3]) < 0.1


def _output(material: Any) -> Any:
    tree = material.node_tree if uses_nodes(material) else None
    return tree.get_output_node("ALL") if tree is not None else None


def _shaders(material: Any) -> list[Any]:
    """The shaders behind a material's output that have a colour, the one that shows most first: a Principled."""
    output = _output(material)
    if output is None:
        return []
    found = list(walk(output.inputs["Surface"], set()))
    principled = [node for node in found if node.type == "BSDF_PRINCIPLED"]
    coloured = [n for n in found if n.type.startswith(("BSDF", "EMISSION", "BACKGROUND", "SUBSURFACE"))]
    useful = [node for node in coloured if node.type not in ("BSDF_TRANSPARENT", "BSDF_PRINCIPLED")]
    return principled + useful


def _other_shaders(material: Any, shown: Any) -> list[str]:
    """Warnings about what feeds a material's output beside the shader that is shown."""
    found = [
        f"{material.name}: its {each.bl_label} is not shown beside {shown.bl_label}"
        for each in _shaders(material)
        if each != shown
    ]
    output = _output(material)
    for name in ("Volume", "Displacement"):
        if name in output.inputs and output.inputs[name].is_linked:
            found.append(f"{material.name}: {name} is not shown")
    return found


def _socket(node: Any, names: tuple[str, ...]) -> Any:
    return next((node.inputs[name] for name in names if name in node.inputs), None)
