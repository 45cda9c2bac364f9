"""Follow the nodes behind a shader's input back to an image, a colour attribute or a constant."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

Transform = tuple[float, float, float, float, float]
CHANNELS = {"Red": "R", "Green": "G", "Blue": "B", "R": "R", "G": "G", "B": "B", "Alpha": "A"}
# Nodes on the way from an image whose effect is followed; any other is named.
_FOLLOWED = {"MIX", "MIX_RGB", "MATH", "SEPARATE_COLOR", "SEPRGB", "NORMAL_MAP", "BUMP", "REROUTE", "RGBTOBW", "INVERT"}
_FOLLOWED |= {"VECT_MATH", "CLAMP"}
_SMALL = 1e-6
_DECODES_NORMALS = ((2.0, 2.0, 2.0), (-1.0, -1.0, -1.0))


@dataclass
class Traced:
    """What feeds a socket: an image (one channel of it), a colour attribute or a constant, and the factors on the way.

    `cutoff`: an alpha of at least that is opaque, a lower one transparent. `inverted`: 1 minus the value is meant.
    `height`: the image holds heights, not normals. `strength` is that of the normals. `uv_transform`: scale u and v,
    rotation in radians, offset u and v, in that order. `unread` names what has no effect on the result.
    """

    image: Any = None
    channel: str = "RGB"
    factor: tuple[float, float, float] = (1.0, 1.0, 1.0)
    uv_map: str | None = None
    uv_transform: Transform | None = None
    color_attribute: str | None = None
    constant: bool = False
    cutoff: float | None = None
    inverted: bool = False
    height: bool = False
    strength: float = 1.0
    wrap: tuple[str, str] = ("repeat", "repeat")
    unread: tuple[str, ...] = ()


def trace(socket: Any, depth: int = 0) -> Traced | None:
    """Follow a socket back to an image or a colour attribute through the nodes that importers make."""
    if depth > 16 or not socket.is_linked:
        return None
    link = socket.links[0]
    node = link.from_node
    if node.type == "TEX_IMAGE":
        return _image(node, link.from_socket)
    if node.type == "VERTEX_COLOR":
        return Traced(color_attribute=node.layer_name)
    if node.type == "ATTRIBUTE":
        return Traced(color_attribute=node.attribute_name)
    if node.type == "GROUP" and node.node_tree:
        for inner in node.node_tree.nodes:
            if inner.type == "GROUP_OUTPUT" and link.from_socket.name in inner.inputs:
                return trace(inner.inputs[link.from_socket.name], depth + 1)
        return None
    branches = [(s, trace(s, depth + 1)) for s in node.inputs if s.enabled]
    traced = [(s, t) for s, t in branches if t is not None]
    if not traced:
        return _leaf(node, link.from_socket)
    return _through(node, link.from_socket, traced)


def _image(node: Any, output: Any) -> Traced | None:
    if node.image is None or node.image.source in ("MOVIE", "SEQUENCE"):
        return None
    uv_map, transform, unread = _uv(node.inputs["Vector"])
    if node.projection != "FLAT":
        unread = (*unread, f"its projection {node.projection}")
    channel = "A" if output.name == "Alpha" else "RGB"
    return Traced(node.image, channel, uv_map=uv_map, uv_transform=transform, wrap=_wrap(node), unread=unread)


def _through(node: Any, output: Any, traced: list[tuple[Any, Traced]]) -> Traced:
    """What `traced` inputs of a node become on their way through it."""
    result = next((t for _, t in traced if t.image is not None), traced[0][1])
    result.color_attribute = next((t.color_attribute for _, t in traced if t.color_attribute is not None), None)
    unread = [each for _, t in traced for each in t.unread]
    unread += [f"its image {t.image.name}" for _, t in traced if t.image is not None and t is not result]
    factor_sockets = {s.identifier for s, _ in traced}
    if node.type in ("SEPARATE_COLOR", "SEPRGB"):
        result.channel = CHANNELS.get(output.name, "R")
    elif node.type == "BUMP":
        result.height = any(s.name == "Height" and t is result for s, t in traced)
        result.strength = float(node.inputs["Strength"].default_value)
    elif node.type == "NORMAL_MAP":
        result.strength = float(node.inputs["Strength"].default_value)
    elif node.type == "MATH" and node.operation in ("LESS_THAN", "ROUND"):
        result.cutoff = float(node.inputs[1].default_value) if node.operation == "LESS_THAN" else 0.5
    elif node.type in ("MIX", "MIX_RGB", "MATH") and _multiplies(node):
        result.factor = _times(result.factor, node, factor_sockets)
    elif node.type == "MATH" and node.operation == "SUBTRACT" and _is_one_minus(node):
        result.inverted = result.cutoff is None and not result.inverted  # behind "less than" it is a part of the cutoff
    elif node.type == "INVERT" and constant(node.inputs[0]) == (1.0,):
        result.inverted = not result.inverted
    elif node.type == "VECT_MATH" and node.operation == "MULTIPLY_ADD":
        scale, bias = (constant(node.inputs[n]) or (1.0,) * 3 for n in (1, 2))
        if (scale, bias) != _DECODES_NORMALS:
            result.factor = (
                result.factor[0] * scale[0],
                result.factor[1] * scale[1],
                result.factor[2] * scale[-1],
            )
            unread += ["what is added to its colours"] if any(abs(value) > 1e-6 for value in bias) else []
    elif node.type not in _FOLLOWED or node.type in ("MIX", "MIX_RGB", "MATH", "VECT_MATH", "INVERT"):
        unread.append(f"its {node.bl_label} node")
    result.unread = tuple(dict.fromkeys(unread))
    if node.type == "VALTORGB" and result.image is None:
        red, green, blue = np.mean([node.color_ramp.evaluate(at / 16)[:3] for at in range(17)], axis=0).tolist()
        return Traced(factor=(red, green, blue), constant=True, unread=result.unread)
    return result


def _leaf(node: Any, output: Any) -> Traced | None:
    """What a node gives that nothing feeds: a constant, the mean colour of a pattern, or nothing that is read."""
    if node.type in ("RGB", "VALUE"):
        value = constant(output) or (0.0,)
        return Traced(factor=(value[0], value[len(value) // 3], value[-1]), constant=True)
    if node.type.startswith("TEX_") or node.type in ("OBJECT_INFO", "NEW_GEOMETRY", "AMBIENT_OCCLUSION", "WIREFRAME"):
        pattern = [constant(node.inputs[name]) for name in ("Color1", "Color2") if name in node.inputs]
        colours = [colour for colour in pattern if colour is not None and len(colour) == 3]
        unread = (f"its {node.bl_label} node",)
        if not colours:
            return Traced(unread=unread)
        mean = np.mean(colours, axis=0).tolist()
        return Traced(factor=(mean[0], mean[1], mean[2]), constant=True, unread=unread)
    return None


def constant(socket: Any) -> tuple[float, ...] | None:
    """The value of a socket that nothing feeds, a colour without its alpha; None when it has none."""
    if socket is None or not hasattr(socket, "default_value"):
        return None
    value = socket.default_value
    return (float(value),) if isinstance(value, (int, float)) else tuple(float(v) for v in value[:3])


def _is_one_minus(node: Any) -> bool:
    return not node.inputs[0].is_linked and float(node.inputs[0].default_value) == 1.0


def _multiplies(node: Any) -> bool:
    """Whether a node multiplies its inputs, all of them in full."""
    if node.type == "MATH":
        return bool(node.operation == "MULTIPLY")
    share = next((s for s in node.inputs if s.name in ("Factor", "Fac") and s.enabled), None)
    whole = share is None or (not share.is_linked and constant(share) in (None, (1.0,)))
    return bool(node.blend_type == "MULTIPLY" and whole)


def _times(factor: tuple[float, float, float], node: Any, linked: set[str]) -> tuple[float, float, float]:
    for socket in node.inputs:
        if socket.identifier in linked or socket.is_linked or not socket.enabled or socket.name in ("Factor", "Fac"):
            continue
        value = constant(socket)
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


def _uv(vector: Any) -> tuple[str | None, Transform | None, tuple[str, ...]]:
    """The UV map behind an image's Vector socket, the transform if one is set, and the nodes that are not followed."""
    uv_map, transform = None, None
    unread = []
    if vector.is_linked and vector.links[0].from_node.type == "TEX_COORD":
        unread += _not_uv(vector.links[0].from_socket)
    for node in walk(vector, set()):
        if node.type == "UVMAP":
            uv_map = node.uv_map or None
        elif node.type == "ATTRIBUTE":
            uv_map = node.attribute_name or None
        elif node.type == "MAPPING" and (values := _mapping(node)) is not None and transform is None:
            transform = values if values != (1.0, 1.0, 0.0, 0.0, 0.0) else None
            for link in node.inputs["Vector"].links:
                unread += _not_uv(link.from_socket) if link.from_node.type == "TEX_COORD" else []
        elif node.type not in ("TEX_COORD", "SEPXYZ", "COMBXYZ", "MATH", "REROUTE"):
            unread.append(f"the {node.bl_label} node of its coordinates")
    return uv_map, transform, tuple(unread)


def _mapping(node: Any) -> Transform | None:
    """What a mapping node does to UVs; None where a scale, a rotation and an offset, in that order, cannot say it."""
    scale, turn, offset = (tuple(node.inputs[name].default_value) for name in ("Scale", "Rotation", "Location"))
    if node.vector_type == "POINT":
        return scale[0], scale[1], turn[2], offset[0], offset[1]
    if node.vector_type != "TEXTURE" or not (scale[0] and scale[1]):
        return None
    cos, sin = math.cos(turn[2]), math.sin(turn[2])  # the inverse: an offset, a rotation and a scale
    if abs(sin) > _SMALL < abs(cos) and abs(scale[0] - scale[1]) > _SMALL:
        return None
    u = -(cos * offset[0] + sin * offset[1]) / scale[0]
    v = -(cos * offset[1] - sin * offset[0]) / scale[1]
    first, second = scale[:2] if abs(cos) > _SMALL else (scale[1], scale[0])  # a quarter turn changes the axes
    return 1.0 / first, 1.0 / second, -turn[2], u, v


def _not_uv(output: Any) -> list[str]:
    return [] if output.name == "UV" else [f"its {output.name} coordinates"]


def walk(socket: Any, seen: set[str]) -> Iterator[Any]:
    """All nodes behind a socket, nearest first."""
    for link in socket.links:
        node = link.from_node
        if node.name not in seen:
            seen.add(node.name)
            yield node
            if node.type == "GROUP" and node.node_tree:
                for inner in node.node_tree.nodes:
                    if inner.type == "GROUP_OUTPUT":
                        for group_socket in inner.inputs:
                            yield from walk(group_socket, set())
            for following in node.inputs:
                yield from walk(following, seen)
