"""Images do not depend on what a Blender's factory file holds: settings that differ between versions are set by us."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import bpy
import pytest
from helpers import factory_settings
from scenegen.core.asset_library import Material
from scenegen.core.scene.scene import Look

from blender_scripts.build.materials import _KINDS, make_material
from blender_scripts.build.room import build_world
from blender_scripts.build.scene import empty_file
from blender_scripts.render import cycles
from blender_scripts.render.cycles import QUALITIES, configure

RECORDED: dict[str, dict[str, Any]] = json.loads(Path(factory_settings.__file__).with_suffix(".json").read_text())

# Settings that differ and that no image of ours depends on, by why.
WITHOUT_EFFECT = {
    "debug switches: code paths of the same sampling": r"scene\.cycles\.debug_.*",
    "the viewport alone": r"scene\.cycles\.(preview_.*|texture_resolution)|scene\.render\.(anisotropic_filter|"
    r"use_simplify_normals)",
    "only with something that we set to off": r"scene\.cycles\.(guiding_.*|sample_subset_length|motion_blur_position)|"
    r"scene\.render\.motion_blur_position|scene\.view_settings\.white_balance_.*",
    "no compositor, baking or print runs": r"scene\.render\.(compositor_.*|use_compositor_.*|.*bake.*|ppm_.*)",
    "there are no volumes": r".*(volume_biased|homogeneous_volume|use_pass_volume_.*)",
    "passes that are written beside the image": r"view_layer\.(cycles\.pass_.*|use_pass_.*|cycles\.denoising_store_.*)",
    "there is no grease pencil": r"view_layer\.use_grease_pencil",
    "another renderer (EEVEE)": r"world\.(probe_.*|sun_.*|use_sun_.*|use_eevee_.*)",
    "of other file formats": r"scene\.render\.image_settings\.(use_exr_interleave|use_zbuffer)",
    "bookkeeping": r"world\.is_runtime_data",
    "where to denoise: a matter of the device": r"scene\.cycles\.denoising_use_gpu",
}

# What nodes, lights, objects and materials, made anew for every scene, start with in some versions and not in others.
NEW_DATA = {
    "camera.composition_guide_color": "an overlay of the viewport",
    "light.AREA.use_nodes": "since 5.0 always on; the nodes say what the light's own settings say",
    "light.SUN.use_nodes": "as above",
    "material.cycles.homogeneous_volume": "there are no volumes",
    "object.cycles.dicing_rate": "nothing is subdivided",
    "object.cycles.use_adaptive_subdivision": "nothing is subdivided",
    "object.hide_surface_pick": "the viewport alone",
    "object.parent_bone_head_tail_factor": "there are no bones",
    "object.visible_raycast": "of the ray cast node, which no material of ours has",
    "node.Attribute.inputs.LightIndex": "of light attributes; ours are of objects",
    "node.BsdfPrincipled.inputs.Subsurface Scale": "times a weight of 0",
    "node.BsdfPrincipled.inputs.Thin Wall": "off, as it always was before",
    "node.BsdfPrincipled.inputs.Transmission Dispersion Abbe Number": "times a scale of 0",
    "node.BsdfPrincipled.inputs.Transmission Dispersion Scale": "0, as it always was before",
    "node.NormalMap.base": "there is no displacement",
    "node.NormalMap.convention": "OpenGL's, the only one before",
}
HELD = ("scene.", "view_layer.", "world.")
OFF = ("Subsurface Weight", "Subsurface", "Thin Wall", "Transmission Dispersion Scale")


def held_settings() -> Iterator[str]:
    """The recorded settings of the scene, its view layer and world that images depend on."""
    for name in RECORDED:
        without_effect = any(re.fullmatch(pattern, name) for pattern in WITHOUT_EFFECT.values())
        if name.startswith(HELD) and not without_effect:
            yield name


def owner(name: str) -> tuple[Any, str]:
    """The struct that holds a recorded setting in the open file, and the setting's name there."""
    scene = bpy.context.scene
    roots = {"scene": scene, "view_layer": scene.view_layers[0], "world": scene.world}
    root, *path, last = name.split(".")
    found = roots[root]
    for part in path:
        found = getattr(found, part)
    return found, last


def strangers(struct: Any, setting: str, row: dict[str, Any]) -> list[Any]:
    """What a factory file might hold: every recorded value, and one that none holds."""
    rna = struct.bl_rna.properties[setting]
    values = [value for value in row.values() if value is not None]
    if rna.type == "BOOLEAN":
        values += [True, False]
    elif rna.type == "ENUM":
        values += [item.identifier for item in rna.enum_items]
    elif rna.type in ("INT", "FLOAT") and not rna.is_array:
        values.append(max(rna.hard_min, rna.default / 2))
    return values


@pytest.mark.parametrize("name", sorted(held_settings()))
def test_a_setting_that_versions_disagree_on_is_ours(name: str) -> None:
    """Whatever it holds at first, it holds the same once we have set the scene up."""
    empty_file()
    bpy.context.scene.render.engine = "CYCLES"
    bpy.context.scene.world = bpy.data.worlds.new("factory")
    struct, setting = owner(name)
    if not hasattr(struct, setting):
        pytest.skip(f"Blender {bpy.app.version_string} has no {name}")
    left = set()
    for value in strangers(struct, setting, RECORDED[name]):
        with suppress(TypeError):  # an enum item of another version
            setattr(struct, setting, value)
        configure(bpy.context.scene, QUALITIES["draft"], "cpu", 1)
        if name.startswith("world."):
            bpy.context.scene.world = build_world(Look(None, None, None, (), "", 1.0, 0.0, 0.0))
            struct, setting = owner(name)
        left.add(json.dumps(factory_settings.plain_value(getattr(struct, setting))))
    assert len(left) == 1, left


def test_no_setting_of_ours_is_misspelt() -> None:
    """`set_known` passes over what a Blender does not have: then another version has it, or the value is unknown."""
    scene = empty_file()
    ours = {
        "scene.cycles": cycles._CYCLES,
        "scene.render": cycles._RENDER,
        "scene.render.image_settings": cycles._IMAGE,
        "scene.view_settings": cycles._VIEW,
        "scene.display_settings": cycles._DISPLAY,
        "view_layer.cycles": cycles._LAYER,
    }
    configure(scene, QUALITIES["draft"], "cpu", 1)
    for path, values in ours.items():
        for name, value in values.items():
            struct, setting = owner(f"{path}.{name}")
            if hasattr(struct, setting):
                assert getattr(struct, setting) == pytest.approx(value), name
            else:
                assert f"{path}.{name}" in RECORDED, name


def test_every_other_difference_has_its_reason() -> None:
    """A new version that brings a new setting is to be recorded; then this test asks for a look at it."""
    assert {name for name in RECORDED if not name.startswith(HELD)} == NEW_DATA.keys()
    for pattern in WITHOUT_EFFECT.values():
        assert any(re.fullmatch(pattern, name) for name in RECORDED), pattern


@pytest.mark.parametrize("kind", sorted(_KINDS))
def test_what_newer_shaders_add_is_off(kind: str, tmp_path: Path) -> None:
    empty_file()
    tree = make_material(kind, Material(kind, kind=kind), tmp_path).node_tree
    shader = next(node for node in tree.nodes if node.type == "BSDF_PRINCIPLED")
    found = [socket for name in OFF if (socket := shader.inputs.get(name))]
    assert found
    assert all(not socket.is_linked and socket.default_value == 0 for socket in found)


def test_the_record_is_of_this_blender() -> None:
    """What this Blender holds is what was recorded of its version, if it was."""
    dump = factory_settings.settings()
    recorded = {name: row[dump["version"]] for name, row in RECORDED.items() if dump["version"] in row}
    if not recorded:
        pytest.skip(f"Blender {dump['version']} was not recorded")
    assert recorded == {name: dump["settings"].get(name) for name in recorded}
