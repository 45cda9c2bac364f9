"""Meshes of a Collada file written by hand: nodes, axes and units, several UV sets, holes, skins, damaged parts."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from helpers.look_files import read, seen
from scenegen.assets.prepare.raw_model import Refused
from scenegen.assets.sources.files.importer import Imported, import_files

_SQUARE = "0 0 0 4 0 0 4 3 0 0 3 0 1 1 0 2 1 0 2 2 0 1 2 0"  # of 4 x 3, and one of 1 x 1 in it
_FILE = """<?xml version="1.0"?>
<COLLADA xmlns="http://www.collada.org/2005/11/COLLADASchema" version="1.4.1">
<asset><unit name="centimeter" meter="{unit}"/><up_axis>{up}</up_axis></asset>
<library_geometries><geometry id="plate" name="plate"><mesh>
 <source id="points"><float_array id="pa" count="24">@SQUARE@</float_array><technique_common>
  <accessor source="#pa" count="8" stride="3"><param name="X" type="float"/><param name="Y" type="float"/>
  <param name="Z" type="float"/></accessor></technique_common></source>
 <source id="colours"><float_array id="ca" count="3">1 0.5 0.25</float_array><technique_common>
  <accessor source="#ca" count="1" stride="3"><param name="R" type="float"/><param name="G" type="float"/>
  <param name="B" type="float"/></accessor></technique_common></source>
 <vertices id="v"><input semantic="POSITION" source="#points"/></vertices>
 {faces}
</mesh></geometry></library_geometries>
{more}
<library_visual_scenes><visual_scene id="s">{nodes}</visual_scene></library_visual_scenes>
<scene><instance_visual_scene url="#s"/></scene></COLLADA>
"""
_FILE = _FILE.replace("@SQUARE@", _SQUARE)
_QUAD = """<polylist material="m" count="1"><input semantic="VERTEX" source="#v" offset="0"/><vcount>4</vcount>
<p>0 1 2 3</p></polylist>"""
_HOLE = """<polygons material="m" count="1"><input semantic="VERTEX" source="#v" offset="0"/>
<ph><p>0 1 2 3</p><h>4 5 6 7</h></ph></polygons>"""
_COLOURED = """<triangles count="2"><input semantic="VERTEX" source="#v" offset="0"/>
<input semantic="COLOR" source="#colours" offset="1"/><p>0 0 1 0 2 0 0 0 2 0 3 0</p></triangles>"""
_USE = '<instance_geometry url="#plate"/>'


def write(path: Path, **parts: str) -> Path:
    defaults = {
        "unit": "0.01",
        "up": "Y_UP",
        "faces": _QUAD,
        "more": "",
        "nodes": f'<node id="n">{_USE}</node>',
    }
    path.write_text(_FILE.format(**{**defaults, **parts}))
    return path


def area(model: Imported) -> float:
    corners = model.vertices[model.faces]
    across = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    return float(np.linalg.norm(across, axis=1).sum() / 2)


def bounds(model: Imported) -> list[list[float]]:
    used = model.vertices[np.unique(model.faces)]
    return [used.min(axis=0).round(5).tolist(), used.max(axis=0).round(5).tolist()]


def test_axes_units_and_nodes(tmp_path: Path) -> None:
    """4 x 3 in the plane of x and y; what is up and right in the file is so in metres."""
    inner = '<node id="inner"><translate>0 0 10</translate><scale>2 1 1</scale>{}</node>'
    turned = f'<node id="n"><rotate>0 0 1 90</rotate>{inner.format(_USE)}</node>'
    shared = f"<library_nodes>{inner.format(_USE)}</library_nodes>"
    models = read(
        write(tmp_path / "y.dae"),
        write(tmp_path / "z.dae", up="Z_UP", unit="1"),
        write(tmp_path / "x.dae", up="X_UP", unit="1"),
        write(tmp_path / "turned.dae", up="Z_UP", unit="1", nodes=turned),
        write(
            tmp_path / "shared.dae",
            up="Z_UP",
            unit="1",
            more=shared,
            nodes='<node><instance_node url="#inner"/></node>',
        ),
    )
    assert [bounds(model) for model in models] == [
        [[0, 0, 0], [0.04, 0, 0.03]],  # y is up
        [[0, 0, 0], [4, 3, 0]],
        [[-3, 0, 0], [0, 0, 4]],  # x is up, y to the left
        [[-3, 0, 10], [0, 8, 10]],
        [[0, 0, 10], [8, 3, 10]],
    ]
    assert not any(model.warnings for model in models)


def test_polygons_with_holes_colours_and_skins(tmp_path: Path) -> None:
    skin = """<library_controllers><controller id="c"><skin source="#plate">
    <bind_shape_matrix>1 0 0 5 0 1 0 0 0 0 1 0 0 0 0 1</bind_shape_matrix>
    <source id="j"><Name_array id="ja" count="1">bone</Name_array><technique_common><accessor source="#ja" count="1">
    <param name="JOINT" type="Name"/></accessor></technique_common></source>
    <source id="b"><float_array id="ba" count="16">1 0 0 0 0 1 0 0 0 0 1 0 0 0 0 1</float_array><technique_common>
    <accessor source="#ba" count="1" stride="16"><param name="TRANSFORM" type="float4x4"/></accessor></technique_common>
    </source><source id="w"><float_array id="wa" count="1">1</float_array><technique_common><accessor source="#wa"
    count="1"><param name="WEIGHT" type="float"/></accessor></technique_common></source>
    <joints><input semantic="JOINT" source="#j"/><input semantic="INV_BIND_MATRIX" source="#b"/></joints>
    <vertex_weights count="8"><input semantic="JOINT" source="#j" offset="0"/><input semantic="WEIGHT" source="#w"
    offset="1"/><vcount>1 1 1 1 1 1 1 1</vcount><v>0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0</v></vertex_weights>
    </skin></controller></library_controllers>"""
    use = '<node id="n"><instance_controller url="#c"/></node>'
    hole, coloured, skinned = read(
        write(tmp_path / "hole.dae", up="Z_UP", unit="1", faces=_HOLE),
        write(tmp_path / "coloured.dae", up="Z_UP", unit="1", faces=_COLOURED),
        write(tmp_path / "skinned.dae", up="Z_UP", unit="1", more=skin, nodes=use),
    )
    assert area(hole) == pytest.approx(11.0)
    assert bounds(skinned) == [[5, 0, 0], [9, 3, 0]]
    assert area(coloured) == pytest.approx(12.0)
    name = coloured.materials[coloured.material_index[0]].name
    np.testing.assert_allclose(seen(coloured, name, "base_color"), (255, 128, 64), atol=2)


def test_a_geometry_that_is_damaged_is_named(tmp_path: Path) -> None:
    """The other one is read; where there is none, the file is refused."""
    broken = _QUAD.replace('source="#v"', 'source="#nothing"')
    both = f'<geometry id="torn"><mesh>{broken}</mesh></geometry>'
    file = write(tmp_path / "both.dae")
    file.write_text(file.read_text().replace("</library_geometries>", both + "</library_geometries>"))
    said = "its <polylist> takes vertices from #nothing, which the file does not have"
    (model,) = read(file)
    assert model.warnings == (f"geometry torn: {said}: left out",)
    ((_, found),) = import_files([write(tmp_path / "torn.dae", faces=broken)])
    assert isinstance(found, Refused) and found.why == f"geometry plate: {said}; export it again"


_VERTEX = '<input semantic="VERTEX" source="#v" offset="0"/>'
_COLOUR = '<input semantic="COLOR" source="#colours" offset="1"/>'
_WHOLE = "0 1 2 0 2 3"  # the square of 12 m2, as two triangles
_ABSENT = "{} of {} faces name vertices that the file does not have: left out"
_TORN = "{} of {} faces have not all their corners: left out"
_FAULTY: dict[str, tuple[str, float, tuple[str, ...]]] = {  # faces, area, what is said
    "triangles": (f"<triangles>{_VERTEX}<p>{_WHOLE} 0 1 8</p></triangles>", 12.0, (_ABSENT.format(1, 3),)),
    "negative": (f"<triangles>{_VERTEX}<p>{_WHOLE} 0 1 -1 0 -300000 1</p></triangles>", 12.0, (_ABSENT.format(2, 4),)),
    "words": (f"<triangles>{_VERTEX}<p>{_WHOLE} 0 x 1 0 1.5 2</p></triangles>", 12.0, (_ABSENT.format(2, 4),)),
    "huge": (
        f"<triangles>{_VERTEX}<p>{_WHOLE} 0 1 99999999999999999999</p></triangles>",
        12.0,
        (_ABSENT.format(1, 3),),
    ),
    "cut": (
        f'<triangles count="9">{_VERTEX}<p>{_WHOLE} 0</p></triangles>',
        12.0,
        (_TORN.format(1, 3), "it counts 9 faces, and has 3"),
    ),
    "vcount": (f"<polylist>{_VERTEX}<vcount>4 9</vcount><p>0 1 2 3 4 5</p></polylist>", 12.0, (_TORN.format(1, 2),)),
    "two": (f"<polylist>{_VERTEX}<vcount>2 4 -1</vcount><p>0 1 0 1 2 3</p></polylist>", 12.0, (_TORN.format(2, 3),)),
    "behind": (
        f"<polylist>{_VERTEX}<vcount>4</vcount><p>0 1 2 3 4 5</p></polylist>",
        12.0,
        ("2 numbers behind its last polygon are not read",),
    ),
    "polygons": (
        f"<polygons>{_VERTEX}<p>0 1 2 3</p><p>4 5 66</p><p>4 5</p></polygons>",
        12.0,
        (_TORN.format(1, 3), _ABSENT.format(1, 3)),
    ),
    "strip": (f"<tristrips>{_VERTEX}<p>0 1 3 2</p><p>4 5 7 60</p></tristrips>", 12.5, (_ABSENT.format(1, 4),)),
    "fan": (f"<trifans>{_VERTEX}<p>0 1 2 3</p><p>4 5 6 70</p></trifans>", 12.5, (_ABSENT.format(1, 4),)),
    "colour": (
        f"<triangles>{_VERTEX}{_COLOUR}<p>0 0 1 0 2 0 0 0 2 7 3 0</p></triangles>",
        12.0,
        ("1 of 2 faces name colours that the file does not have: shown without",),
    ),
    "hole": (
        f"<polygons>{_VERTEX}<ph><p>0 1 2 3</p><h>4 5 6 7</h><h>4 5</h><h>4 5 66</h></ph></polygons>",
        11.0,
        ("2 of 3 holes have not three vertices that the file has: filled",),
    ),
    "outline": (
        f"<polygons>{_VERTEX}<ph><p>0 1 2 30</p><h>4 5 6 7</h></ph><p>0 1 2 3</p></polygons>",
        12.0,
        (_ABSENT.format(1, 2),),
    ),
    "input": (
        f"<triangles>{_VERTEX}{_COLOUR}<p>0 0 1 0 2 0 0 0 2 0 3 0</p></triangles>".replace("#colours", "#gone"),
        12.0,
        ("geometry plate: its COLOR #gone is not in the file: shown without",),
    ),
}


def test_faces_that_name_what_is_not_there(tmp_path: Path) -> None:
    """The square is whole in each file; what else it lists is left out and counted."""
    files = [write(tmp_path / f"{name}.dae", up="Z_UP", unit="1", faces=each[0]) for name, each in _FAULTY.items()]
    for (name, (_, size, said)), model in zip(_FAULTY.items(), read(*files), strict=True):
        assert area(model) == pytest.approx(size), name
        assert model.warnings == said, name
    all_absent = f"<triangles>{_VERTEX}<p>0 1 8 -1 2 3</p></triangles>"
    ((_, found),) = import_files([write(tmp_path / "all.dae", faces=all_absent)])
    assert isinstance(found, Refused)
    assert found.why == "all its 2 faces name vertices that it does not have; export it again"


def test_links_to_what_is_not_there(tmp_path: Path) -> None:
    """Each is named by its id, and what else the file shows is read."""
    bound = _USE.replace(
        "/>",
        "><bind_material><technique_common>"
        '<instance_material symbol="m" target="#paint"/></technique_common></bind_material></instance_geometry>',
    )
    around = '<library_nodes><node id="a"><instance_node url="#b"/></node><node id="b">{}</node></library_nodes>'
    absent = "a node uses {} #{}, which is not in the file: left out"
    links = {
        '<node><instance_geometry url="#lamp"/></node>': absent.format("geometry", "lamp"),
        '<node><instance_node url="#leg"/></node>': absent.format("node", "leg"),
        '<node><instance_controller url="#c"/></node>': absent.format("controller", "c"),
        f"<node>{bound}</node>": "material #paint is not in the file: shown grey",
        '<node><instance_node url="#a"/></node>': "node #a is used inside itself: left out",
    }
    more = around.format('<instance_node url="#a"/>')
    files = [
        write(
            tmp_path / f"{number}.dae",
            up="Z_UP",
            unit="1",
            more=more if "#a" in nodes else "",
            nodes=nodes + ("" if "#plate" in nodes else f"<node>{_USE}</node>"),
        )
        for number, nodes in enumerate(links)
    ]
    scene = write(tmp_path / "scene.dae", up="Z_UP", unit="1")
    scene.write_text(scene.read_text().replace('instance_visual_scene url="#s"', 'instance_visual_scene url="#t"'))
    models = read(*files, scene)
    assert [area(model) for model in models] == pytest.approx([12.0] * len(models))
    assert [said for model in models for said in model.warnings if "#b" not in said] == [
        *links.values(),
        "its scene #t is not in the file: the first one is read",
    ]
