"""Every property of a glTF 2.0 material, and of its ratified extensions, is shown with its value or named in a warning.

The properties are those of the schemas of Khronos, so that none can be dropped in silence.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from helpers.gltf_files import GltfFile
from helpers.look_files import LEFT, RIGHT, data_uri, halves, plain, read, seen, srgb
from scenegen.assets.sources.files.importer import Imported

CORE = {
    "material": ["pbrMetallicRoughness", "normalTexture", "occlusionTexture", "emissiveTexture", "emissiveFactor",
                 "alphaMode", "alphaCutoff", "doubleSided", "name"],
    "pbrMetallicRoughness": ["baseColorFactor", "baseColorTexture", "metallicFactor", "roughnessFactor",
                             "metallicRoughnessTexture"],
    "textureInfo": ["index", "texCoord"],
    "normalTextureInfo": ["index", "texCoord", "scale"],
    "occlusionTextureInfo": ["index", "texCoord", "strength"],
    "texture": ["sampler", "source", "name"],
    "sampler": ["magFilter", "minFilter", "wrapS", "wrapT", "name"],
}  # fmt: skip
EXTENSIONS = {
    "KHR_materials_anisotropy": ["anisotropyStrength", "anisotropyRotation", "anisotropyTexture"],
    "KHR_materials_clearcoat": ["clearcoatFactor", "clearcoatTexture", "clearcoatRoughnessFactor",
                                "clearcoatRoughnessTexture", "clearcoatNormalTexture"],
    "KHR_materials_diffuse_transmission": ["diffuseTransmissionFactor", "diffuseTransmissionTexture",
                                           "diffuseTransmissionColorFactor", "diffuseTransmissionColorTexture"],
    "KHR_materials_dispersion": ["dispersion"],
    "KHR_materials_emissive_strength": ["emissiveStrength"],
    "KHR_materials_ior": ["ior"],
    "KHR_materials_iridescence": ["iridescenceFactor", "iridescenceTexture", "iridescenceIor",
                                  "iridescenceThicknessMinimum", "iridescenceThicknessMaximum",
                                  "iridescenceThicknessTexture"],
    "KHR_materials_pbrSpecularGlossiness": ["diffuseFactor", "diffuseTexture", "specularFactor", "glossinessFactor",
                                            "specularGlossinessTexture"],
    "KHR_materials_sheen": ["sheenColorFactor", "sheenColorTexture", "sheenRoughnessFactor", "sheenRoughnessTexture"],
    "KHR_materials_specular": ["specularFactor", "specularTexture", "specularColorFactor", "specularColorTexture"],
    "KHR_materials_transmission": ["transmissionFactor", "transmissionTexture"],
    "KHR_materials_unlit": [],
    "KHR_materials_variants": ["variants", "mappings"],
    "KHR_materials_volume": ["thicknessFactor", "thicknessTexture", "attenuationDistance", "attenuationColor"],
    "KHR_texture_basisu": ["source"],
    "KHR_texture_transform": ["offset", "rotation", "scale", "texCoord"],
}  # fmt: skip
# What changes no surface as this program renders it, and why.
WITHOUT_LOOK = {
    "material.name", "texture.name", "sampler.name",
    "material.doubleSided",  # both sides of all faces are rendered, as Blender renders them
    "sampler.minFilter",  # a renderer that takes many samples of a pixel needs none
}  # fmt: skip

IMAGES = {
    "halves": halves(), "surface": plain(0, 128, 51), "normal": plain(191, 128, 239), "leaf": plain(9, 99, 9, 153),
    "glow": plain(255, 128, 0), "grey": plain(128, 128, 128, 102),
}  # fmt: skip
NUMBER = {name: number for number, name in enumerate(IMAGES)}
Check = Callable[[Imported, str], None]
CASES: dict[str, tuple[list[str], dict[str, Any], Check | str]] = {}


def case(name: str, covers: list[str], material: dict[str, Any], check: Check | str) -> None:
    assert name not in CASES
    CASES[name] = (covers, material, check)


def texture(image: str, **more: Any) -> dict[str, Any]:
    return {"index": NUMBER[image], **more}


def moved(image: str, **transform: Any) -> dict[str, Any]:
    return texture(image, extensions={"KHR_texture_transform": transform})


def pbr(**values: Any) -> dict[str, Any]:
    return {"pbrMetallicRoughness": values}


def extended(extension: str, **values: Any) -> dict[str, Any]:
    return {"extensions": {extension: values}}


def shows(slot: str, value: Any, atol: float = 2e-3) -> Check:
    def check(model: Imported, name: str) -> None:
        found = seen(model, name, slot)
        assert found is not None
        found = found[: len(value)] if isinstance(found, tuple) else found  # an image may have an alpha of its own
        np.testing.assert_allclose(found, value, atol=1.01 if isinstance(value, tuple) and max(value) > 1 else atol)
        assert not [warning for warning in model.warnings if warning.startswith(f"{name}:")]

    return check


def lacks(slot: str) -> Check:
    def check(model: Imported, name: str) -> None:
        assert all(slot not in material.textures for material in model.materials if material.name == name)

    return check


# The boxes have TEXCOORD_0 (.25, .5), in the left half of an image, and TEXCOORD_1 (.75, .5), in its right half.
case(
    "colour",
    ["material.pbrMetallicRoughness", "pbrMetallicRoughness.baseColorFactor"],
    pbr(baseColorFactor=[0.2, 0.4, 0.6, 1]),
    shows("base_color", (0.2, 0.4, 0.6)),
)
case(
    "alpha", ["material.alphaMode"], {**pbr(baseColorFactor=[1, 1, 1, 0.5]), "alphaMode": "BLEND"}, shows("alpha", 0.5)
)
case("opaque", ["material.alphaMode"], {**pbr(baseColorTexture=texture("leaf")), "alphaMode": "OPAQUE"}, lacks("alpha"))
case(
    "blend",
    ["material.alphaMode"],
    {**pbr(baseColorTexture=texture("leaf")), "alphaMode": "BLEND"},
    shows("alpha", (153,)),
)
case(
    "mask",
    ["material.alphaCutoff"],
    {**pbr(baseColorTexture=texture("leaf")), "alphaMode": "MASK", "alphaCutoff": 0.7},
    shows("alpha", (0,)),
)
case(
    "mask_of_half",
    ["material.alphaCutoff"],
    {**pbr(baseColorTexture=texture("leaf")), "alphaMode": "MASK"},
    lacks("alpha"),
)
case(
    "image",
    ["pbrMetallicRoughness.baseColorTexture", "textureInfo.index", "texture.source"],
    pbr(baseColorTexture=texture("halves")),
    shows("base_color", LEFT),
)
case(
    "image_times_colour",
    ["pbrMetallicRoughness.baseColorTexture"],
    pbr(baseColorTexture=texture("grey"), baseColorFactor=[1, 0.5, 0, 1]),
    shows("base_color", (128, round(128 * 0.5 ** (1 / 2.2)), 0)),
)
case(
    "second_uvs",
    ["textureInfo.texCoord"],
    pbr(baseColorTexture=texture("halves", texCoord=1)),
    shows("base_color", RIGHT),
)
case("metallic", ["pbrMetallicRoughness.metallicFactor"], pbr(metallicFactor=0.7), shows("metallic", 0.7))
case("roughness", ["pbrMetallicRoughness.roughnessFactor"], pbr(roughnessFactor=0.3), shows("roughness", 0.3))
case(
    "metal_image",
    ["pbrMetallicRoughness.metallicRoughnessTexture"],
    pbr(metallicRoughnessTexture=texture("surface"), metallicFactor=0.5),
    shows("metallic", (round(51 * 0.5),)),
)
case(
    "rough_image",
    ["pbrMetallicRoughness.metallicRoughnessTexture"],
    pbr(metallicRoughnessTexture=texture("surface"), roughnessFactor=0.5),
    shows("roughness", (64,)),
)
case(
    "normals",
    ["material.normalTexture", "normalTextureInfo.index"],
    {"normalTexture": texture("normal")},
    shows("normal", (191, 128, 239)),
)
slope = np.array([0.5, 0, 1]) * (191 / 127.5 - 1, 0, 239 / 127.5 - 1)
case(
    "strength",
    ["normalTextureInfo.scale"],
    {"normalTexture": texture("normal", scale=0.5)},
    shows("normal", tuple(int(v) for v in np.round((slope / np.linalg.norm(slope) + 1) * 127.5))),
)
case(
    "normals_on_second_uvs",
    ["normalTextureInfo.texCoord"],
    {"normalTexture": texture("halves", texCoord=1)},
    shows("normal", RIGHT),
)
case(
    "two_uv_sets",
    ["normalTextureInfo.texCoord"],
    {**pbr(baseColorTexture=texture("halves")), "normalTexture": texture("normal", texCoord=1)},
    "its normal texture normal.png is not shown, because it lies on the UV map",
)
case(
    "two_uv_sets_colour",
    ["textureInfo.texCoord"],
    {**pbr(baseColorTexture=texture("halves", texCoord=1)), "normalTexture": texture("normal")},
    "its normal texture normal.png is not shown, because it lies on the UV map",
)
case(
    "occlusion",
    [
        "material.occlusionTexture",
        "occlusionTextureInfo.index",
        "occlusionTextureInfo.texCoord",
        "occlusionTextureInfo.strength",
    ],
    {"occlusionTexture": texture("grey", texCoord=1, strength=0.5)},
    "occlusionTexture is not shown",
)
case("emission", ["material.emissiveFactor"], {"emissiveFactor": [0.1, 0.2, 0.3]}, shows("emission", (0.1, 0.2, 0.3)))
case(
    "emission_image",
    ["material.emissiveTexture"],
    {"emissiveTexture": texture("glow"), "emissiveFactor": [0.5, 1, 1]},
    shows("emission", (round(255 * 0.5 ** (1 / 2.2)), 128, 0)),
)
case(
    "clamped",
    ["sampler.wrapS", "sampler.wrapT", "texture.sampler"],
    pbr(baseColorTexture={"index": len(IMAGES), "extensions": {"KHR_texture_transform": {"offset": [5, 0]}}}),
    shows("base_color", RIGHT),
)
case(
    "mirrored",
    ["sampler.wrapS"],
    pbr(baseColorTexture={"index": len(IMAGES) + 1, "extensions": {"KHR_texture_transform": {"offset": [1, 0]}}}),
    shows("base_color", RIGHT),
)
case(
    "moved",
    ["KHR_texture_transform.offset"],
    pbr(baseColorTexture=moved("halves", offset=[0.5, 0])),
    shows("base_color", RIGHT),
)
case(
    "turned",
    ["KHR_texture_transform.rotation"],  # (u, v) becomes (-u, -v), so u = .25 becomes -.25
    pbr(baseColorTexture=moved("halves", rotation=float(np.pi))),
    shows("base_color", RIGHT),
)
case(
    "scaled",
    ["KHR_texture_transform.scale"],
    pbr(baseColorTexture=moved("halves", scale=[3, 1])),
    shows("base_color", RIGHT),
)
case(
    "other_uvs",
    ["KHR_texture_transform.texCoord"],
    pbr(baseColorTexture=moved("halves", texCoord=1)),
    shows("base_color", RIGHT),
)
case(
    "normals_moved",
    ["KHR_texture_transform.offset"],
    {**pbr(baseColorTexture=texture("halves")), "normalTexture": moved("halves", offset=[0.5, 0])},
    shows("normal", RIGHT),
)
case(
    "colour_moved",
    ["KHR_texture_transform.offset"],
    {**pbr(baseColorTexture=moved("halves", offset=[0.5, 0])), "normalTexture": texture("halves")},
    shows("normal", LEFT),
)
case(
    "normals_scaled",
    ["KHR_texture_transform.scale"],
    {**pbr(baseColorTexture=texture("halves")), "normalTexture": moved("halves", scale=[3, 3])},
    shows("normal", RIGHT),
)
# Turned by 180 degrees, the image's u runs against the surface's, and a normal that leans along it leans back.
case(
    "normals_turned",
    ["KHR_texture_transform.rotation"],
    {**pbr(baseColorTexture=texture("halves")), "normalTexture": moved("normal", rotation=float(np.pi))},
    shows("normal", (64, 127, 239)),
)

for extension, keys in EXTENSIONS.items():
    for key in keys if extension.startswith("KHR_materials_") and not extension.endswith("variants") else ():
        value: Any = 0.3
        if key.endswith("Texture"):
            value = texture("grey")
        elif "Color" in key or key in ("diffuseFactor", "specularFactor"):
            value = [0.2, 0.3, 0.4, 1.0][: 4 if key == "diffuseFactor" else 3]
        shown: dict[str, Check] = {
            "emissiveStrength": shows("emission_strength", 0.3), "ior": shows("ior", 1.3),
            "diffuseFactor": shows("base_color", (0.2, 0.3, 0.4)), "glossinessFactor": shows("roughness", 0.7),
            "diffuseTexture": shows("base_color", (128, 128, 128)),
            "specularGlossinessTexture": shows("roughness", (255 - 102,)),
            "transmissionFactor": shows("transmission", 0.3),
        }  # fmt: skip
        more = {"emissiveFactor": [1, 1, 1]} if key == "emissiveStrength" else {}
        if key == "ior":
            value = 1.3
        values = {key: value}
        if extension == "KHR_materials_pbrSpecularGlossiness" and key != "specularFactor":
            values["specularFactor"] = [0.04, 0.04, 0.04]
        expected: Check | str = shown.get(key, f"{extension}.{key}" if key == "transmissionTexture" else extension)
        if key == "specularFactor":
            # Reflectance of 4% times the factor: ((n - 1) / (n + 1))^2 = .04 * .3
            root = np.sqrt(0.04 * 0.3)
            plain_factor = extension == "KHR_materials_specular"
            values[key] = 0.3 if plain_factor else value
            expected = shows("ior", (1 + root) / (1 - root)) if plain_factor else "its specular colour is not shown"
        if key == "specularGlossinessTexture":
            expected = "its specular colour is not shown"
        case(f"{extension}_{key}", [f"{extension}.{key}"], {**extended(extension, **values), **more}, expected)
case(
    "glossy_image",
    [],
    extended("KHR_materials_pbrSpecularGlossiness", diffuseFactor=[0, 0, 0, 1], specularFactor=[0.9, 0.6, 0.3]),
    shows("base_color", (0.9, 0.6, 0.3)),
)
case(
    "glossy_roughness",
    [],
    extended(
        "KHR_materials_pbrSpecularGlossiness", diffuseFactor=[0, 0, 0, 1], specularGlossinessTexture=texture("grey")
    ),
    shows("roughness", (255 - 102,)),
)
case(
    "unlit",
    ["KHR_materials_unlit"],
    {**pbr(baseColorTexture=texture("halves")), **extended("KHR_materials_unlit")},
    shows("base_color", LEFT),
)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Imported:
    """All cases in one file, a box with its own material each."""
    file = GltfFile()
    file.body["images"] = [{"uri": data_uri(image), "name": f"{name}.png"} for name, image in IMAGES.items()]
    file.body["samplers"] = [{"wrapS": 33071, "wrapT": 33071}, {"wrapS": 33648, "magFilter": 9728}]
    file.body["textures"] = [{"source": number} for number in range(len(IMAGES))]
    file.body["textures"] += [{"source": 0, "sampler": 0}, {"source": 0, "sampler": 1}]
    file.body["materials"] = [{"name": name, **material} for name, (_, material, _) in CASES.items()]
    uvs = [np.tile(np.array(place, np.float32), (24, 1)) for place in ((0.25, 0.5), (0.75, 0.5))]
    for number in range(len(CASES)):
        box = file.box((number, 0, 0), (number + 0.5, 1, 1), TEXCOORD_0=uvs[0], TEXCOORD_1=uvs[1])
        file.body["meshes"][box]["primitives"][0]["material"] = number
        file.node(mesh=box)
    file.body["meshes"][0]["primitives"][0]["extensions"] = {
        "KHR_materials_variants": {"mappings": [{"material": 1, "variants": [0]}]}
    }
    file.body["extensions"] = {"KHR_materials_variants": {"variants": [{"name": "midnight"}]}}
    file.body["extensionsUsed"] = [name for name in EXTENSIONS if name != "KHR_texture_basisu"]
    file.body["extensionsUsed"] += ["FOO_unused", "FOO_lights"]
    file.node(extensions={"FOO_lights": {}})
    (imported,) = read(file.write(tmp_path_factory.mktemp("gltf") / "all.gltf"))
    return imported


@pytest.mark.parametrize("name", CASES)
def test_what_a_gltf_material_says_is_shown_or_named(name: str, model: Imported) -> None:
    check = CASES[name][2]
    if isinstance(check, str):
        assert any(each.startswith(f"{name}: {check}") for each in model.warnings), model.warnings
    else:
        check(model, name)


def test_what_a_whole_file_says_is_named(model: Imported) -> None:
    assert any("KHR_materials_variants: midnight" in each for each in model.warnings)
    assert any("magFilter NEAREST is not shown" in each for each in model.warnings)
    assert "FOO_lights is not read" in model.warnings
    assert not any("FOO_unused" in each for each in model.warnings)  # it is listed, but nothing has it


def test_every_property_of_the_schemas_has_a_case() -> None:
    covered = {each for covers, _, _ in CASES.values() for each in covers} | WITHOUT_LOOK
    covered |= {"sampler.magFilter", "KHR_materials_variants.variants", "KHR_materials_variants.mappings"}
    covered.add("KHR_texture_basisu.source")  # test_packed_gltf.py
    wanted = {f"{group}.{key}" for group, keys in {**CORE, **EXTENSIONS}.items() for key in keys}
    assert wanted <= covered, wanted - covered
    assert covered <= wanted | {"KHR_materials_unlit"}, covered - wanted


def test_colours_of_vertices_multiply_a_texture(tmp_path: Path) -> None:
    """Both are linear (glTF 2.0, 3.9.2): an image of 128 is .216, times .5 is .108, which is 93 in sRGB."""
    file = GltfFile()
    shades = np.ones((24, 4), np.float32)
    shades[12:, :3] = (0.5, 1, 0)
    shades[:, 3] = 0.5
    uvs = np.full((24, 2), 0.5, np.float32)
    file.body |= {"images": [{"uri": data_uri(plain(128, 128, 128)), "name": "g.png"}], "textures": [{"source": 0}]}
    file.body["materials"] = [{"name": "box", **pbr(baseColorTexture={"index": 0}), "alphaMode": "BLEND"}]
    file.body["materials"] += [{"name": "cut", "alphaMode": "MASK"}, {"name": "solid", "alphaMode": "OPAQUE"}]
    for number in range(3):  # the alpha of what is opaque means nothing
        box = file.box((2 * number, 0, 0), (2 * number + 1, 1, 1), TEXCOORD_0=uvs, COLOR_0=shades)
        file.body["meshes"][box]["primitives"][0]["material"] = number
        file.node(mesh=box)
    (model,) = read(file.write(tmp_path / "shaded.glb"))
    found = {seen(model, "box", "base_color", face) for face in range(12)}
    half = round(srgb(((128 / 255 + 0.055) / 1.055) ** 2.4 * 0.5))
    assert (128, 128, 128) in found
    assert len(found) == 2
    np.testing.assert_allclose(next(each for each in found if each != (128,) * 3), (half, 128, 0), atol=2)
    named = "{}: the alpha of its colours of vertices is not shown; bake it into a texture"
    assert set(model.warnings) == {named.format("box"), named.format("cut")}


@pytest.mark.parametrize("name", ["ktx.gltf", "ktx.glb"])
def test_an_image_that_is_not_read_is_named(name: str, tmp_path: Path) -> None:
    """Of KTX2 images, one has a PNG beside it; the file requires the extension, and one that no importer knows."""
    file = GltfFile()
    ktx = {"uri": "data:image/ktx2;base64,q0tUWCAyMLsNChoK", "mimeType": "image/ktx2"}
    file.body["images"] = [{**ktx, "name": "bark"}, {**ktx, "name": "leaf"}, {"uri": data_uri(plain(9, 99, 9))}]
    file.body["textures"] = [
        {"extensions": {"KHR_texture_basisu": {"source": 0}}},
        {"source": 2, "extensions": {"KHR_texture_basisu": {"source": 1}}},
    ]
    used = ["KHR_texture_basisu", "KHR_materials_new"]
    file.body |= {"extensionsUsed": used, "extensionsRequired": used}
    file.body["materials"] = [
        {"name": n, **pbr(baseColorTexture={"index": k})} for k, n in enumerate(("trunk", "crown"))
    ]
    file.body["materials"][0] |= {"extensions": {"KHR_materials_new": {"glow": 1}}}
    uvs = np.full((24, 2), 0.5, np.float32)
    for number in range(2):
        box = file.box((number, 0, 0), (number + 0.5, 1, 1), TEXCOORD_0=uvs)
        file.body["meshes"][box]["primitives"][0]["material"] = number
        file.node(mesh=box)
    (model,) = read(file.write(tmp_path / name))
    assert seen(model, "crown", "base_color") == (9, 99, 9)
    assert seen(model, "trunk", "base_color") == (0.5, 0.5, 0.5)  # grey, as where an image is missing
    assert any(text.startswith("bark: its KTX2 image is not read (") for text in model.warnings)
    assert not any("leaf" in text for text in model.warnings)
    assert "trunk: KHR_materials_new is not shown" in model.warnings
