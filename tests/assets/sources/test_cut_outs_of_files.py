"""A file's alpha rule, whatever its format, decides which part of a card its labels have."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import trimesh
from helpers.assets_command import run
from PIL import Image
from scenegen.core.asset_library import list_assets, read_mesh
from scenegen.core.labels.grids import BoxGrid
from scenegen.core.labels.label_meshes import LabelMesh, label_mesh
from scenegen.core.labels.voxelize import voxelize_part

GRID = BoxGrid((-0.4, -0.4, 0.0), 0.1, (8, 8, 8))
CORNERS = np.array([[x, y, z] for y in (-0.1, 0.1) for x, z in ((-0.3, 0.0), (0.3, 0.0), (0.3, 0.5), (-0.3, 0.5))])
UVS = np.array([[0.0, 0.0], [1.0, 0.0], [1.0, 1.0], [0.0, 1.0]])


def picture(left: int, right: int) -> Image.Image:
    """Green, with one alpha in the left half and another in the right one."""
    pixels = np.full((8, 8, 4), (40, 120, 30, left), dtype=np.uint8)
    pixels[:, 4:, 3] = right
    return Image.fromarray(pixels)


def write_glb(path: Path, left: int, right: int, **alpha: object) -> None:
    """Two upright cards of .6 x .5 m, .2 m apart, with the whole picture on each."""
    material = trimesh.visual.material.PBRMaterial(baseColorTexture=picture(left, right), doubleSided=True, **alpha)
    faces = [[0, 1, 2], [0, 2, 3], [4, 5, 6], [4, 6, 7]]
    visual = trimesh.visual.TextureVisuals(uv=np.tile(UVS, (2, 1)), material=material)
    y_up = np.stack([CORNERS[:, 0], CORNERS[:, 2], -CORNERS[:, 1]], axis=1)
    path.write_bytes(trimesh.Trimesh(y_up, faces, visual=visual, process=False).export(file_type="glb"))


def write_obj(path: Path, left: int, right: int) -> None:
    picture(left, right).save(path.with_suffix(".png"))
    places = [f"v {x} {z} {-y}" for x, y, z in CORNERS]
    uvs = [f"vt {u} {v}" for u, v in UVS]
    path.with_suffix(".mtl").write_text(f"newmtl leaf\nmap_Kd {path.stem}.png\nmap_d {path.stem}.png\n")
    faces = ["usemtl leaf", "f 1/1 2/2 3/3 4/4", "f 5/1 6/2 7/3 8/4"]
    path.write_text("\n".join([f"mtllib {path.stem}.mtl", *places, *uvs, *faces]) + "\n")


def write_usda(path: Path, left: int, right: int, threshold: float) -> None:
    picture(left, right).save(path.with_suffix(".png"))
    places = ", ".join(str(tuple(corner)) for corner in CORNERS.tolist())
    uvs = ", ".join(str(tuple(uv)) for uv in np.tile(UVS, (2, 1)).tolist())
    path.write_text(f"""#usda 1.0
(
    defaultPrim = "Root"
    upAxis = "Z"
    metersPerUnit = 1
)
def Xform "Root"
{{
    def Mesh "Cards" (prepend apiSchemas = ["MaterialBindingAPI"])
    {{
        int[] faceVertexCounts = [4, 4]
        int[] faceVertexIndices = [0, 1, 2, 3, 4, 5, 6, 7]
        point3f[] points = [{places}]
        texCoord2f[] primvars:st = [{uvs}] (interpolation = "faceVarying")
        rel material:binding = </Root/M>
    }}
    def Material "M"
    {{
        token outputs:surface.connect = </Root/M/S.outputs:surface>
        def Shader "S"
        {{
            uniform token info:id = "UsdPreviewSurface"
            color3f inputs:diffuseColor.connect = </Root/M/T.outputs:rgb>
            float inputs:opacity.connect = </Root/M/T.outputs:a>
            float inputs:opacityThreshold = {threshold}
            token outputs:surface
        }}
        def Shader "T"
        {{
            uniform token info:id = "UsdUVTexture"
            asset inputs:file = @{path.stem}.png@
            float2 inputs:st.connect = </Root/M/R.outputs:result>
            float3 outputs:rgb
            float outputs:a
        }}
        def Shader "R"
        {{
            uniform token info:id = "UsdPrimvarReader_float2"
            string inputs:varname = "st"
            float2 outputs:result
        }}
    }}
}}
""")


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One Blender reads all files. Alpha 102 is .4, 51 is .2, 200 is .78."""
    folder = tmp_path_factory.mktemp("cards")
    write_glb(folder / "mask_low.glb", 102, 51, alphaMode="MASK", alphaCutoff=0.3)
    write_glb(folder / "mask_high.glb", 255, 200, alphaMode="MASK", alphaCutoff=0.9)
    write_glb(folder / "blend.glb", 200, 51, alphaMode="BLEND")
    write_glb(folder / "opaque.glb", 200, 0, alphaMode="OPAQUE")
    write_glb(folder / "pane.glb", 102, 51, alphaMode="BLEND")
    write_obj(folder / "map_d.obj", 255, 0)
    write_usda(folder / "threshold.usda", 102, 51, 0.3)
    out = folder / "library"
    done = run("add", "--class", "bag", "--split", "train", "--assets", out, *sorted(folder.glob("*.*[bja]")))
    assert done.returncode == 0, done.stdout + done.stderr
    return out


@pytest.mark.parametrize(
    ("name", "left_alone"),
    [("mask_low", True), ("mask_high", True), ("blend", True), ("map_d", True), ("threshold", True),
     ("opaque", False), ("pane", False)],
)  # fmt: skip
def test_labels_have_the_part_of_a_card_that_its_file_calls_opaque(library: Path, name: str, left_alone: bool) -> None:
    """The left half of both cards, or, where the file says OPAQUE or all of it is glass, the whole cards."""
    asset = next(each for each in list_assets(library) if each.name.startswith(name))
    mesh = label_mesh(asset, read_mesh(asset))
    cells = np.zeros(GRID.shape, dtype=np.bool_)
    low, part = voxelize_part(mesh.vertices, mesh.faces, GRID, mesh.cut_out)
    cells[tuple(slice(first, first + n) for first, n in zip(low, part.shape, strict=True))] = part
    assert cells[1:4].any(axis=(1, 2)).all()
    assert cells[5:7].any() != left_alone
    assert (mesh.cut_out is not None) == left_alone
    assert isinstance(mesh, LabelMesh) and len(np.asarray(mesh.faces)) == (0 if left_alone else 4)
