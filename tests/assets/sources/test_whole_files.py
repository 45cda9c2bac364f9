"""Files that importers read in part or at a wrong place: the whole model is there, as the file describes it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import trimesh
from helpers.gltf_files import GltfFile
from helpers.model_files import edit_fbx, run_in_blender, table
from PIL import Image
from scenegen.assets.prepare.raw_model import Refused
from scenegen.assets.sources.files.importer import Imported, import_files


def read(*files: Path) -> list[Imported]:
    results = [each for _, each in import_files(files)]
    assert all(isinstance(each, Imported) for each in results), results
    return [each for each in results if isinstance(each, Imported)]


def bounds(model: Imported) -> np.ndarray:
    used = model.vertices[np.unique(model.faces)]
    return np.array([used.min(axis=0), used.max(axis=0)])


def area(model: Imported) -> float:
    a, b, c = (model.vertices[model.faces[:, k]] for k in range(3))
    return float(np.linalg.norm(np.cross(b - a, c - a), axis=1).sum() / 2)


COLLADA = """<?xml version="1.0"?>
<COLLADA xmlns="http://www.collada.org/2005/11/COLLADASchema" version="1.4.1">
 <asset><unit meter="1" name="meter"/><up_axis>Z_UP</up_axis></asset>
 <library_images><image id="oak-image" name="oak"><init_from>C:\\art\\oak.png</init_from></image></library_images>
 <library_materials><material id="oak"><instance_effect url="#oak-fx"/></material></library_materials>
 <library_effects><effect id="oak-fx"><profile_COMMON><technique sid="standard"><phong><diffuse>
  <texture texture="oak-image" texcoord="CHANNEL0"/></diffuse></phong></technique></profile_COMMON></effect>
 </library_effects>
 <library_geometries><geometry id="g"><mesh>
  <source id="p"><float_array id="pa" count="9">0 0 0 1 0 0 0 1 0</float_array><technique_common>
   <accessor source="#pa" count="3" stride="3"><param name="X" type="float"/><param name="Y" type="float"/>
   <param name="Z" type="float"/></accessor></technique_common></source>
  <source id="t"><float_array id="ta" count="6">0 0 1 0 0 1</float_array><technique_common>
   <accessor source="#ta" count="3" stride="2"><param name="S" type="float"/><param name="T" type="float"/></accessor>
   </technique_common></source>
  <vertices id="v"><input semantic="POSITION" source="#p"/></vertices>
  <triangles count="1" material="m"><input semantic="VERTEX" source="#v" offset="0"/>
   <input semantic="TEXCOORD" source="#t" offset="0" set="0"/><p>0 1 2</p></triangles></mesh></geometry>
 </library_geometries>
 <library_animations><animation id="a">
  <source id="ti"><float_array id="tia" count="2">0 1</float_array><technique_common>
   <accessor source="#tia" count="2" stride="1"><param name="TIME" type="float"/></accessor></technique_common></source>
  <source id="to"><float_array id="toa" count="2">5 5</float_array><technique_common>
   <accessor source="#toa" count="2" stride="1"><param name="Z" type="float"/></accessor></technique_common></source>
  <source id="tp"><Name_array id="tpa" count="2">LINEAR LINEAR</Name_array><technique_common>
   <accessor source="#tpa" count="2" stride="1"><param name="INTERPOLATION" type="name"/></accessor></technique_common>
   </source>
  <sampler id="as"><input semantic="INPUT" source="#ti"/><input semantic="OUTPUT" source="#to"/>
   <input semantic="INTERPOLATION" source="#tp"/></sampler>
  <channel source="#as" target="n/place.Z"/></animation></library_animations>
 <library_visual_scenes><visual_scene id="s"><node id="n"><translate sid="place">2 0 0</translate>
  <instance_geometry url="#g"><bind_material><technique_common>
   <instance_material symbol="m" target="#oak"><bind_vertex_input semantic="CHANNEL0" input_semantic="TEXCOORD"
   input_set="0"/></instance_material></technique_common></bind_material></instance_geometry></node></visual_scene>
 </library_visual_scenes><scene><instance_visual_scene url="#s"/></scene></COLLADA>
"""


def test_collada_without_samplers_keeps_its_mesh_and_texture(tmp_path: Path) -> None:
    """As Autodesk's FBX exporter writes it; the node's place is the file's, not that of its animation."""
    (tmp_path / "meshes").mkdir()
    (tmp_path / "materials" / "textures").mkdir(parents=True)
    Image.new("RGB", (4, 4), (90, 60, 30)).save(tmp_path / "materials" / "textures" / "oak.png")
    (tmp_path / "meshes" / "table.DAE").write_text(COLLADA)
    (model,) = read(tmp_path / "meshes" / "table.DAE")
    np.testing.assert_allclose(bounds(model), [[2, 0, 0], [3, 1, 0]], atol=1e-6)
    assert len(model.faces) == 1
    assert "base_color" in model.materials[0].textures
    assert not model.warnings


def test_upper_case_stl_is_read(tmp_path: Path) -> None:
    """Text in capitals, with spaces before it; and a binary file whose title begins with "solid"."""
    text = trimesh.exchange.stl.export_stl_ascii(table())
    (tmp_path / "capitals.stl").write_text("  \n" + text.upper())
    binary = trimesh.exchange.stl.export_stl(table())
    (tmp_path / "binary.STL").write_bytes(b"SOLID of a kind".ljust(80) + binary[80:])
    for model in read(tmp_path / "capitals.stl", tmp_path / "binary.STL"):
        assert len(model.faces) == 60
        np.testing.assert_allclose(np.ptp(bounds(model), axis=0), (1.2, 0.7, 0.75), atol=1e-6)


def test_names_that_begin_with_a_dash_are_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("-table.stl", "--out", "(old) table.stl"):
        table().export(tmp_path / name, file_type="stl")
    (tmp_path / "--out").rename(tmp_path / "--out.stl")
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).resolve().parents[2]), prepend=":")
    monkeypatch.chdir(tmp_path)
    for model in read(Path("-table.stl"), Path("(old) table.stl"), Path("--out.stl")):
        assert len(model.faces) == 60


def test_stl_text_far_from_the_origin_keeps_its_digits(tmp_path: Path) -> None:
    mesh = table(width=1.234, depth=0.567, height=0.789)
    corners = mesh.triangles + np.array((500_000, 5_400_000, 0))
    facets = [
        "facet normal 0 0 0\nouter loop\n"
        + "\n".join("vertex " + " ".join(f"{value:.6f}" for value in point) for point in triangle)
        + "\nendloop\nendfacet"
        for triangle in corners
    ]
    (tmp_path / "far.stl").write_text("\n".join(["solid far", *facets, "endsolid"]))
    (model,) = read(tmp_path / "far.stl")
    assert len(model.faces) == 60
    np.testing.assert_allclose(np.ptp(bounds(model), axis=0), (1.234, 0.567, 0.789), atol=1e-5)


def test_obj_far_from_the_origin_keeps_its_digits(tmp_path: Path) -> None:
    """A house in UTM coordinates: 32-bit numbers there are half a metre apart."""
    mesh = table(width=1.234, depth=0.567, height=0.789)
    Image.new("RGB", (4, 4), (90, 60, 30)).save(tmp_path / "oak.png")
    (tmp_path / "house.mtl").write_text("newmtl oak\nKd 1 1 1\nmap_Kd -s 1 1 1 oak.png\n")
    lines = ["mtllib house.mtl", "usemtl oak", "vt 0 0"]
    lines += [f"v {x + 500_000:.6f} {z:.6f} {-y - 5_400_000:.6f}" for x, y, z in mesh.vertices]
    lines += ["f " + " ".join(f"{i + 1}/1" for i in face) for face in mesh.faces]
    (tmp_path / "house.obj").write_text("\n".join(lines))
    (model,) = read(tmp_path / "house.obj")
    assert len(model.faces) == 60
    np.testing.assert_allclose(np.ptp(bounds(model), axis=0), (1.234, 0.567, 0.789), atol=1e-5)
    assert area(model) == pytest.approx(mesh.area, rel=1e-5)
    assert "base_color" in model.materials[0].textures


@pytest.mark.parametrize("name", ["table.gltf", "table.glb"])
def test_gltf_nodes_stand_where_the_file_places_them(name: str, tmp_path: Path) -> None:
    """The first frame moves the top up 3 m and makes it vanish; a box below an invisible node is not shown."""
    file = GltfFile()
    file.node(mesh=file.box((-0.5, 0.0, -0.3), (0.5, 0.7, 0.3)))
    top = file.node(mesh=file.box((-0.5, 0.0, -0.3), (0.5, 0.05, 0.3)), translation=[0, 0.7, 0])
    times, places = np.array([0, 1], np.float32), np.array([[0, 3, 0], [0, 0.7, 0]], np.float32)
    moves = {"translation": places, "scale": np.array([[0, 0, 0], [1, 1, 1]], np.float32)}
    start = file.array(times)
    samplers = [{"input": start, "output": file.array(values), "interpolation": "LINEAR"} for values in moves.values()]
    channels = [{"sampler": n, "target": {"node": top, "path": path}} for n, path in enumerate(moves)]
    file.body["animations"] = [{"samplers": samplers, "channels": channels}]
    hidden = file.node(root=False, mesh=file.box((5.0, 0.0, 0.0), (6.0, 1.0, 1.0)))
    file.node(children=[hidden], extensions={"KHR_node_visibility": {"visible": False}})
    file.body["extensionsUsed"] = ["KHR_node_visibility"]
    (model,) = read(file.write(tmp_path / name))
    np.testing.assert_allclose(bounds(model), [[-0.5, -0.3, 0.0], [0.5, 0.3, 0.75]], atol=1e-6)
    assert len(model.faces) == 24


def test_blend_is_read_as_renders_show_it(tmp_path: Path) -> None:
    """A mirror that only renders show, an object with its eye shut, and one that only the viewport shows."""
    run_in_blender(
        """
bpy.ops.mesh.primitive_cube_add(size=1, location=(1, 0, 0))
mirrored = bpy.context.object
mirrored.location = (0, 0, 0)
for vertex in mirrored.data.vertices:
    vertex.co.x += 1
mirrored.modifiers.new("Mirror", "MIRROR").show_viewport = False
extra = mirrored.modifiers.new("Array", "ARRAY")
extra.show_render = False
bpy.ops.mesh.primitive_cube_add(size=1, location=(0, 0, 2))
bpy.context.object.hide_viewport = True
bpy.ops.mesh.primitive_cube_add(size=1, location=(0, 0, 3))
bpy.context.object.hide_set(True)
bpy.ops.mesh.primitive_cube_add(size=1, location=(0, 0, 9))
bpy.context.object.hide_render = True
bpy.ops.wm.save_as_mainfile(filepath=f"{folder}/state.blend")
""",
        tmp_path,
    )
    (model,) = read(tmp_path / "state.blend")
    assert len(model.faces) == 4 * 12
    np.testing.assert_allclose(bounds(model), [[-1.5, -0.5, -0.5], [1.5, 0.5, 3.5]], atol=1e-6)


def test_skins_are_placed_by_their_nodes(tmp_path: Path) -> None:
    """A mesh in centimetres on joints in metres, one of which moves no vertex: the nodes place each vertex.

    What is right is the formula of glTF 2.0 (3.7.3.3): the sum of weight * joint * inverse bind matrix * position.
    """
    file = GltfFile()
    turn = trimesh.transformations.rotation_matrix(0.7, [0.2, 1.0, 0.3], [0.1, 0.4, 0.0])
    locals_ = [np.eye(4), turn, trimesh.transformations.rotation_matrix(0.5, [0.0, 0.0, 1.0], [0.0, 0.8, 0.2])]
    tip = file.node(root=False, matrix=locals_[2].T.reshape(-1).tolist())
    base = file.node(root=False, matrix=locals_[1].T.reshape(-1).tolist(), children=[tip])
    root = file.node(children=[base])
    binds = [np.eye(4), np.diag([100.0, 100.0, 100.0, 1.0]), np.diag([100.0, 100.0, 100.0, 1.0])]
    binds[2][:3, 3] = [0.0, 50.0, 0.0]
    inverse = [np.linalg.inv(bind) for bind in binds]
    matrices = file.array(np.stack([each.T.reshape(16) for each in inverse]).astype(np.float32))
    joints = np.tile(np.array([[1, 0, 0, 0], [2, 0, 0, 0]], np.uint16), (12, 1))
    weights = np.tile(np.array([[1, 0, 0, 0]], np.float32), (24, 1))
    mesh = file.box((-50.0, -50.0, -50.0), (50.0, 50.0, 50.0), JOINTS_0=joints, WEIGHTS_0=weights)
    file.body["skins"] = [{"joints": [root, base, tip], "inverseBindMatrices": matrices}]
    file.node(mesh=mesh, skin=0)
    (model,) = read(file.write(tmp_path / "skinned.glb"))
    worlds = [locals_[1], locals_[1] @ locals_[2]]
    placed = np.stack([world @ each for world, each in zip(worlds, inverse[1:], strict=True)])
    corners = file.body["accessors"][file.body["meshes"][mesh]["primitives"][0]["attributes"]["POSITION"]]
    start = file.body["bufferViews"][corners["bufferView"]]["byteOffset"]
    points = np.frombuffer(bytes(file.data), np.float32, 72, start).reshape(24, 3)
    expected = np.einsum("vij,vj->vi", placed[joints[:, 0] - 1], np.c_[points, np.ones(24)])
    expected = expected[:, [0, 2, 1]] * [1, -1, 1]  # Blender has Z up
    np.testing.assert_allclose(bounds(model), [expected.min(axis=0), expected.max(axis=0)], atol=1e-4)


def test_a_blend_whose_meshes_are_all_hidden_in_renders_says_so(tmp_path: Path) -> None:
    """And is read once the camera of its collection is on, as the refusal says."""
    run_in_blender(
        """
bpy.ops.mesh.primitive_cube_add(size=1)
cube = bpy.context.object
bpy.context.scene.collection.children.link(bpy.data.collections.new("Main"))
bpy.data.collections["Main"].objects.link(cube)
for each in list(cube.users_collection):
    if each.name != "Main":
        each.objects.unlink(cube)
for hidden in (True, False):
    bpy.data.collections["Main"].hide_render = hidden
    bpy.ops.wm.save_as_mainfile(filepath=f"{folder}/{'hidden' if hidden else 'shown'}.blend")
""",
        tmp_path,
    )
    ((_, refused),) = import_files([tmp_path / "hidden.blend"])
    assert isinstance(refused, Refused) and "all of its meshes (1) are hidden in renders" in refused.why
    (model,) = read(tmp_path / "shown.blend")
    assert len(model.faces) == 12


def test_polygons_with_the_same_box_are_no_copies(tmp_path: Path) -> None:
    """Two halves of a table top, each the other's half turn; two bars that cross; two orders of the same corners."""
    half = [(-6, -3.5), (-2, -0.5), (-3, 0), (0, 0), (3, 0), (2, 0.5), (6, 3.5), (-6, 3.5)]
    other = [(-x, -z) for x, z in half]
    bar = [(-5, -5), (-4, -5), (5, 4), (5, 5), (4, 5), (-5, -4)]
    crossing = [(-x, z) for x, z in bar]
    cross = [(-5, -5), (5, -5), (0, 0), (5, 5), (-5, 5)]
    turned = [cross[k] for k in (0, 1, 3, 4, 2)]
    for name, pair in {"halves": (half, other), "bars": (bar, crossing), "orders": (cross, turned)}.items():
        lines = [f"v {x} {0.0} {z}" for ring in pair for x, z in ring]
        size = len(pair[0])
        lines += ["f " + " ".join(str(k + 1 + n * size) for k in range(size)) for n in (0, 1)]
        (tmp_path / f"{name}.obj").write_text("\n".join(lines))
        (model,) = read(tmp_path / f"{name}.obj")
        wanted = sum(trimesh.path.polygons.Polygon(ring).area for ring in pair)
        assert area(model) == pytest.approx(wanted, rel=1e-5), name


FBX_SCENE = """
bpy.ops.mesh.primitive_cube_add(size=1, location=(0, 0, 0))
bpy.context.object.name = "Top"
bpy.ops.mesh.primitive_cube_add(size=1, location=(0, 0, -1))
leg = bpy.context.object
leg.name = "Leg"
leg.parent = bpy.data.objects["Top"]
bpy.ops.export_scene.fbx(filepath=f"{folder}/parts.fbx")
"""
MOVE_TOP = """
for model in next(e for e in root.elems if e.id == b"Objects").elems:
    if model.id == b"Model" and model.props[1].startswith(b"Top"):
        properties = next(e for e in model.elems if e.id == b"Properties70")
        values = [b"GeometricTranslation", b"Vector3D", b"Vector", b"", 0.0, 0.0, 500.0]
        properties.elems.append(type(properties)(b"P", values, bytearray(b"SSSSDDD"), []))
"""


def test_geometric_transform_of_an_fbx_moves_its_own_mesh_alone(tmp_path: Path) -> None:
    """3ds Max's moved pivots: GeometricTranslation is not for the children."""
    import bpy

    if "fbx_import" not in dir(bpy.ops.wm):
        pytest.skip("this Blender has only the older importer")
    run_in_blender(FBX_SCENE, tmp_path)
    edit_fbx(tmp_path / "parts.fbx", tmp_path / "moved.fbx", MOVE_TOP)
    plain, moved = read(tmp_path / "parts.fbx", tmp_path / "moved.fbx")
    low = plain.vertices[:, 2].argsort()[:8]
    assert sorted(map(tuple, np.round(moved.vertices, 3))) != sorted(map(tuple, np.round(plain.vertices, 3)))
    kept = {tuple(row) for row in np.round(plain.vertices[low], 3) + 0.0}
    assert kept <= {tuple(row) for row in np.round(moved.vertices, 3) + 0.0}


LOD_SCENE = """
bpy.ops.object.empty_add()
group = bpy.context.object
group.name = "Group"
for level, name in enumerate(("Zoomed", "Middle", "Away")):
    bpy.ops.mesh.primitive_uv_sphere_add(segments=16 >> level, ring_count=8 >> level)
    bpy.context.object.name = name
    bpy.context.object.parent = group
bpy.ops.export_scene.fbx(filepath=f"{folder}/levels.fbx")
"""
MAKE_GROUP = """
sections = {e.id: e for e in root.elems if e is not None}
names = {}
for model in sections[b"Objects"].elems:
    if model.id == b"Model":
        names[model.props[0]] = model.props[1].split(b"\\0")[0]
        if model.props[1].startswith(b"Group"):
            model.props[2] = b"LodGroup"
links = sections[b"Connections"].elems
order = [b"Zoomed", b"Middle", b"Away"]
links.sort(key=lambda link: order.index(names[link.props[1]]) if names.get(link.props[1]) in order else 9)
"""


def test_of_levels_of_detail_the_finest_is_kept(tmp_path: Path) -> None:
    """An LOD group shows its first level near by, whatever the names of the levels sort like."""
    run_in_blender(LOD_SCENE, tmp_path)
    edit_fbx(tmp_path / "levels.fbx", tmp_path / "grouped.fbx", MAKE_GROUP)
    every, finest = read(tmp_path / "levels.fbx", tmp_path / "grouped.fbx")
    sizes = [2 * segments * (rings - 1) for segments, rings in ((16, 8), (8, 4), (4, 3))]
    assert len(finest.faces) == sizes[0]
    assert len(every.faces) > sizes[0] + sizes[1]


def test_only_the_finest_of_named_levels_of_detail_stays(tmp_path: Path) -> None:
    """Level 0 is a box of 1 m, level 1 of 2 m, level 2 of 3 m, in every way in which a file may name them."""
    boxes = [((0, 0, 0), (size, size, size)) for size in (1, 2, 3)]
    plain, parents, extension = GltfFile(), GltfFile(), GltfFile()
    for level, (low, high) in enumerate(boxes):
        plain.node(mesh=plain.box(low, high), name=f"Chair_LOD{level}")
        below = parents.node(root=False, mesh=parents.box(low, high), name=f"part{level}")
        parents.node(children=[below], name=f"lod {level}")
        extension.node(root=level == 0, mesh=extension.box(low, high), name=f"chair {level}")
    extension.body["nodes"][0]["extensions"] = {"MSFT_lod": {"ids": [1, 2]}}
    extension.body["scenes"][0]["nodes"] = [0, 1, 2]
    extension.body["extensionsUsed"] = ["MSFT_lod"]
    for name, file in (("plain", plain), ("parents", parents), ("extension", extension)):
        file.write(tmp_path / f"{name}.glb")
    for key in ("o", "g"):
        lines = []
        for level, (_, (size, _, _)) in enumerate(boxes):
            lines += [f"{key} Chair_LOD{level}", f"v 0 0 0\nv {size} 0 0\nv 0 {size} 0\nv 0 0 {size}"]
            lines += [f"f {4 * level + a} {4 * level + b} {4 * level + c}" for a, b, c in ((1, 2, 3), (1, 2, 4))]
        (tmp_path / f"{key}.obj").write_text("\n".join(lines))
    names = ("plain.glb", "parents.glb", "extension.glb", "o.obj", "g.obj")
    for name, model in zip(names, read(*(tmp_path / name for name in names)), strict=True):
        np.testing.assert_allclose(np.ptp(bounds(model), axis=0), 1.0, atol=1e-6, err_msg=name)
        if name != "extension.glb":
            assert any(text.startswith("coarser levels of detail were left out: ") for text in model.warnings), name


def test_a_level_without_finer_ones_stays(tmp_path: Path) -> None:
    file = GltfFile()
    file.node(mesh=file.box((0, 0, 0), (1, 1, 1)), name="Chair_LOD1")
    file.node(mesh=file.box((0, 0, 1), (1, 1, 2)), name="Back_LOD2")
    (model,) = read(file.write(tmp_path / "levels.glb"))
    assert len(model.faces) == 24


@pytest.mark.parametrize("way", ["roots", "child", "matrix"])
def test_gltf_nodes_far_from_the_origin_keep_their_distances(way: str, tmp_path: Path) -> None:
    """Two boxes, 1.25 m apart and turned, at UTM coordinates in 64-bit numbers."""
    file = GltfFile()
    turned = {"rotation": [0, 0, float(np.sin(np.pi / 4)), float(np.cos(np.pi / 4))]}  # x becomes y
    numbers = []
    for x in (0.0, 1.25):
        place = [500_000.1 + x, 5_400_000.2, 0.0]
        mesh = file.box((0, 0, 0), (0.5, 1, 1))
        if way == "matrix":
            matrix = [0, 1, 0, 0, -1, 0, 0, 0, 0, 0, 1, 0, *place, 1]
            numbers.append(file.node(mesh=mesh, matrix=matrix))
        else:
            numbers.append(file.node(root=way == "roots", mesh=mesh, translation=place, **turned))
    if way == "child":
        file.node(children=numbers, scale=[2, 2, 2])
    (model,) = read(file.write(tmp_path / "far.gltf"))
    scale = 2 if way == "child" else 1
    size = np.ptp(bounds(model), axis=0)  # glTF's z is Blender's -y
    np.testing.assert_allclose(size, np.array((2.25, 1, 0.5)) * scale, atol=1e-5)
    assert np.abs(bounds(model)[:, [0, 2]]).max() < 5


@pytest.mark.parametrize("way", ["vertices", "node"])
def test_collada_far_from_the_origin_keeps_its_digits(way: str, tmp_path: Path) -> None:
    text = COLLADA
    if way == "vertices":
        far = "500000.1 5400000.2 0 500001.35 5400000.2 0 500000.1 5400001.2 0"
        text = text.replace("0 0 0 1 0 0 0 1 0", far)
    else:
        second = '<node id="m"><translate>500003.25 5400000 0</translate><instance_geometry url="#g"/></node>'
        text = text.replace('<translate sid="place">2 0 0', '<translate sid="place">500000 5400000 0')
        text = text.replace("</visual_scene>", second + "</visual_scene>")
    (tmp_path / "far.dae").write_text(text)
    (model,) = read(tmp_path / "far.dae")
    wanted = (1.25, 1, 0) if way == "vertices" else (4.25, 1, 0)
    np.testing.assert_allclose(np.ptp(bounds(model), axis=0), wanted, atol=1e-5)
    assert np.abs(bounds(model)).max() < 5


FBX_TABLES = """
import bpy
for number, place in enumerate(((0, 0, 0), (1.25, 0, 0), (0, 2.5, 0))):
    bpy.ops.mesh.primitive_cube_add(size=1, location=place)
    bpy.ops.object.transform_apply(location=True)
    {}
bpy.ops.export_scene.fbx(filepath=f"{folder}/near.fbx")
"""
FBX_FAR = """
for section in root.elems:
    for geometry in section.elems if section and section.id == b"Objects" else ():
        for node in geometry.elems if geometry and geometry.id == b"Geometry" else ():
            if node and node.id == b"Vertices":
                place = (50000010.0, 540000020.0, 0)
                node.props[0] = type(node.props[0])("d", [v + place[n % 3] for n, v in enumerate(node.props[0])])
"""


@pytest.mark.parametrize("alike", [True, False])
def test_fbx_far_from_the_origin_keeps_its_digits_or_is_named(alike: bool, tmp_path: Path) -> None:
    """Three cubes at UTM coordinates in the 64-bit numbers of the file; one may be turned against the others."""
    turn = "" if alike else "bpy.context.object.rotation_euler = (0, 0, number / 2)"
    run_in_blender(FBX_TABLES.replace("{}", turn, 1), tmp_path)
    edit_fbx(tmp_path / "near.fbx", tmp_path / "far.fbx", FBX_FAR)
    near, far = read(tmp_path / "near.fbx", tmp_path / "far.fbx")
    assert not near.warnings
    if not alike:
        assert any("coordinates lose digits" in text for text in far.warnings)
        return
    assert not far.warnings
    places = far.vertices - far.vertices.min(axis=0) + near.vertices.min(axis=0)
    np.testing.assert_allclose(places[far.faces], near.vertices[near.faces], atol=1e-5)


def test_a_model_that_lost_digits_far_away_is_named(tmp_path: Path) -> None:
    """The numbers of a binary STL have 32 bits in the file already."""
    table().apply_translation((5_400_000, 0, 0)).export(tmp_path / "far.stl")
    table().apply_translation((500, 0, 0)).export(tmp_path / "beside.stl")
    far, beside = read(tmp_path / "far.stl", tmp_path / "beside.stl")
    assert any("coordinates lose digits" in text for text in far.warnings)
    assert not beside.warnings
