"""What a file says about its look is shown, or named in the warnings."""

from __future__ import annotations

import base64
import io
from pathlib import Path

import numpy as np
import pytest
from helpers.gltf_files import GltfFile
from helpers.model_files import run_in_blender
from PIL import Image
from scenegen.assets.prepare.textures import fit_textures, grey_channel, normals_of_heights
from scenegen.assets.sources.files.importer import Imported, import_files

TRIANGLE = "v 0 0 0\nv 1 0 0\nv 0 0 1\nvt 0 0\nvt 1 0\nvt 0 1\n"


def read(*files: Path) -> list[Imported]:
    results = [each for _, each in import_files(files)]
    assert all(isinstance(each, Imported) for each in results), results
    return [each for each in results if isinstance(each, Imported)]


def obj(folder: Path, name: str, materials: str) -> Path:
    (folder / f"{name}.mtl").write_text(f"newmtl oak\n{materials}\n")
    (folder / f"{name}.obj").write_text(f"mtllib {name}.mtl\n{TRIANGLE}usemtl oak\nf 1/1 2/2 3/3\n")
    return folder / f"{name}.obj"


def grey16(value: int) -> Image.Image:
    return Image.fromarray(np.full((4, 4), value, np.uint16))


def png(image: Image.Image) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return buffer.getvalue()


def pixel(content: bytes) -> tuple[int, ...]:
    return tuple(np.atleast_1d(np.asarray(Image.open(io.BytesIO(content)))[0, 0]).tolist())


def prepared(model: Imported, slot: str) -> tuple[int, ...]:
    """The first pixel of a texture as it goes into the library."""
    path = model.materials[0].textures[slot]
    fitted = fit_textures(model.textures, {path}, 1024)
    return pixel(fitted.files[fitted.paths[path]])


def test_images_are_found_by_the_paths_of_another_machine(tmp_path: Path) -> None:
    """Backslashes, a drive, a folder above, and Google Scanned Objects' layout, whose MTL names the file alone."""
    for folder in ("m/maps", "shared", "Bag_Red/meshes", "Bag_Red/materials/textures"):
        (tmp_path / folder).mkdir(parents=True)
    for number, name in enumerate(("m/maps/a b.png", "shared/a.png", "Bag_Red/materials/textures/texture.png")):
        Image.new("RGB", (4, 4), (60 + number, 99, 9)).save(tmp_path / name)
    files = [
        obj(tmp_path / "m", "back", "map_Kd maps\\a b.png"),
        obj(tmp_path / "m", "drive", "map_Kd C:\\Users\\jo\\maps\\a b.png"),
        obj(tmp_path / "m", "above", "map_Kd ..\\shared\\a.png"),
        obj(tmp_path / "Bag_Red" / "meshes", "model", "map_Kd texture.png"),
    ]
    models = read(*files)
    assert [prepared(model, "base_color")[0] for model in models] == [60, 60, 61, 62]
    assert not any(model.warnings for model in models)


def test_images_of_16_bits_and_of_floats_keep_their_values(tmp_path: Path) -> None:
    """32768 of 65535 is 128 of 255; a float is linear, so .25 is 137 in sRGB and 64 as a roughness."""
    grey16(32768).save(tmp_path / "half.png")
    grey16(16384).save(tmp_path / "quarter.png")
    Image.fromarray(np.full((4, 4), 0.25, np.float32)).save(tmp_path / "float.tif")
    files = [
        obj(tmp_path, "colour", "map_Kd half.png"),
        obj(tmp_path, "alpha", "map_d half.png"),
        obj(tmp_path, "rough", "Pr 1\nmap_Pr quarter.png"),
        obj(tmp_path, "float", "map_Kd float.tif"),
        obj(tmp_path, "rough_float", "Pr 1\nmap_Pr float.tif"),
    ]
    colour, alpha, rough, floats, rough_floats = read(*files)
    assert set(prepared(colour, "base_color")) == {128}
    assert set(prepared(alpha, "alpha")) == {128}
    assert set(prepared(rough, "roughness")) == {64}
    assert set(prepared(floats, "base_color")) == {137}
    assert set(prepared(rough_floats, "roughness")) == {64}


@pytest.mark.parametrize(
    ("alpha", "cutoff", "seen"), [(153, 0.5, None), (102, 0.3, None), (102, 0.5, 0), (200, 0.9, 0)]
)
def test_alpha_of_a_mask_is_all_or_nothing(alpha: int, cutoff: float, seen: int | None, tmp_path: Path) -> None:
    file = GltfFile()
    file.node(mesh=file.box((0, 0, 0), (1, 1, 1), TEXCOORD_0=np.full((24, 2), 0.5, np.float32)))
    uri = "data:image/png;base64," + base64.b64encode(png(Image.new("RGBA", (4, 4), (9, 99, 9, alpha)))).decode()
    file.body |= {"images": [{"uri": uri, "name": "leaf"}], "textures": [{"source": 0}]}
    look = {"baseColorTexture": {"index": 0}}
    file.body["materials"] = [
        {"name": "leaf", "pbrMetallicRoughness": look, "alphaMode": "MASK", "alphaCutoff": cutoff}
    ]
    file.body["meshes"][0]["primitives"][0]["material"] = 0
    (model,) = read(file.write(tmp_path / "leaf.glb"))
    textures = model.materials[0].textures
    assert (pixel(model.textures[textures["alpha"]])[0] if "alpha" in textures else None) == seen


CLAMP, MIRROR, REPEAT = 33071, 33648, 10497


@pytest.mark.parametrize(
    ("modes", "place", "seen"),
    [
        ((CLAMP, CLAMP), (1.3, 0.5), "right"),
        ((CLAMP, CLAMP), (-0.4, 0.5), "left"),
        ((MIRROR, MIRROR), (1.25, 0.5), "right"),
        ((MIRROR, REPEAT), (1.25, 3.5), "right"),
        ((REPEAT, MIRROR), (1.25, 0.5), "left"),
        ((CLAMP, REPEAT), (1.3, -1.5), "right"),
        ((REPEAT, REPEAT), (1.25, 0.5), "left"),
    ],
)
def test_textures_wrap_as_the_file_says(
    modes: tuple[int, int], place: tuple[float, float], seen: str, tmp_path: Path
) -> None:
    file = GltfFile()
    uvs = np.tile(np.array(place, np.float32), (24, 1))
    file.node(mesh=file.box((0, 0, 0), (1, 1, 1), TEXCOORD_0=uvs))
    pixels = np.zeros((8, 8, 3), np.uint8)
    pixels[:, :4] = (220, 20, 20)
    pixels[:, 4:] = (20, 20, 220)
    uri = "data:image/png;base64," + base64.b64encode(png(Image.fromarray(pixels))).decode()
    file.body |= {"images": [{"uri": uri, "name": "halves"}], "textures": [{"source": 0, "sampler": 0}]}
    file.body["samplers"] = [{"wrapS": modes[0], "wrapT": modes[1]}]
    file.body["materials"] = [{"name": "x", "pbrMetallicRoughness": {"baseColorTexture": {"index": 0}}}]
    file.body["meshes"][0]["primitives"][0]["material"] = 0
    (model,) = read(file.write(tmp_path / "wrap.glb"))
    assert model.uvs is not None
    image = np.asarray(Image.open(io.BytesIO(model.textures[model.materials[0].textures["base_color"]])))
    u, v = model.uvs[0, 0] % 1.0
    found = image[int((1 - v) * image.shape[0]) % image.shape[0], int(u * image.shape[1])]
    assert found.tolist() == ([220, 20, 20] if seen == "left" else [20, 20, 220])


def test_what_is_not_shown_of_a_gltf_is_named(tmp_path: Path) -> None:
    file = GltfFile()
    file.node(mesh=file.box((0, 0, 0), (1, 1, 1)))
    hidden = ("clearcoat", "sheen", "iridescence", "volume", "anisotropy", "diffuse_transmission", "dispersion")
    extensions = {f"KHR_materials_{name}": {} for name in hidden}
    file.body["materials"] = [{"name": "silk", "extensions": {**extensions, "KHR_materials_ior": {"ior": 1.3}}}]
    file.body["extensionsUsed"] = [*extensions, "KHR_materials_ior"]
    file.body["meshes"][0]["primitives"][0]["material"] = 0
    (model,) = read(file.write(tmp_path / "silk.gltf"))
    for name in extensions:
        assert f"silk: {name} is not shown" in model.warnings
    assert not any("ior" in warning for warning in model.warnings)
    assert model.materials[0].ior == pytest.approx(1.3)


def test_heights_are_no_normals(tmp_path: Path) -> None:
    """A grey map_Bump holds heights: flat ones change nothing, a ramp tilts the normal against its slope."""
    Image.new("L", (8, 8), 215).save(tmp_path / "flat.png")
    Image.new("RGB", (8, 8), (128, 100, 230)).save(tmp_path / "normals.png")
    flat, normals = read(
        obj(tmp_path, "flat", "map_Bump -bm 0.3 flat.png"), obj(tmp_path, "normals", "map_Bump -bm 1 normals.png")
    )
    assert "normal" not in flat.materials[0].textures
    assert prepared(normals, "normal") == (128, 100, 230)
    ramp = Image.fromarray(np.tile(np.arange(0, 160, 10, dtype=np.uint8), (16, 1)))
    red, green, blue = np.asarray(Image.open(io.BytesIO(normals_of_heights(png(ramp), 1.0) or b"")))[8, 8]
    slope = 20 / 255 * 4
    wanted = np.array([-slope, 0, 1]) / np.hypot(slope, 1)
    np.testing.assert_allclose(np.array([red, green, blue]) / 127.5 - 1, wanted, atol=0.01)


def test_keys_of_mtl_that_are_not_shown_are_named(tmp_path: Path) -> None:
    Image.new("RGB", (4, 4), (90, 60, 30)).save(tmp_path / "oak.png")
    (model,) = read(obj(tmp_path, "oak", "map_Kd oak.png\nmap_Ka oak.png\nmap_Ks shine.png\ndisp bark.png"))
    for text in (
        "map_Ks shine.png is not shown",
        "disp bark.png is not shown",
    ):
        assert f"oak: {text}" in model.warnings
    assert not any("map_Ka" in warning for warning in model.warnings)
    (model,) = read(obj(tmp_path, "elm", "map_Ka elm.png\nmap_Kd elm.png"))
    assert not any("map_Ka" in warning for warning in model.warnings)
    (model,) = read(obj(tmp_path, "ash", "map_Ka other.png\nmap_Kd ash.png"))
    assert any("map_Ka other.png is not shown" in warning for warning in model.warnings)


def test_colours_of_vertices_show_where_the_mtl_is_missing(tmp_path: Path) -> None:
    red = "".join(f"v {x} 0 {z} .9 .1 .1\n" for x, z in ((0, 0), (1, 0), (0, 1)))
    (tmp_path / "red.obj").write_text(f"mtllib none.mtl\n{red}usemtl paint\nf 1 2 3\n")
    (model,) = read(tmp_path / "red.obj")
    assert "missing material file none.mtl" in model.warnings
    np.testing.assert_allclose(prepared_palette(model), (230, 26, 26), atol=1)


def shaded(file: Path, shade: float) -> Imported:
    """A box whose material is (0.2, 0.4, 0.6) and whose vertices all have the colour `shade`."""
    gltf = GltfFile()
    gltf.node(mesh=gltf.box((0, 0, 0), (1, 1, 1), COLOR_0=np.full((24, 3), shade, np.float32)))
    gltf.body["materials"] = [{"name": "suit", "pbrMetallicRoughness": {"baseColorFactor": [0.2, 0.4, 0.6, 1.0]}}]
    gltf.body["meshes"][0]["primitives"][0]["material"] = 0
    (model,) = read(gltf.write(file))
    return model


def test_colours_of_vertices_tint_the_colour_of_a_gltf_material(tmp_path: Path) -> None:
    """COLOR_0 multiplies baseColorFactor, both linear (glTF 2.0, 3.9.2); white, it leaves the plain material."""
    linear = np.array((0.1, 0.2, 0.3))
    seen = prepared_palette(shaded(tmp_path / "half.gltf", 0.5))
    np.testing.assert_allclose(seen, (1.055 * linear ** (1 / 2.4) - 0.055) * 255, atol=1)
    (white,) = shaded(tmp_path / "white.gltf", 1.0).materials
    assert not white.textures
    assert white.base_color == pytest.approx((0.2, 0.4, 0.6))


def prepared_palette(model: Imported) -> np.ndarray:
    assert model.uvs is not None
    material = model.materials[model.material_index[0]]
    image = np.asarray(Image.open(io.BytesIO(model.textures[material.textures["base_color"]])))
    u, v = model.uvs[0, 0]
    return np.asarray(image[int((1 - v) * image.shape[0]), int(u * image.shape[1])])


def test_constants_and_patterns_of_a_blend(tmp_path: Path) -> None:
    """An RGB node is the colour; a ramp over noise gives its mean colour, and a warning names both nodes.

    A grey specular tint dims what the surface reflects head on, (n - 1)^2 / (n + 1)^2, by itself.
    """
    run_in_blender(
        """
def material(name):
    made = bpy.data.materials.new(name)
    made.use_nodes = True
    bpy.ops.mesh.primitive_cube_add()
    bpy.context.object.data.materials.append(made)
    tree = made.node_tree
    return tree, tree.nodes["Principled BSDF"]
tree, shader = material("plain")
node = tree.nodes.new("ShaderNodeRGB")
node.outputs[0].default_value = (0.1, 0.2, 0.8, 1)
tree.links.new(node.outputs[0], shader.inputs["Base Color"])
shader.inputs["IOR"].default_value = 1.5
shader.inputs["Specular Tint"].default_value = (0.5, 0.5, 0.5, 1)
material("foil")[1].inputs["Specular Tint"].default_value = (1, 0.2, 0.2, 1)
tree, shader = material("bark")
shader.inputs["Coat Weight"].default_value = 0.5
noise, ramp = tree.nodes.new("ShaderNodeTexNoise"), tree.nodes.new("ShaderNodeValToRGB")
ramp.color_ramp.elements[0].color = (0.2, 0.1, 0.0, 1)
ramp.color_ramp.elements[1].color = (0.6, 0.3, 0.1, 1)
tree.links.new(noise.outputs[0], ramp.inputs[0])
tree.links.new(ramp.outputs[0], shader.inputs["Base Color"])
bpy.ops.wm.save_as_mainfile(filepath=f"{folder}/looks.blend")
""",
        tmp_path,
    )
    (model,) = read(tmp_path / "looks.blend")
    by_name = {material.name: material for material in model.materials}
    np.testing.assert_allclose(by_name["plain"].base_color, (0.1, 0.2, 0.8), atol=1e-6)
    np.testing.assert_allclose(by_name["bark"].base_color, (0.4, 0.2, 0.05), atol=1e-3)
    assert any("bark" in each and "Noise Texture" in each for each in model.warnings)
    assert "bark: Coat Weight is not shown" in model.warnings
    assert not any(each.startswith("plain") for each in model.warnings)
    ior = by_name["plain"].ior
    assert ((ior - 1) / (ior + 1)) ** 2 == pytest.approx(0.5 * 0.04)
    assert "foil: Specular Tint is not shown" in model.warnings


def test_cutoff_counts_before_opacity() -> None:
    image = png(Image.new("RGBA", (2, 2), (0, 0, 0, 153)))
    assert grey_channel(image, "A", cutoff=0.5) is None
    assert pixel(grey_channel(image, "A", cutoff=0.7) or b"") == (0,)
