"""What a file says about its look and what is not shown: each becomes a warning that names it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from blender_scripts.imports.gltf import READ_IMAGES, reads_basis
from blender_scripts.imports.gltf_json import read_gltf_json
from blender_scripts.imports.gltf_unpack import BASIS

# Of each extension of a glTF material or texture, the properties whose effect is shown; all others are named.
_SHOWN: dict[str, set[str]] = {
    "KHR_materials_emissive_strength": {"emissiveStrength"},
    "KHR_materials_ior": {"ior"},
    "KHR_materials_pbrSpecularGlossiness": {
        "diffuseFactor", "diffuseTexture", "specularFactor", "glossinessFactor", "specularGlossinessTexture",
    },
    "KHR_materials_specular": {"specularFactor"},
    "KHR_materials_transmission": {"transmissionFactor"},
    "KHR_materials_unlit": set(),
    "KHR_texture_transform": {"offset", "rotation", "scale", "texCoord"},
    "EXT_texture_webp": {"source"},
}  # fmt: skip
# Extensions that are followed elsewhere, or that change no surface.
_OTHER_KNOWN = {
    "EXT_mesh_gpu_instancing", "EXT_meshopt_compression", "KHR_animation_pointer", "KHR_draco_mesh_compression",
    "KHR_lights_punctual", "KHR_mesh_quantization", "KHR_meshopt_compression", "KHR_node_visibility",
    "KHR_texture_basisu", "KHR_xmp_json_ld", "MSFT_lod", "FB_ngon_encoding",
}  # fmt: skip
_NEAREST = 9728
_TRIANGLES = 4  # a mode
_PLAIN_IMAGES = (
    "export its images as PNG or JPEG, or unpack KTX2 with `npx @gltf-transform/cli ktxdecompress IN.glb OUT.glb`, "
    "which needs Khronos' KTX-Software"
)
# Inputs of the Principled shader that a prepared material has; of the others, those that show nothing alone, and the
# value of the rest that shows nothing.
_SHOWN_INPUTS = {
    "Base Color", "Metallic", "Roughness", "IOR", "Alpha", "Normal", "Specular IOR Level", "Specular", "Emission",
    "Emission Color", "Emission Strength", "Transmission Weight", "Transmission", "Weight", "Tangent",
}  # fmt: skip
_ALONE = ("Subsurface ", "Coat ", "Clearcoat ", "Sheen ", "Thin Film ", "Anisotropic ", "Transmission Roughness")
_WEIGHTS = {"Subsurface Weight", "Coat Weight", "Sheen Weight", "Thin Film Thickness"}
_GREY = 0.1
_ONLY_NUMBERS = {"IOR", "Specular IOR Level", "Specular", "Emission Strength", "Transmission Weight", "Transmission"}


def file_warnings(file: Path) -> list[str]:
    """Warnings about what the file names and Blender's importer does not read."""
    return _gltf(file) if file.suffix.lower() in (".gltf", ".glb") else []


def shader_warnings(name: str, shader: Any) -> list[str]:
    """Warnings about inputs of a Principled shader that are set or linked and that no prepared material has."""
    if shader.type != "BSDF_PRINCIPLED":
        return []
    found = []
    for socket in shader.inputs:
        key = socket.name
        if key == "Specular Tint" and grey_tint(shader) is not None:
            continue
        if key in _SHOWN_INPUTS:
            if key in _ONLY_NUMBERS and socket.is_linked:
                found.append(f"{name}: the image or node of {key} is not shown")
        elif not (key.startswith(_ALONE) and key not in _WEIGHTS) and (socket.is_linked or _is_set(socket)):
            found.append(f"{name}: {key} is not shown")
    return found


def grey_tint(shader: Any) -> float | None:
    """By how much a Principled shader's tint dims its reflection alike in all colours; None where it colours it."""
    tint, level = shader.inputs.get("Specular Tint"), shader.inputs.get("Specular IOR Level")
    if tint is None or tint.is_linked or tint.type != "RGBA":  # Blender 3: a number
        return None
    if level is not None and not level.is_linked and level.default_value == 0.0:
        return 1.0  # of nothing
    colour = [float(value) for value in tint.default_value[:3]]
    return sum(colour) / 3.0 if max(colour) - min(colour) < _GREY else None


def _is_set(socket: Any) -> bool:
    """Whether an input has a value that shows something: a colour that is not white, a number that is not 0."""
    value: Any = getattr(socket, "default_value", 0.0)
    if hasattr(value, "__len__"):
        return bool(socket.type == "RGBA" and min(value[:3]) < 1.0)
    return float(value) != 0.0


def _gltf(file: Path) -> list[str]:
    try:
        body, _ = read_gltf_json(file)
    except (OSError, ValueError):
        return []
    found = []
    for number, material in enumerate(body.get("materials") or ()):
        name = material.get("name", f"material {number}")
        found += [f"{name}: {text}" for text in _extensions(material)]
        if "occlusionTexture" in material:
            found.append(f"{name}: occlusionTexture is not shown")
    found += _images_not_read(body)
    found += _odd_parts(body)
    attributes = [p.get("attributes") or {} for mesh in body.get("meshes") or () for p in mesh.get("primitives") or ()]
    if any("COLOR_1" in each for each in attributes):
        found.append("COLOR_1 is not shown: only the first colours of vertices are")
    if any(sampler.get("magFilter") == _NEAREST for sampler in body.get("samplers") or ()):
        found.append("magFilter NEAREST is not shown: between pixels, images are smooth")
    variants = (body.get("extensions") or {}).get("KHR_materials_variants", {}).get("variants", ())
    if variants:
        names = [str(variant.get("name")) for variant in variants]
        found.append(f"KHR_materials_variants: {', '.join(names)} are not read, only the materials of the file itself")
    known = (*_SHOWN, *_OTHER_KNOWN, "KHR_materials_variants")
    said = " ".join(found)
    others = [name for name in body.get("extensionsUsed") or () if name not in known and name not in said]
    return found + [f"{name} is not read" for name in others if _holds(body, name)]


def _holds(part: Any, extension: str) -> bool:
    """Whether something of a file has an extension, which exporters list for features that no material uses."""
    if isinstance(part, dict):
        extensions = part.get("extensions")
        own = isinstance(extensions, dict) and extension in extensions
        return own or any(_holds(each, extension) for each in part.values())
    return isinstance(part, list) and any(_holds(each, extension) for each in part)


def _odd_parts(body: dict[str, Any]) -> Iterator[str]:
    """Triangles that are not whole, and meshes that are not there: the importer leaves them out."""
    meshes, accessors = body.get("meshes") or (), body.get("accessors") or ()
    for number, mesh in enumerate(meshes):
        for primitive in mesh.get("primitives") or ():
            place = primitive.get("indices", (primitive.get("attributes") or {}).get("POSITION"))
            known = isinstance(place, int) and 0 <= place < len(accessors)
            if known and primitive.get("mode", _TRIANGLES) == _TRIANGLES and accessors[place].get("count", 0) % 3:
                named = mesh.get("name", f"mesh {number}")
                count = accessors[place]["count"]
                yield f"{named}: its {count:,} corners are no whole triangles: the last are left out"
    for number, node in enumerate(body.get("nodes") or ()):
        if "mesh" in node and not (isinstance(node["mesh"], int) and 0 <= node["mesh"] < len(meshes)):
            yield f"{node.get('name', f'node {number}')}: there is no mesh {node['mesh']}: left out"


def _images_not_read(body: dict[str, Any]) -> Iterator[str]:
    """Textures whose only image is of a kind that is not read."""
    images = body.get("images") or ()
    known = READ_IMAGES | (
        {BASIS} if reads_basis() else set()
    )  # gltf.py warns of those KTX2 images that it cannot read
    for texture in body.get("textures") or ():
        for name, extension in (texture.get("extensions") or {}).items():
            if name in known or "source" not in extension or "source" in texture:
                continue
            number = extension["source"]
            image = images[number] if isinstance(number, int) and 0 <= number < len(images) else {}
            named = image.get("name") or texture.get("name") or f"image {number}"
            yield f"{named}: {name} is not read; {_PLAIN_IMAGES}"


def _extensions(material: dict[str, Any]) -> Iterator[str]:
    for extension, values in (material.get("extensions") or {}).items():
        if extension not in _SHOWN:
            yield f"{extension} is not shown"
        else:
            for key in values:
                if key not in _SHOWN[extension]:
                    yield f"{extension}.{key} is not shown"
