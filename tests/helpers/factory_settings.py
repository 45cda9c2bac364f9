"""What Blender's factory file and new data-blocks hold, setting by setting, for a comparison of versions.

Inside each Blender:        python tests/helpers/factory_settings.py OUT.json
                            blender -b -P tests/helpers/factory_settings.py -- OUT.json
Then, with any Python:      cd tests/helpers && python factory_settings.py --table OUT.json... > factory_settings.json

The table holds only the settings whose values differ between the versions (a setting that a version does not have is
null there). tests/in_blender/test_factory_settings.py reads it.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

# Which nodes blender_scripts uses; a socket's default may change with the version.
NODES = (
    *("BsdfPrincipled", "BsdfTransparent", "BsdfGlossy", "BsdfDiffuse", "MixShader", "Emission", "Background"),
    *("TexNoise", "TexVoronoi", "TexBrick", "TexChecker", "TexImage", "TexEnvironment", "TexCoord", "Mapping"),
    *("ValToRGB", "MixRGB", "Math", "VectorMath", "HueSaturation", "Fresnel", "NewGeometry", "Attribute", "Bump"),
    *("NormalMap", "SeparateXYZ", "CombineXYZ", "OutputMaterial", "OutputWorld"),
)


def settings() -> dict[str, Any]:
    """Every number, flag, word and vector of what images depend on, by its path."""
    import bpy

    bpy.ops.wm.read_factory_settings(use_empty=True)
    scene, data = bpy.context.scene, bpy.data
    scene.render.engine = "CYCLES"
    mesh = data.objects.new("mesh", data.meshes.new("mesh"))
    world, material, camera = data.worlds.new("world"), data.materials.new("material"), data.cameras.new("camera")
    if bpy.app.version < (5, 0, 0):
        world.use_nodes = material.use_nodes = True
    sources = {
        "scene.cycles": scene.cycles,
        "scene.render": scene.render,
        "scene.render.image_settings": scene.render.image_settings,
        "scene.view_settings": scene.view_settings,
        "scene.display_settings": scene.display_settings,
        "scene.unit_settings": scene.unit_settings,
        "view_layer": scene.view_layers[0],
        "view_layer.cycles": scene.view_layers[0].cycles,
        "world": world,
        "world.cycles": world.cycles,
        "world.mist_settings": world.mist_settings,
        "material": material,
        "material.cycles": material.cycles,
        "camera": camera,
        "camera.dof": camera.dof,
        "object": mesh,
        "object.cycles": mesh.cycles,
    }
    for kind in ("AREA", "SUN"):
        light = data.lights.new(kind, kind)
        sources |= {f"light.{kind}": light, f"light.{kind}.cycles": light.cycles}
    found = {f"{path}.{key}": value for path, source in sources.items() for key, value in _settings_of(source).items()}
    for kind in NODES:
        tree = world.node_tree if kind in ("Background", "OutputWorld", "TexEnvironment") else material.node_tree
        node = tree.nodes.new(f"ShaderNode{kind}")
        found |= {f"node.{kind}.{key}": value for key, value in _settings_of(node).items()}
        for socket in node.inputs:
            if hasattr(socket, "default_value"):
                found[f"node.{kind}.inputs.{socket.identifier}"] = plain_value(socket.default_value)
    return {"version": bpy.app.version_string.split()[0], "settings": found}


def _settings_of(source: Any) -> dict[str, Any]:
    """The settings of one RNA struct that can be written and hold plain values."""
    result = {}
    for rna in source.bl_rna.properties:
        if rna.identifier.startswith(("name", "bl_", "ui_", "location", "width")) or rna.type not in (
            "BOOLEAN",
            "INT",
            "FLOAT",
            "ENUM",
        ):
            continue
        if not rna.is_readonly:
            result[rna.identifier] = plain_value(getattr(source, rna.identifier))
    return result


def plain_value(value: Any) -> Any:
    """As JSON has it; floats to six places, which two builds agree on."""
    if isinstance(value, (bool, int, str)):
        return value
    if isinstance(value, float):
        return round(value, 6)
    if isinstance(value, (set, frozenset)):
        return sorted(value)
    return [plain_value(item) for item in value]


def table(dumps: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """The settings that differ between dumps: value by version, by setting.

    Of what is made anew for every scene (nodes, lights, objects) from Blender 4 on: 3.4 has other nodes altogether.
    """
    names = sorted({name for dump in dumps for name in dump["settings"]})
    rows = {}
    for name in names:
        held = name.startswith(("scene.", "view_layer.", "world."))
        row = {d["version"]: d["settings"].get(name) for d in dumps if held or d["version"] >= "4"}
        if len({json.dumps(value) for value in row.values()}) > 1:
            rows[name] = row
    return rows


if __name__ == "__main__":
    arguments = sys.argv[sys.argv.index("--") + 1 :] if "--" in sys.argv else sys.argv[1:]
    if arguments[0] == "--table":
        rows = table([json.loads(Path(name).read_text(encoding="utf-8")) for name in arguments[1:]])
        print("{\n" + ",\n".join(f"{json.dumps(name)}: {json.dumps(row)}" for name, row in rows.items()) + "\n}")
    else:
        Path(arguments[0]).write_text(json.dumps(settings(), indent=0), encoding="utf-8")
