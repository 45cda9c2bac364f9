#!/usr/bin/env bash
# Blender's FBX importer takes the rotation of a texture, which FBX gives in degrees, for radians, and makes of UVSwap,
# which exchanges U and V, a scale of infinity: the texture of a valid file lies anywhere.
# 4.5.15 does, and so does 5.2.3 (BPY=5.2.3 PYTHON=python3.13). Installs bpy in a temporary folder and needs nothing else
# of this repository. Exit status 1 when the package behaves differently.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3.11}" -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet "bpy==${BPY:-4.5.15}"
cd "$folder"
cat > read.py <<'PYTHON'
import bpy

FILE = """; FBX 7.4.0 project file
FBXHeaderExtension:  {
	FBXVersion: 7400
}
Objects:  {
	Geometry: 10, "Geometry::plate", "Mesh" {
		Vertices: *9 {
			a: 0,0,0,1,0,0,0,1,0
		}
		PolygonVertexIndex: *3 {
			a: 0,1,-3
		}
	}
	Model: 20, "Model::plate", "Mesh" {
	}
	Material: 30, "Material::paint", "" {
		ShadingModel: "phong"
	}
	Texture: 40, "Texture::colour", "" {
		Type: "TextureVideoClip"
		RelativeFilename: "colour.png"
		Properties70:  {
			P: "Rotation", "Vector", "", "A",0,0,@TURN@
			P: "UVSwap", "bool", "", "",@SWAP@
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
print("version: ", "bpy", bpy.app.version_string)
for turn, swap in ((90, 0), (0, 1)):
    with open("plate.fbx", "w") as file:
        file.write(FILE.replace("@TURN@", str(turn)).replace("@SWAP@", str(swap)))
    bpy.ops.wm.read_factory_settings(use_empty=True)
    bpy.ops.wm.fbx_import(filepath="plate.fbx")
    node = next(n for n in bpy.data.materials["paint"].node_tree.nodes if n.type == "MAPPING")
    turned, scale = (tuple(node.inputs[name].default_value) for name in ("Rotation", "Scale"))
    print(f"seen:     Rotation {turn}, UVSwap {swap}: a mapping node turned by {turned[2]:.4f} radians, scale {scale}")
PYTHON
echo "input:    plate.fbx, a triangle whose texture has a Rotation of 90, or UVSwap"
echo "expected: a mapping node turned by 1.5708 radians; one with a finite scale"
seen=$("$folder/venv/bin/python" read.py 2>/dev/null | grep -E '^(version|seen): '); echo "$seen"
grep -q 'Rotation 90, UVSwap 0: a mapping node turned by -\?90.0000 radians' <<< "$seen" && grep -q 'UVSwap 1: .*inf' <<< "$seen" || { echo CHANGED; exit 1; }
