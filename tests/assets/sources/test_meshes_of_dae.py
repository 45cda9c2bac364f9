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
    (model,) = read(file)
    assert model.warnings == ("geometry torn is damaged: left out",)
    ((_, found),) = import_files([write(tmp_path / "torn.dae", faces=broken)])
    assert isinstance(found, Refused) and "no mesh in this file" in found.why
