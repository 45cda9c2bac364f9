"""Read the look of a Blender material into plain numbers and image files (see import_model)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import bpy
import numpy as np
from scenegen.core.own_files import is_own

from blender_scripts.host.compat import uses_nodes
from blender_scripts.imports.image_files import find_image, lies_outside
from blender_scripts.imports.ledger import shader_warnings

SLOTS = {
    "base_color": ("Base Color", "Color"),
    "metallic": ("Metallic",),
    "roughness": ("Roughness",),
    "alpha": ("Alpha",),
    "normal": ("Normal",),
    "emission": ("Emission Color", "Emission"),
}
CHANNELS = {"Red": "R", "Green": "G", "Blue": "B", "R": "R", "G": "G", "B": "B", "Alpha": "A"}
UNREAD_NODES = {"VALTORGB", "HUE_SAT", "BRIGHTCONTRAST", "GAMMA", "INVERT", "CURVE_RGB", "MAP_RANGE"}
ORDINARY_IOR = 1.45
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


@dataclass
class Traced:
    """What feeds a socket: an image (one channel of it), a colour attribute or a constant, and the factors on the way.

    `cutoff`: an alpha of at least that is opaque, a lower one transparent. `height`: the image holds heights, not
    normals. `strength` is that of the normals. `unread` names what has no effect on the result.
    """

    image: Any = None
    channel: str = "RGB"
    factor: tuple[float, float, float] = (1.0, 1.0, 1.0)
    uv_map: str | None = None
    uv_transform: tuple[float, float, float, float, float] | None = None
    color_attribute: str | None = None
    constant: bool = False
    cutoff: float | None = None
    height: bool = False
    strength: float = 1.0
    wrap: tuple[str, str] = ("repeat", "repeat")
    unread: tuple[str, ...] = ()


def read_material(material: Any, images: Images, *, from_obj: bool) -> dict[str, Any]:
    """Describe a material with plain values for JSON; see `Material` for the numbers.

    `textures` maps a slot to {"image": file name or None when missing, "channel", "factor", ...}; `warnings` name what
    is not shown.
    """
    result: dict[str, Any] = {"name": material.name, "base_color": list(material.diffuse_color[:3]), "textures": {}}
    result["warnings"] = []
    shader = _shader(material)
    if shader is None:
        return result
    sockets = {slot: _socket(shader, names) for slot, names in SLOTS.items()}
    if shader.type == "BSDF_PRINCIPLED":
        result["warnings"] += shader_warnings(material.name, shader)
    reflective = _is_specular_glossy(shader)
    metal = reflective and _is_black(sockets["base_color"])
    if metal:
        sockets["base_color"] = _socket(shader, ("Specular Tint",))
    for slot in ("base_color", "metallic", "roughness", "alpha", "emission"):
        value = _constant(sockets[slot])
        if value is not None:
            result[slot] = list(value) if slot in ("base_color", "emission") else value[0]
    for key, names in {
        "transmission": ("Transmission Weight", "Transmission"),
        "ior": ("IOR",),
        "emission_strength": ("Emission Strength", "Strength"),
    }.items():
        value = _constant(_socket(shader, names))
        if value is not None:
            result[key] = value[0]
    if reflective:
        result |= {"ior": ORDINARY_IOR, "metallic": 1.0 if metal else 0.0}
    if shader.type == "EMISSION":  # an unlit look: what it shows is its colour, not a lamp
        result["emission_strength"] = 0.0
    if shader.type in ("BSDF_GLASS", "BSDF_REFRACTION"):
        result["transmission"] = 1.0
    if from_obj:  # exporters write `Tf 1 1 1` for opaque paint, which becomes full transmission, so dark glass
        result["transmission"] = 0.0
    for slot, socket in sockets.items():
        traced = _trace(socket) if socket is not None and socket.is_linked else None
        if traced is None:
            continue
        if slot == "base_color" and traced.color_attribute is not None:
            result["color_attribute"] = traced.color_attribute
        result["warnings"] += [f"{material.name}: {slot} is shown without {each}" for each in traced.unread]
        if traced.image is None and (traced.constant or (slot == "base_color" and traced.color_attribute is not None)):
            result[slot] = list(traced.factor) if slot in ("base_color", "emission") else traced.factor[0]
        if traced.image is not None:
            result["textures"][slot] = {
                "image": images.write(traced.image),
                "file": Path(traced.image.filepath_raw or traced.image.name).name,
                "outside": images.lies_outside(traced.image),
                "channel": traced.channel,
                "factor": list(traced.factor),
                "cutoff": traced.cutoff,
                "height": traced.height,
                "strength": traced.strength,
                "wrap": list(traced.wrap),
            }
            if from_obj and slot == "alpha":  # map_d of an image without alpha means its brightness
                result["textures"][slot]["channel"] = "A or RGB"
            if from_obj and slot == "normal":  # map_Bump is for heights, but many exporters write normals
                result["textures"][slot] |= {"height": None, "strength": traced.strength or 1.0}  # 0: no -bm is given
            if slot == "base_color":
                result["uv_map"] = traced.uv_map
                result["uv_transform"] = traced.uv_transform
    return result


def _is_specular_glossy(shader: Any) -> bool:
    """Whether this is glTF's older kind of material: its IOR is 1000, so that it reflects the specular tint."""
    ior = _constant(_socket(shader, ("IOR",)))
    return ior is not None and ior[0] > 100


def _is_black(socket: Any) -> bool:
    """Whether a colour is black: then the whole colour is in the reflection, as with a metal."""
    value = _constant(socket)
    return value is not None and not socket.is_linked and max(value[:3]) < 0.1


def _shader(material: Any) -> Any:
    """The shader that shows most: the first Principled behind the output, else the first other with a colour."""
    tree = material.node_tree if uses_nodes(material) else None
    if tree is None:
        return None
    output = tree.get_output_node("ALL")
    if output is None or not output.inputs["Surface"].is_linked:
        return None
    found = list(_walk(output.inputs["Surface"], set()))
    principled = [node for node in found if node.type == "BSDF_PRINCIPLED"]
    coloured = [n for n in found if n.type.startswith(("BSDF", "EMISSION", "BACKGROUND", "SUBSURFACE"))]
    useful = [node for node in coloured if node.type != "BSDF_TRANSPARENT"]
    return next(iter(principled + useful), None)


def _walk(socket: Any, seen: set[str]) -> Iterator[Any]:
    for link in socket.links:
        node = link.from_node
        if node.name not in seen:
            seen.add(node.name)
            yield node
            if node.type == "GROUP" and node.node_tree:
                for inner in node.node_tree.nodes:
                    if inner.type == "GROUP_OUTPUT":
                        for group_socket in inner.inputs:
                            yield from _walk(group_socket, set())
            for following in node.inputs:
                yield from _walk(following, seen)


def _socket(node: Any, names: tuple[str, ...]) -> Any:
    return next((node.inputs[name] for name in names if name in node.inputs), None)


def _constant(socket: Any) -> tuple[float, ...] | None:
    if socket is None or not hasattr(socket, "default_value"):
        return None
    value = socket.default_value
    return (float(value),) if isinstance(value, (int, float)) else tuple(float(v) for v in value[:3])


def _trace(socket: Any, depth: int = 0) -> Traced | None:
    """Follow a socket back to an image or a colour attribute through the nodes that importers make."""
    if depth > 16 or not socket.is_linked:
        return None
    link = socket.links[0]
    node = link.from_node
    if node.type == "TEX_IMAGE":
        if node.image is None or node.image.source in ("MOVIE", "SEQUENCE"):
            return None
        uv_map, transform = _uv(node.inputs["Vector"])
        channel = "A" if link.from_socket.name == "Alpha" else "RGB"
        return Traced(node.image, channel, uv_map=uv_map, uv_transform=transform, wrap=_wrap(node))
    if node.type == "VERTEX_COLOR":
        return Traced(color_attribute=node.layer_name)
    if node.type == "ATTRIBUTE":
        return Traced(color_attribute=node.attribute_name)
    if node.type == "GROUP" and node.node_tree:
        for inner in node.node_tree.nodes:
            if inner.type == "GROUP_OUTPUT" and link.from_socket.name in inner.inputs:
                return _trace(inner.inputs[link.from_socket.name], depth + 1)
        return None
    branches = [(s, _trace(s, depth + 1)) for s in node.inputs if s.enabled]
    traced = [(s, t) for s, t in branches if t is not None]
    if not traced:
        return _leaf(node, link.from_socket)
    result = next((t for _, t in traced if t.image is not None), traced[0][1])
    result.color_attribute = next((t.color_attribute for _, t in traced if t.color_attribute is not None), None)
    result.unread = tuple(dict.fromkeys(each for _, t in traced for each in t.unread))
    if node.type in ("SEPARATE_COLOR", "SEPRGB"):
        result.channel = CHANNELS.get(link.from_socket.name, "R")
    if node.type == "BUMP":
        result.height = any(s.name == "Height" and t is result for s, t in traced)
    if node.type in ("BUMP", "NORMAL_MAP"):
        result.strength = float(node.inputs["Strength"].default_value)
    if node.type == "MATH" and node.operation in ("LESS_THAN", "ROUND"):
        result.cutoff = float(node.inputs[1].default_value) if node.operation == "LESS_THAN" else 0.5
    if node.type in ("MIX", "MIX_RGB", "MATH") and _multiplies(node):
        result.factor = _times(result.factor, node, {s.identifier for s, _ in traced})
    if node.type in UNREAD_NODES:
        result.unread += (f"its {node.bl_label} node",)
    if node.type == "VALTORGB" and result.image is None:
        red, green, blue = np.mean([node.color_ramp.evaluate(at / 16)[:3] for at in range(17)], axis=0).tolist()
        return Traced(factor=(red, green, blue), constant=True, unread=result.unread)
    return result


def _leaf(node: Any, output: Any) -> Traced | None:
    """What a node gives that nothing feeds: a constant, the mean colour of a pattern, or nothing that is read."""
    if node.type in ("RGB", "VALUE"):
        value = _constant(output) or (0.0,)
        return Traced(factor=(value[0], value[len(value) // 3], value[-1]), constant=True)
    if node.type.startswith("TEX_") or node.type in ("OBJECT_INFO", "NEW_GEOMETRY", "AMBIENT_OCCLUSION", "WIREFRAME"):
        pattern = [_constant(node.inputs[name]) for name in ("Color1", "Color2") if name in node.inputs]
        colours = [colour for colour in pattern if colour is not None and len(colour) == 3]
        unread = (f"its {node.bl_label} node",)
        if not colours:
            return Traced(unread=unread)
        mean = np.mean(colours, axis=0).tolist()
        return Traced(factor=(mean[0], mean[1], mean[2]), constant=True, unread=unread)
    return None


def _multiplies(node: Any) -> bool:
    return bool((node.operation if node.type == "MATH" else node.blend_type) == "MULTIPLY")


def _times(factor: tuple[float, float, float], node: Any, linked: set[str]) -> tuple[float, float, float]:
    for socket in node.inputs:
        if socket.identifier in linked or socket.is_linked or not socket.enabled or socket.name in ("Factor", "Fac"):
            continue
        value = _constant(socket)
        if value is not None and (node.type != "MATH" or socket.identifier in ("Value", "Value_001")):
            values = value if len(value) == 3 else value * 3
            factor = (factor[0] * values[0], factor[1] * values[1], factor[2] * values[2])
    return factor


def _wrap(node: Any) -> tuple[str, str]:
    """Wrap modes of an image node along u and v; where they differ, the glTF importer makes nodes that wrap the UVs."""
    both = {"REPEAT": "repeat", "MIRROR": "mirror"}.get(node.extension, "clamp")
    feeding = node.inputs["Vector"].links
    combined = feeding[0].from_node if feeding and feeding[0].from_node.type == "COMBXYZ" else None
    if combined is None:
        return both, both
    modes = []
    for socket in (combined.inputs["X"], combined.inputs["Y"]):
        operation = getattr(socket.links[0].from_node, "operation", "") if socket.links else ""
        modes.append({"WRAP": "repeat", "PINGPONG": "mirror"}.get(operation, both))
    return modes[0], modes[1]


def _uv(vector: Any) -> tuple[str | None, tuple[float, float, float, float, float] | None]:
    """Name of the UV map behind an image's Vector socket, and (scale u, v, rotation, offset u, v) if one is set."""
    uv_map, transform = None, None
    for node in _walk(vector, set()):
        if node.type == "UVMAP":
            uv_map = node.uv_map or None
        if node.type == "MAPPING" and node.vector_type == "POINT":
            scale, turn = node.inputs["Scale"].default_value, node.inputs["Rotation"].default_value
            offset = node.inputs["Location"].default_value
            values = (scale[0], scale[1], turn[2], offset[0], offset[1])
            if values != (1.0, 1.0, 0.0, 0.0, 0.0):
                transform = values
    return uv_map, transform
