#!/usr/bin/env bash
# Blender's OBJ importer plugs the image of map_Ns, a map of the specular exponent, into Roughness as it is. The exponent
# of the same file, Ns, it turns round: 1000 becomes roughness 0. So a material that the file says is a mirror everywhere
# is a mirror with Ns alone, and as rough as chalk with a white map_Ns beside it.
# Needs Python 3.11. Installs the package in a temporary folder and needs nothing else of this repository. Exit status 1
# when it behaves differently.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3.11}" -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet bpy==4.5.15
cd "$folder"
cat > shiny.obj <<'OBJ'
mtllib shiny.mtl
v 0 0 0
v 1 0 0
v 0 1 0
vt 0 0
vt 1 0
vt 0 1
usemtl number
f 1/1 2/2 3/3
usemtl map
f 1/1 3/3 2/2
OBJ
cat > shiny.mtl <<'MTL'
newmtl number
Kd .5 .5 .5
Ns 1000
newmtl map
Kd .5 .5 .5
Ns 1000
map_Ns white.png
MTL
cat > read.py <<'PYTHON'
import bpy

print(f"version:  bpy {bpy.app.version_string}")
white = bpy.data.images.new("white", 4, 4)
white.pixels = [1.0] * 64
white.filepath_raw, white.file_format = "white.png", "PNG"
white.save()
bpy.ops.wm.read_factory_settings(use_empty=True)
bpy.ops.wm.obj_import(filepath="shiny.obj")
seen = {}
for material in bpy.data.materials:
    principled = next(node for node in material.node_tree.nodes if node.type == "BSDF_PRINCIPLED")
    roughness = principled.inputs["Roughness"]
    if roughness.links:
        source = roughness.links[0].from_node
        seen[material.name] = f"{source.type} with {source.image.pixels[0]:g}" if source.type == "TEX_IMAGE" else source.type
    else:
        seen[material.name] = f"{roughness.default_value:g}"
print(f"seen:     roughness of `number`: {seen['number']}; of `map`: {seen['map']}")
PYTHON
echo "input:    Ns 1000 in both materials, and in one of them map_Ns, an image that is white (1) everywhere"
echo "expected: roughness 0 in both: the exponent times 1 is the same exponent"
seen=$("$folder/venv/bin/python" read.py 2>/dev/null | grep -E '^(version|seen): '); echo "$seen"
grep -q 'of `number`: 0; of `map`: TEX_IMAGE with 1$' <<< "$seen" || { echo CHANGED; exit 1; }
