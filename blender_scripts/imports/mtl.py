"""The materials of an OBJ, read from its MTL files; what they name and what is not shown becomes a warning.

Blender's importer drops what stands beside a map, takes the exponent map for roughness, makes metal of glass, and
ignores `Tr`, `-clamp`, `-imfchan` and `norm` beside `map_Bump`. The keys are those of the MTL specification
(Alias|Wavefront, version 4.2) and of its PBR extension (`Pr`, `Pm`, `norm`, ...).
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from blender_scripts.imports.materials import Images
from blender_scripts.imports.references import material_libraries

# Options of a map, and the most values that each takes.
_OPTIONS = {
    "-blendu": 1, "-blendv": 1, "-boost": 1, "-bm": 1, "-cc": 1, "-clamp": 1, "-imfchan": 1, "-mm": 2, "-o": 3, "-s": 3,
    "-t": 3, "-texres": 1, "-type": 1,
}  # fmt: skip
_APPLIED_OPTIONS = ("-bm", "-clamp", "-imfchan", "-o", "-s")
_NO_EFFECT = {"-mm": ["0", "1"], "-cc": ["off"], "-blendu": ["on"], "-blendv": ["on"], "-t": ["0", "0", "0"]}
_APPLIED = {"kd", "ks", "ke", "ns", "ni", "d", "tr", "pr", "pm", "illum", "map_kd", "map_ke", "map_d", "map_bump"}
_APPLIED |= {"bump", "map_pr", "map_pm", "norm", "newmtl"}
_NOTHING = {"ps", "pc", "pcr", "aniso", "anisor"}  # numbers that show nothing when they are 0
_SCALARS = {"roughness": "map_pr", "metallic": "map_pm", "alpha": "map_d"}
_CHANNELS = {"r": "R", "g": "G", "b": "B", "m": "A", "l": "RGB"}
_REFRACTING = {4, 6, 7, 9}
_LONGEST_NAME = 63  # bytes that Blender keeps of a name, up to 4.5


@dataclass
class Statements:
    """What one material says: the words behind each key in lower case, and the key as the file writes it.

    `folder` is that of the MTL file, where its paths start.
    """

    name: str
    folder: Path
    words: dict[str, list[str]] = field(default_factory=dict)
    written: dict[str, str] = field(default_factory=dict)

    def numbers(self, key: str) -> list[float] | None:
        """The numbers of a key; None when it is missing or is a spectrum."""
        try:
            return [float(word) for word in self.words[key] if word != "-halo"]
        except (KeyError, ValueError):
            return None

    def number(self, key: str, otherwise: float) -> float:
        """The first number of a key."""
        return (self.numbers(key) or [otherwise])[0]

    def colour(self, key: str) -> list[float] | None:
        """The colour of a key; a single number is grey."""
        found = self.numbers(key)
        return None if not found else (found * 3 if len(found) == 1 else [*found, 0.0])[:3]


@dataclass
class Map:
    """An image that a material names, with the values of its options."""

    name: str
    options: dict[str, list[str]]


def material_files(file: Path) -> list[Path]:
    """The paths of all MTL files that an OBJ names, whether they exist or not.

    Of one that names none, the file of its own name beside it, which Blender reads then.
    """
    named = material_libraries(file)
    own = file.with_suffix(".mtl")
    if not named:
        return [own] if own.is_file() else []
    return [file.parent / name.replace("\\", "/") for name in named]


def read_mtl(file: Path) -> tuple[dict[str, Statements], list[str]]:
    """The materials of an OBJ by the name that Blender gives them, and warnings about missing files."""
    found: dict[str, Statements] = {}
    warnings = []
    for materials in material_files(file):
        if not materials.is_file():
            warnings.append(f"missing material file {materials.name}")
            continue
        text = materials.read_text(encoding="utf-8", errors="replace")
        for each in _statements(text.replace("\\\n", " "), materials.parent):
            shown = each.name.encode()[:_LONGEST_NAME].decode(errors="ignore")
            for name in (each.name, shown):
                found.setdefault(name, each)
    return found, warnings


def _statements(text: str, folder: Path) -> Iterator[Statements]:
    current: Statements | None = None
    for line in text.splitlines():
        words = line.split()
        if not words or words[0].startswith("#"):
            continue
        key = words[0].lower()
        if key == "newmtl":
            if current is not None:
                yield current
            current = Statements(" ".join(words[1:]), folder)
        elif current is not None:
            current.words[key] = words[1:]
            current.written[key] = words[0]
    if current is not None:
        yield current


def describe(material: Statements, images: Images) -> dict[str, Any]:
    """A material as `read_material` describes one."""
    maps = {key: _map(words) for key, words in material.words.items() if _is_map(key) and words}
    illum = int(material.number("illum", 2))
    specular = [0.0] * 3 if illum in (0, 1) else material.colour("ks")
    emission = material.colour("ke") or [0.0] * 3
    diffuse = material.colour("kd") or [0.8] * 3
    alpha = material.number("d", 1.0 - material.number("tr", 0.0))
    ambient = material.colour("ka")
    result: dict[str, Any] = {
        "name": material.name,
        "base_color": diffuse,
        "alpha": min(max(alpha, 0.0), 1.0),
        "roughness": material.number("pr", 1.0 - math.sqrt(min(max(material.number("ns", 0.0), 0.0), 1000.0) / 1000.0)),
        # Blender's exporter writes metals so.
        "metallic": material.number("pm", sum(ambient) / 3 if illum == 3 and ambient else 0.0),
        "ior": ior_of_specular(material.number("ni", 1.5), specular),
        "transmission": 0.0,  # exporters write `Tf 1 1 1` for opaque paint
        "emission": emission,
        "emission_strength": 1.0 if any(emission) or "map_ke" in maps else 0.0,
        "textures": {},
        "warnings": [f"{material.name}: {text}" for text in _unshown(material, maps)],
    }
    textures = result["textures"]

    def load(named: str) -> dict[str, Any]:
        return images.load(named, material.folder)

    coloured = max(diffuse) - min(diffuse) > 0.02  # a grey beside an image is what programs write by default
    for slot, key, factor in (("base_color", "map_kd", diffuse if coloured else None), ("emission", "map_ke", None)):
        if key in maps:
            textures[slot] = _texture(maps[key], load, factor)
    for slot, key in _SCALARS.items():
        if key in maps:
            opacity = (result["alpha"] or 1.0) if slot == "alpha" else 1.0
            textures[slot] = _texture(maps[key], load, [opacity] * 3)
            channel = maps[key].options.get("-imfchan", [""])[0]
            textures[slot]["channel"] = _CHANNELS.get(channel, "A or RGB" if slot == "alpha" else "RGB")
    for key in ("norm", "map_bump", "bump"):
        if key in maps and "normal" not in textures:
            textures["normal"] = _texture(maps[key], load, None)
            strength = 1.0 if key == "norm" else abs(_first(maps[key].options.get("-bm"), 1.0)) or 1.0
            # map_Bump is for heights, but many exporters write normals.
            textures["normal"] |= {"height": False if key == "norm" else None, "strength": strength}
    leading = next(iter(textures.values()), None)
    return result if leading is None else result | {"uv_map": None, "uv_transform": leading["uv_transform"]}


def _is_map(key: str) -> bool:
    return (key.startswith("map_") and key != "map_aat") or key in ("bump", "norm", "disp", "decal", "refl")


def _map(words: Sequence[str]) -> Map:
    """Options come first, the rest of the line is the image's name, which may have spaces."""
    options: dict[str, list[str]] = {}
    place = 0
    while place < len(words) - 1 and words[place].lower() in _OPTIONS:
        option = words[place].lower()
        values: list[str] = []
        place += 1
        while place < len(words) - 1 and len(values) < _OPTIONS[option] and (not values or _is_number(words[place])):
            values.append(words[place])
            place += 1
        options[option] = values
    return Map(" ".join(words[place:]), options)


def _is_number(word: str) -> bool:
    return re.fullmatch(r"[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?", word) is not None


def _first(values: Sequence[str] | None, otherwise: float) -> float:
    return float(values[0]) if values and _is_number(values[0]) else otherwise


def _texture(image: Map, load: Callable[[str], dict[str, Any]], factor: Sequence[float] | None) -> dict[str, Any]:
    scale = [float(v) for v in image.options.get("-s", []) if _is_number(v)] + [1.0] * 3
    offset = [float(v) for v in image.options.get("-o", []) if _is_number(v)] + [0.0] * 3
    transform = [scale[0], scale[1], 0.0, offset[0], offset[1]]
    wrap = "clamp" if image.options.get("-clamp") == ["on"] else "repeat"
    return {
        **load(image.name),
        "file": image.name.replace("\\", "/").rpartition("/")[2],
        "channel": "RGB",
        "factor": list(factor or (1.0, 1.0, 1.0)),
        "inverted": False,
        "cutoff": None,
        "height": False,
        "strength": 1.0,
        "wrap": [wrap, wrap],
        "uv_map": None,
        "uv_transform": None if transform == [1.0, 1.0, 0.0, 0.0, 0.0] else transform,
    }


def ior_of_specular(ior: float, specular: Sequence[float] | None) -> float:
    """The index of refraction that reflects twice `Ks` times as much as the file's: Blender writes 0.5 by default."""
    if specular is None or ior <= 1.0:
        return ior
    root = min(math.sqrt(2.0 * min(max(sum(specular) / 3, 0.0), 1.0)) * (ior - 1.0) / (ior + 1.0), 0.9)
    return (1.0 + root) / (1.0 - root)


def _unshown(material: Statements, maps: dict[str, Map]) -> Iterator[str]:
    """What a material names and nothing shows."""
    for key, words in material.words.items():
        written = material.written[key]
        if key in maps:
            yield from _unshown_map(key, written, maps)
        elif words and words[0].lower() in ("spectral", "xyz"):
            yield f"{written} {words[0]} is not read"
        elif key in _NOTHING:
            if material.number(key, 0.0) != 0.0:
                yield f"{written} {' '.join(words)} is not shown"
        elif key in ("ka", "ks"):
            colour = material.colour(key) or [0.0]
            repeats = key == "ka" and colour == material.colour("kd")
            if max(colour) - min(colour) > 0.02 and not repeats:  # what is grey is an amount
                yield f"the colour of {written} {' '.join(words)} is not shown"
        elif key == "tf":
            if material.colour(key) not in ([0.0] * 3, [1.0] * 3):
                yield f"{written} {' '.join(words)} is not shown"
        elif key not in _APPLIED:
            yield f"{written} {' '.join(words)} is not shown"
        if key == "d" and "-halo" in words:
            yield "option -halo of d is not applied"
    illum = int(material.number("illum", 2))
    if illum in _REFRACTING or illum > 9:
        yield f"illum {illum} is shown without {'refraction' if illum in _REFRACTING else 'its shadows'}"


def _unshown_map(key: str, written: str, maps: dict[str, Map]) -> Iterator[str]:
    image = maps[key]
    same_as_base = key == "map_ka" and "map_kd" in maps and image.name == maps["map_kd"].name
    beside = [other for other in ("norm", "map_bump", "bump") if other in maps]
    if (key not in _APPLIED and not same_as_base) or (key in beside and key != beside[0]):
        yield f"{written} {image.name} is not shown"
        return
    for option, values in image.options.items():
        without_effect = [float(v) if _is_number(v) else v for v in values] == [
            float(v) if _is_number(v) else v for v in _NO_EFFECT.get(option, ())
        ]
        scalar = key in ("map_d", "map_pr", "map_pm")
        unknown_channel = option == "-imfchan" and (not scalar or values[:1] not in [[name] for name in _CHANNELS])
        if (option not in _APPLIED_OPTIONS and not without_effect) or unknown_channel:
            yield f"option {option} of {written} is not applied"
