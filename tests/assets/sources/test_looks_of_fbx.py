"""What an FBX file says of its materials is shown with its value or named: wrap modes, UV sets, kinds of maps."""

from __future__ import annotations

import numpy as np
import pytest
from helpers.look_files import LEFT, RIGHT, halves, plain, png, read, seen
from helpers.model_files import edit_fbx, run_in_blender
from PIL import Image
from scenegen.assets.sources.files.importer import Imported

# Each cube has its material's name; its UVs are `at` on the set First, and on Second the other half of an image.
_SCENE = """
import bpy
def cube(name, at, **images):
    material = bpy.data.materials.new(name)
    material.use_nodes = True
    tree = material.node_tree
    shader = tree.nodes["Principled BSDF"]
    for socket, file in images.items():
        node = tree.nodes.new("ShaderNodeTexImage")
        node.image = bpy.data.images.load(f"{folder}/{file}", check_existing=False)
        output = node.outputs["Color"]
        if socket == "Normal":
            normal = tree.nodes.new("ShaderNodeNormalMap")
            tree.links.new(output, normal.inputs["Color"])
            output = normal.outputs["Normal"]
        tree.links.new(output, shader.inputs[socket.replace("_", " ")])
    bpy.ops.mesh.primitive_cube_add(location=(3 * len(bpy.data.objects), 0, 0))
    mesh = bpy.context.object.data
    mesh.materials.append(material)
    for layer, shift in ((mesh.uv_layers[0], 0.0), (mesh.uv_layers.new(name="Second"), 0.5)):
        for corner in layer.uv:
            corner.vector = (at[0] + shift, at[1])
    mesh.uv_layers[0].name = "First"
cube("second", (0.25, 0.5), Base_Color="second.png")
cube("clamp_u", (1.25, 0.5), Base_Color="clamp_u.png")
cube("repeat_v", (0.5, 1.25), Base_Color="repeat_v.png")
cube("moved", (0.1, 0.5), Base_Color="moved.png")
cube("flat", (0.25, 0.5), Normal="flat.png")
cube("normals", (0.25, 0.5), Normal="normals.png")
cube("glass", (0.25, 0.5), Alpha="grey.png")
cube("mirror", (0.25, 0.5), Base_Color="sky.png")
cube("swap.001", (0.25, 0.9), Base_Color="swap.png")
cube("turned", (0.05, 0.5), Base_Color="turned.png")
cube("cropped", (0.25, 0.5), Base_Color="cropped.png")
bpy.ops.export_scene.fbx(filepath=f"{folder}/plain.fbx")
"""
# Properties of textures by the name of their file, and the property of the material that one gives.
_CHANGE = """
from io_scene_fbx.parse_fbx import FBXElem
values = {
    b"second.png": [(b"UVSet", b"KString", b"", b"", b"Second")],
    b"clamp_u.png": [(b"WrapModeU", b"enum", b"", b"", 1)],
    b"repeat_v.png": [(b"WrapModeU", b"enum", b"", b"", 1)],
    b"moved.png": [
        (b"Scaling", b"Vector", b"", b"A", 2.0, 1.0, 1.0), (b"Translation", b"Vector", b"", b"A", -0.2, 0.0, 0.0)
    ],
    b"turned.png": [
        (b"Rotation", b"Vector", b"", b"A", 0.0, 0.0, 90.0), (b"Scaling", b"Vector", b"", b"A", 2.0, 1.0, 1.0),
        (b"Translation", b"Vector", b"", b"A", -0.25, 0.0, 0.0),
    ],
    b"swap.png": [(b"UVSwap", b"bool", b"", b"", 1)],
}
next(each for each in root.elems if each.id == b"Creator").props[0] = b"another program"
sections = {each.id: each for each in root.elems if each is not None}
numbers = {}
for texture in sections[b"Objects"].elems:
    if texture is not None and texture.id == b"Texture":
        file = next(each.props[0] for each in texture.elems if each and each.id == b"RelativeFilename")
        numbers[file] = texture.props[0]
        table = next(each for each in texture.elems if each and each.id == b"Properties70")
        if file == b"cropped.png":
            texture.elems.append(FBXElem(b"Cropping", [1, 0, 4, 8], bytearray(b"IIII"), []))
        for row in values.get(file, ()):
            letters = b"".join(b"S" if isinstance(v, bytes) else b"D" if isinstance(v, float) else b"I" for v in row)
            table.elems.append(FBXElem(b"P", list(row), bytearray(letters), []))
for link in sections[b"Connections"].elems:
    if link is not None and link.props[1] == numbers[b"sky.png"]:
        link.props[3] = b"ReflectionColor"
"""
_TEXT = """; FBX 7.4.0 project file
FBXHeaderExtension:  {
	FBXHeaderVersion: 1003
	FBXVersion: 7400
}
GlobalSettings:  {
	Version: 1000
	Properties70:  {
		P: "UpAxis", "int", "Integer", "",2
		P: "UpAxisSign", "int", "Integer", "",1
		P: "FrontAxis", "int", "Integer", "",1
		P: "FrontAxisSign", "int", "Integer", "",-1
		P: "CoordAxis", "int", "Integer", "",0
		P: "CoordAxisSign", "int", "Integer", "",1
		P: "UnitScaleFactor", "double", "Number", "",100
	}
}
Objects:  {
	Geometry: 10, "Geometry::plate", "Mesh" {
		Vertices: *12 {
			a: 0,0,0,2,0,0,2,1,0,0,1,0
		}
		PolygonVertexIndex: *4 {
			a: 0,1,2,-4
		}
		LayerElementUV: 0 {
			Version: 101
			Name: "First"
			MappingInformationType: "AllSame"
			ReferenceInformationType: "IndexToDirect"
			UV: *2 {
				a: 1.25,0.5
			}
			UVIndex: *4 {
				a: 0,0,0,0
			}
		}
		LayerElementMaterial: 0 {
			Version: 101
			Name: ""
			MappingInformationType: "AllSame"
			ReferenceInformationType: "IndexToDirect"
			Materials: *1 {
				a: 0
			}
		}
		Layer: 0 {
			Version: 100
			LayerElement:  {
				Type: "LayerElementUV"
				TypedIndex: 0
			}
			LayerElement:  {
				Type: "LayerElementMaterial"
				TypedIndex: 0
			}
		}
	}
	Model: 20, "Model::plate", "Mesh" {
		Version: 232
	}
	Material: 30, "Material::paint", "" {
		Version: 102
		ShadingModel: "phong"
	}
	Texture: 40, "Texture::colour", "" {
		Type: "TextureVideoClip"
		FileName: "C:\\maps\\clamp_u.png"
		RelativeFilename: "clamp_u.png"
		Properties70:  {
			P: "WrapModeU", "enum", "", "",1
		}
	}
}
Connections:  {
	C: "OO",20,0
	C: "OO",10,20
	C: "OO",30,20
	C: "OP",40,30, "DiffuseColor"
}
"""


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> tuple[Imported, Imported]:
    """The binary file with all cases, and one as text."""
    folder = tmp_path_factory.mktemp("fbx")
    upright = halves().transpose(Image.Transpose.ROTATE_270)  # LEFT is above
    images = dict.fromkeys(("second", "clamp_u", "moved", "swap", "sky", "cropped", "turned"), halves())
    images |= {"repeat_v": upright, "flat": plain(128, 128, 128), "normals": plain(191, 128, 239), "grey": plain(102)}
    for name, image in images.items():
        (folder / f"{name}.png").write_bytes(png(image))
    run_in_blender(_SCENE, folder)
    edit_fbx(folder / "plain.fbx", folder / "looks.fbx", _CHANGE)
    (folder / "text.fbx").write_text(_TEXT)
    binary, text = read(folder / "looks.fbx", folder / "text.fbx")
    return binary, text


def said(model: Imported, name: str) -> list[str]:
    return [each.removeprefix(f"{name}: ") for each in model.warnings if each.startswith(f"{name}: ")]


@pytest.mark.parametrize(
    ("name", "colour"),
    [
        ("second", RIGHT),  # on First it is LEFT
        ("clamp_u", RIGHT),  # 1.25 is the right edge; repeated it is 0.25
        ("repeat_v", RIGHT),  # 1.25 is 0.25, below; clamped it is above
        ("moved", RIGHT),  # (0.1 + 0.2) * 2
    ],
)
def test_where_a_texture_is_placed(name: str, colour: tuple[int, ...], models: tuple[Imported, Imported]) -> None:
    assert seen(models[0], name, "base_color") == colour
    assert not said(models[0], name)


def test_heights_are_no_normals(models: tuple[Imported, Imported]) -> None:
    assert seen(models[0], "flat", "normal") is None
    assert seen(models[0], "normals", "normal") == (191, 128, 239)


def test_what_is_not_shown_is_named(models: tuple[Imported, Imported]) -> None:
    assert said(models[0], "mirror") == ["its ReflectionColor texture sky.png is not shown"]
    assert said(models[0], "swap.001") == [
        "of its base_color texture swap.png the exchange of its U and V is not applied"
    ]
    assert seen(models[0], "swap.001", "base_color") == LEFT
    assert said(models[0], "turned") == ["of its base_color texture turned.png the rotation of its UVs is not applied"]
    assert seen(models[0], "turned", "base_color") == RIGHT  # (0.05 + 0.25) * 2
    assert said(models[0], "cropped") == ["of its base_color texture cropped.png its cropping is not applied"]
    np.testing.assert_allclose(seen(models[0], "glass", "alpha"), (102,), atol=1)


def test_a_text_file(models: tuple[Imported, Imported]) -> None:
    model = models[1]
    np.testing.assert_allclose(np.ptp(model.vertices, axis=0), (2, 1, 0), atol=1e-6)
    assert seen(model, "paint", "base_color") == RIGHT != LEFT
    assert not said(model, "paint")
