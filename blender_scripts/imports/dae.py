"""The materials of a Collada file, read from its XML; what they name and is not shown becomes a warning.

Blender's importer (up to 4.5) leaves out missing images, transparent textures, wrap modes, shininess and emission.
"""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from blender_scripts.imports.materials import Images
from blender_scripts.imports.mtl import ior_of_specular

_WRAPS = {"CLAMP": "clamp", "BORDER": "clamp", "NONE": "clamp", "MIRROR": "mirror", "MIRROR_ONCE": "mirror"}
_SHADERS = ("phong", "blinn", "lambert", "constant")
_SLOTS = {"diffuse": "base_color", "emission": "emission", "transparent": "alpha", "bump": "normal"}
_PLACES = ("repeatU", "repeatV", "rotateUV", "offsetU", "offsetV")
_NO_PLACE = {"repeatU": 1.0, "repeatV": 1.0}


def read_dae(file: Path) -> dict[str, Callable[[Images], dict[str, Any]]]:
    """What describes each material, by its name, or by its id where several share a name."""
    root = _root(file)
    if root is None:
        return {}
    effects = {each.get("id", ""): each for each in root.iter("effect")}
    images = {each.get("id", ""): _image_path(each) for each in root.iter("image")}
    names = _names(root)
    found: dict[str, Callable[[Images], dict[str, Any]]] = {}
    for material in root.iter("material"):
        name = names.get(material.get("id", ""), material.get("name", ""))
        link = material.find("instance_effect")
        effect = effects.get((link.get("url", "") if link is not None else "").lstrip("#"))
        if effect is not None:
            found[name] = _describer(Effect(name, effect, images))
    return found


def material_names(file: Path) -> dict[str, str]:
    """The name of each material by its id; of those that share one, the id."""
    root = _root(file)
    return {} if root is None else _names(root)


def _names(root: ElementTree.Element) -> dict[str, str]:
    named = {each.get("id", ""): each.get("name") or each.get("id") or "" for each in root.iter("material")}
    known = Counter(named.values())
    return {key: name if known[name] == 1 else key for key, name in named.items()}


def _root(file: Path) -> ElementTree.Element | None:
    """The XML of a file, its names without their namespace; None where it is none: the importer reports that."""
    try:
        root = ElementTree.parse(file).getroot()
    except (OSError, ElementTree.ParseError):
        return None
    for element in root.iter():
        if isinstance(element.tag, str):
            element.tag = element.tag.rpartition("}")[2]
    return root


@dataclass
class Effect:
    """One effect of a file; `images` are the paths of all images by id, `lost` is what is not shown."""

    name: str
    body: ElementTree.Element
    images: dict[str, str]
    lost: list[str] = field(default_factory=list)

    def parameter(self, sid: str) -> ElementTree.Element | None:
        """The parameter that the effect or its profile calls `sid`."""
        return next((each for each in self.body.iter("newparam") if each.get("sid") == sid), None)


def _describer(effect: Effect) -> Callable[[Images], dict[str, Any]]:
    return lambda images: _describe(effect, images)


def _describe(effect: Effect, images: Images) -> dict[str, Any]:
    """A material as `read_material` describes one."""
    shader = next((each for each in effect.body.iter() if each.tag in _SHADERS), None)
    result: dict[str, Any] = {"name": effect.name, "textures": {}, "transmission": 0.0}
    parts = {part.tag: part for part in (shader if shader is not None else ())}
    parts |= {part.tag: part for part in effect.body.iter("bump")}
    result["base_color"] = _colour(effect, parts, "diffuse", (0.8, 0.8, 0.8, 1.0))[:3]
    result["emission"] = _colour(effect, parts, "emission", (0.0, 0.0, 0.0, 1.0))[:3]
    shininess = _number(effect, parts, "shininess", 0.0)
    # The width of a Phong lobe as that of a microfacet one (Walter et al. 2007).
    shiny = shader is not None and shader.tag in ("phong", "blinn")
    result["roughness"] = (2.0 / (max(shininess, 0.0) + 2.0)) ** 0.25 if shiny else 1.0
    specular = _colour(effect, parts, "specular", (0.5, 0.5, 0.5, 1.0))[:3]
    result["ior"] = ior_of_specular(_number(effect, parts, "index_of_refraction", 1.5), specular if shiny else None)
    reflective = max(_colour(effect, parts, "reflective", (1.0, 1.0, 1.0, 1.0))[:3])
    result["metallic"] = min(max(_number(effect, parts, "reflectivity", 0.0) * reflective, 0.0), 1.0)
    mode = parts["transparent"].get("opaque", "A_ONE") if "transparent" in parts else "A_ONE"
    result["alpha"] = _opacity(effect, parts, mode)
    for key, part in parts.items():
        texture = part.find("texture")
        if texture is None:
            continue
        slot = _SLOTS.get(key)
        described = _texture(effect, texture, images)
        if slot is None:
            effect.lost.append(f"its {key} texture {described['file']} is not shown")
            continue
        result["textures"][slot] = described
        if slot == "normal":
            described["height"] = None
        if slot == "alpha":
            described["channel"] = "RGB" if mode.startswith("RGB") else "A or RGB"
            described["inverted"] = mode.endswith("ZERO")
            described["factor"] = [_number(effect, parts, "transparency", 1.0)] * 3
            result["alpha"] = 1.0
    ambient = _colour(effect, parts, "ambient", (0.0,) * 4)[:3]
    for key, colour in (("ambient", ambient), ("specular", specular)):
        if max(colour) - min(colour) > 0.02 and colour != result["base_color"]:  # what is grey is an amount
            effect.lost.append(f"the colour of its {key} is not shown")
    lit = any(result["emission"]) or "emission" in result["textures"]
    result["emission_strength"] = 1.0 if lit else 0.0
    places = {slot: texture.pop("texcoord") for slot, texture in result["textures"].items()}
    for slot, place in places.items():
        first = next(iter(places.values()))
        if place != first:
            file = result["textures"][slot]["file"]
            effect.lost.append(
                f"its {slot} texture {file} is shown with the UVs {first or 'without a name'}, not {place}"
            )
    leading = next(iter(result["textures"].values()), None)
    if leading is not None:
        result |= {"uv_map": None, "uv_transform": leading["uv_transform"]}
    return result | {"warnings": [f"{effect.name}: {text}" for text in effect.lost]}


def _image_path(image: ElementTree.Element) -> str:
    text = image.findtext("init_from/ref") or image.findtext("init_from") or ""  # "ref" since Collada 1.5
    return unquote(urlsplit(text.strip().replace("\\", "/")).path)


def _colour(effect: Effect, parts: dict[str, ElementTree.Element], key: str, default: tuple[float, ...]) -> list[float]:
    """A colour (4) of the shader, also one behind a parameter."""
    part = parts.get(key)
    if part is None:
        return list(default)
    found = part.find("color")
    reference = part.find("param")
    if found is None and reference is not None:
        parameter = effect.parameter(reference.get("ref", ""))
        found = next((each for each in parameter if each.tag.startswith("float")), None) if parameter else None
    try:
        values = [float(word) for word in (found.text or "").split()] if found is not None else []
    except ValueError:
        values = []
    return [*values, *default[len(values) :]][:4]


def _number(effect: Effect, parts: dict[str, ElementTree.Element], key: str, default: float) -> float:
    part = parts.get(key)
    found = part.find("float") if part is not None else None
    reference = part.find("param") if part is not None else None
    if found is None and reference is not None:
        parameter = effect.parameter(reference.get("ref", ""))
        found = parameter.find("float") if parameter is not None else None
    try:
        return float((found.text or "").strip()) if found is not None else default
    except ValueError:
        return default


def _opacity(effect: Effect, parts: dict[str, ElementTree.Element], mode: str) -> float:
    """The opacity of an effect by the four modes of Collada 1.5."""
    default = (1.0,) * 4 if mode.endswith("ONE") else (0.0,) * 4
    red, green, blue, alpha = _colour(effect, parts, "transparent", default)
    share = 0.212671 * red + 0.715160 * green + 0.072169 * blue if mode.startswith("RGB") else alpha
    share *= _number(effect, parts, "transparency", 1.0)
    return min(max(1.0 - share if mode.endswith("ZERO") else share, 0.0), 1.0)


def _texture(effect: Effect, texture: ElementTree.Element, images: Images) -> dict[str, Any]:
    named = texture.get("texture", "")
    sampler = effect.parameter(named)
    image = named
    wraps = ["repeat", "repeat"]
    if sampler is not None:
        wraps = [_WRAPS.get((sampler.findtext(f".//wrap_{axis}") or "WRAP").strip(), "repeat") for axis in "st"]
        direct = sampler.find(".//instance_image")  # since Collada 1.5
        source = (sampler.findtext(".//source") or "").strip()
        surface = effect.parameter(source)
        if direct is not None:
            image = direct.get("url", "").lstrip("#")
        elif surface is not None:
            image = (surface.findtext(".//init_from") or "").strip()
    path = effect.images.get(image, "")
    values = {}
    for key in _PLACES:
        try:
            values[key] = float(texture.findtext(f".//{key}") or _NO_PLACE.get(key, 0.0))
        except ValueError:
            values[key] = _NO_PLACE.get(key, 0.0)
    if values.pop("rotateUV"):
        effect.lost.append(f"rotateUV of {Path(path).name} is not applied")
    transform = [values["repeatU"], values["repeatV"], 0.0, values["offsetU"], values["offsetV"]]
    return {
        **(images.load(path, images.search) if path else {"image": None, "outside": False}),
        "file": Path(path).name or named,
        "channel": "RGB",
        "factor": [1.0, 1.0, 1.0],
        "inverted": False,
        "cutoff": None,
        "height": False,
        "strength": 1.0,
        "wrap": wraps,
        "uv_map": None,
        "uv_transform": None if transform == [1.0, 1.0, 0.0, 0.0, 0.0] else transform,
        "texcoord": texture.get("texcoord", ""),
    }
