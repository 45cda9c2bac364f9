"""Every input of a USD preview surface and of its textures is shown with its value or named in a warning.

The inputs are those of the UsdPreviewSurface specification 2.6.
"""

from __future__ import annotations

import math
import zipfile
from collections.abc import Callable
from typing import Any

import pytest
from helpers.look_files import LEFT, RIGHT, halves, plain, png, read, seen, shows
from scenegen.assets.sources.files.importer import Imported

INPUTS = {
    "UsdPreviewSurface": {"diffuseColor", "emissiveColor", "useSpecularWorkflow", "specularColor", "metallic",
                          "roughness", "clearcoat", "clearcoatRoughness", "opacity", "opacityMode", "opacityThreshold",
                          "ior", "normal", "displacement", "occlusion"},
    "UsdUVTexture": {"file", "st", "wrapS", "wrapT", "fallback", "scale", "bias", "sourceColorSpace"},
    "UsdPrimvarReader": {"varname"},
    "UsdTransform2d": {"in", "rotation", "scale", "translation"},
}  # fmt: skip
# How a renderer treats the highlights of what is transparent.
WITHOUT_LOOK = {"opacityMode"}

Check = Callable[[Imported, str], None]


def texture(file: str, inputs: str = "", st: str = "R") -> str:
    return f"""def Shader "T" {{
        uniform token info:id = "UsdUVTexture"
        asset inputs:file = @{file}@
        float2 inputs:st.connect = </Root/Looks/NAME/{st}.outputs:result>
        {inputs}
        float3 outputs:rgb
        float outputs:r
        float outputs:g
        float outputs:a
    }}
    def Shader "R" {{
        uniform token info:id = "UsdPrimvarReader_float2"
        string inputs:varname = "st"
        float2 outputs:result
    }}
    def Shader "R1" {{
        uniform token info:id = "UsdPrimvarReader_float2"
        string inputs:varname = "st1"
        float2 outputs:result
    }}"""


def moved(inputs: str) -> str:
    return f"""
    def Shader "X" {{
        uniform token info:id = "UsdTransform2d"
        float2 inputs:in.connect = </Root/Looks/NAME/R.outputs:result>
        {inputs}
        float2 outputs:result
    }}"""


IMAGE = "color3f inputs:diffuseColor.connect = </Root/Looks/NAME/T.outputs:rgb>"
NORMAL = "normal3f inputs:normal.connect = </Root/Looks/NAME/T.outputs:rgb>"
DECODE = "float4 inputs:scale = (2, 2, 2, 1)\nfloat4 inputs:bias = (-1, -1, -1, 0)"
COLOURS = """def Shader "C" {
        uniform token info:id = "UsdPrimvarReader_float3"
        string inputs:varname = "paint"
        float3 outputs:result
    }"""
# st is (0.25, 0.5), in the left half of an image, and st1 (0.75, 0.5), in its right half.
CASES: dict[str, tuple[str, str, Check | str]] = {
    "diffuse": ("color3f inputs:diffuseColor = (0.2, 0.4, 0.6)", "", shows("base_color", (0.2, 0.4, 0.6))),
    "emissive": ("color3f inputs:emissiveColor = (0.1, 0.2, 0.3)", "", shows("emission", (0.1, 0.2, 0.3))),
    "metallic": ("float inputs:metallic = 0.7", "", shows("metallic", 0.7)),
    "roughness": ("float inputs:roughness = 0.3", "", shows("roughness", 0.3)),
    "ior": ("float inputs:ior = 1.3", "", shows("ior", 1.3)),
    "opacity": ("float inputs:opacity = 0.5", "", shows("alpha", 0.5)),
    "threshold": ("float inputs:opacity = 0.5\nfloat inputs:opacityThreshold = 0.4", "", shows("alpha", 1.0)),
    "clearcoat": ("float inputs:clearcoat = 0.5\nfloat inputs:clearcoatRoughness = 0.2", "", "clearcoat is not shown"),
    "occlusion": ("float inputs:occlusion = 0.5", "", "occlusion is not shown"),
    "displacement": ("float inputs:displacement = 0.5", "", "displacement is not shown"),
    "specular": ("int inputs:useSpecularWorkflow = 1\ncolor3f inputs:specularColor = (0.04, 0.04, 0.04)", "",
                 shows("ior", 1.5)),
    "gold": ("int inputs:useSpecularWorkflow = 1\ncolor3f inputs:specularColor = (0.9, 0.6, 0.3)\n"
             "color3f inputs:diffuseColor = (0, 0, 0)", "", shows("base_color", (0.9, 0.6, 0.3))),
    "gloss": ("int inputs:useSpecularWorkflow = 1\ncolor3f inputs:specularColor = (0.2, 0.1, 0)", "",
              "specularColor is not shown in full"),
    "unknown": ("float inputs:fuzz = 1", "", "input fuzz is not shown"),
    "image": (IMAGE, texture("halves.png"), shows("base_color", LEFT)),
    "second_uvs": (IMAGE, texture("halves.png", st="R1"), shows("base_color", RIGHT)),
    "channel": ("float inputs:roughness.connect = </Root/Looks/NAME/T.outputs:g>",
                texture("halves.png", 'token inputs:sourceColorSpace = "raw"'), shows("roughness", (40,))),
    "factor": (IMAGE, texture("grey.png", "float4 inputs:scale = (1, 0.5, 0, 1)"),
               shows("base_color", (128, round(128 * 0.5 ** (1 / 2.2)), 0))),
    "bias": (IMAGE, texture("grey.png", "float4 inputs:bias = (0.1, 0, 0, 0)"),
             "texture grey.png: bias is not applied"),
    "space": (IMAGE, texture("grey.png", 'token inputs:sourceColorSpace = "raw"'),
              "texture grey.png: sourceColorSpace raw is not applied"),
    "missing": (IMAGE, texture("none.png", "float4 inputs:fallback = (1, 0, 0, 1)"),
                "missing base_color texture none.png"),
    "alpha": ("float inputs:opacity.connect = </Root/Looks/NAME/T.outputs:a>", texture("leaf.png"),
              shows("alpha", (153,))),
    "cutout": ("float inputs:opacity.connect = </Root/Looks/NAME/T.outputs:a>\nfloat inputs:opacityThreshold = 0.7",
               texture("leaf.png"), shows("alpha", (0,))),
    "scaled_alpha": (IMAGE + "\nfloat inputs:opacity.connect = </Root/Looks/NAME/T.outputs:a>",
                     texture("leaf.png", "float4 inputs:scale = (1, 1, 1, 0.5)"), shows("alpha", (76,))),
    "normal": (NORMAL, texture("normal.png", DECODE), shows("normal", (191, 128, 239))),
    "flipped": (NORMAL, texture("normal.png", DECODE.replace("(2, 2", "(2, -2")),
                "texture normal.png: the negative scale of its normals is not applied"),
    "clamped": (IMAGE, texture("halves.png", 'token inputs:wrapS = "clamp"', st="X") +
                moved("float2 inputs:translation = (5, 0)"), shows("base_color", RIGHT)),
    "clamped_along_v": (IMAGE, texture("halves.png", 'token inputs:wrapT = "clamp"', st="X") +
                        moved("float2 inputs:translation = (5, 0)"), shows("base_color", LEFT)),
    "mirrored": (IMAGE, texture("halves.png", 'token inputs:wrapS = "mirror"', st="X") +
                 moved("float2 inputs:translation = (1, 0)"), shows("base_color", RIGHT)),
    "black": (IMAGE, texture("halves.png", 'token inputs:wrapS = "black"'),
              "texture halves.png: wrap mode black is shown as clamp"),
    "turned": (IMAGE, texture("halves.png", st="X") + moved("float inputs:rotation = 180"),
               shows("base_color", RIGHT)),
    "scaled": (IMAGE, texture("halves.png", st="X") + moved("float2 inputs:scale = (3, 1)"),
               shows("base_color", RIGHT)),
    "painted": ("color3f inputs:diffuseColor.connect = </Root/Looks/NAME/C.outputs:result>", COLOURS,
                shows("base_color", (124, 170, 203))),  # (0.2, 0.4, 0.6) in sRGB
}  # fmt: skip


def stage(cases: dict[str, tuple[str, str, Any]]) -> str:
    """A USD file with one mesh that has a face and a subset for each case."""
    count = len(cases)
    points = ", ".join(f"({n}, 0, {z}), ({n + 0.5}, 0, {z})" for n in range(count) for z in (0, 1))
    corners = ", ".join(f"{4 * n}, {4 * n + 1}, {4 * n + 3}, {4 * n + 2}" for n in range(count))
    subsets = "".join(
        f"""def GeomSubset "f{number}" (prepend apiSchemas = ["MaterialBindingAPI"]) {{
            uniform token elementType = "face"
            uniform token familyName = "materialBind"
            int[] indices = [{number}]
            rel material:binding = </Root/Looks/{name}>
        }}
        """
        for number, name in enumerate(cases)
    )
    looks = "".join(
        f"""def Material "{name}" {{
            token outputs:surface.connect = </Root/Looks/{name}/S.outputs:surface>
            def Shader "S" {{
                uniform token info:id = "UsdPreviewSurface"
                {inputs}
                token outputs:surface
            }}
            {shaders}
        }}
        """.replace("NAME", name)
        for name, (inputs, shaders, _) in cases.items()
    )
    return f"""#usda 1.0
(
    defaultPrim = "Root"
    upAxis = "Z"
    metersPerUnit = 1
)
def Xform "Root" {{
    def Mesh "Faces" (prepend apiSchemas = ["MaterialBindingAPI"]) {{
        int[] faceVertexCounts = [{", ".join(["4"] * count)}]
        int[] faceVertexIndices = [{corners}]
        point3f[] points = [{points}]
        texCoord2f[] primvars:st = [{", ".join(["(0.25, 0.5)"] * 4 * count)}] (interpolation = "faceVarying")
        texCoord2f[] primvars:st1 = [{", ".join(["(0.75, 0.5)"] * 4 * count)}] (interpolation = "faceVarying")
        color3f[] primvars:paint = [{", ".join(["(0.2, 0.4, 0.6)"] * 4 * count)}] (interpolation = "vertex")
        {subsets}
    }}
    def Mesh "Bare" {{
        int[] faceVertexCounts = [3, 3]
        int[] faceVertexIndices = [0, 1, 2, 1, 3, 2]
        point3f[] points = [(0, 2, 0), (1, 2, 0), (0, 2, 1), (1, 2, 1)]
        color3f[] primvars:displayColor = [(0.2, 0.4, 0.6), (0.6, 0.4, 0.2)] (interpolation = "uniform")
        float[] primvars:displayOpacity = [.5]
    }}
    def Scope "Looks" {{
        {looks}
    }}
}}
"""


IMAGES = {"halves": halves(), "grey": plain(128, 128, 128), "leaf": plain(9, 99, 9, 153),
          "normal": plain(191, 128, 239)}  # fmt: skip


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> list[Imported]:
    """All cases in one .usda file, and one with a texture as .usdz."""
    folder = tmp_path_factory.mktemp("usd")
    for name, image in IMAGES.items():
        image.save(folder / f"{name}.png")
    (folder / "all.usda").write_text(stage(CASES))
    with zipfile.ZipFile(folder / "packed.usdz", "w", zipfile.ZIP_STORED) as archive:
        for name, content in (("a.usda", stage({"image": CASES["image"]}).encode()), ("halves.png", png(halves()))):
            entry = zipfile.ZipInfo(name)
            start = archive.fp.tell() + 30 + len(name) + 4  # type: ignore[union-attr]
            entry.extra = b"\x86\x19" + (-start % 64).to_bytes(2, "little") + bytes(-start % 64)  # USDZ aligns to 64
            archive.writestr(entry, content)
    return read(folder / "all.usda", folder / "packed.usdz")


@pytest.mark.parametrize("name", CASES)
def test_what_a_usd_material_says_is_shown_or_named(name: str, models: list[Imported]) -> None:
    check = CASES[name][2]
    if isinstance(check, str):
        assert {f"{name}: {check}", check} & set(models[0].warnings), models[0].warnings
    else:
        check(models[0], name)


def test_every_input_has_a_case() -> None:
    text = "".join(inputs + shaders for inputs, shaders, _ in CASES.values())
    for kind, names in INPUTS.items():
        for name in names - WITHOUT_LOOK:
            assert f"inputs:{name}" in text, (kind, name)


def test_each_face_keeps_the_material_of_its_subset(models: list[Imported]) -> None:
    model = models[0]
    used = [model.materials[number].name for number in model.material_index]
    assert set(CASES) <= set(used)
    places = {name: model.vertices[model.faces[used.index(name)]].min(axis=0)[0] for name in CASES}
    assert places == {name: pytest.approx(number) for number, name in enumerate(CASES)}


def test_display_colours_show_where_there_is_no_material(models: list[Imported]) -> None:
    model = models[0]
    bare = [n for n, face in enumerate(model.faces) if model.vertices[face][:, 1].min() > 1.5]
    colours = [seen(model, model.materials[model.material_index[bare[0]]].name, "base_color", k) for k in range(2)]
    assert sorted(colours) == [pytest.approx((124, 170, 203), abs=1), pytest.approx((203, 170, 124), abs=1)]
    assert "Bare: displayOpacity is not shown" in model.warnings


def test_an_image_inside_a_usdz_is_shown(models: list[Imported]) -> None:
    assert seen(models[1], "image", "base_color") == LEFT


def test_gold_is_a_metal(models: list[Imported]) -> None:
    assert seen(models[0], "gold", "metallic") == 1.0
    assert math.isclose(float(seen(models[0], "gloss", "metallic") or 0), 0.0)
