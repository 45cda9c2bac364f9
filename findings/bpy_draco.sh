#!/usr/bin/env bash
# The Linux package of bpy 5.2.3 contains Blender's glTF importer without the library that unpacks Draco: a valid
# Draco-compressed glTF file, which 4.5 and 5.1 read, ends in an OSError about a file of Blender's own.
# Needs Python 3.13. Installs the packages in a temporary folder and needs nothing else of this repository. Exit status
# 1 when the package behaves differently.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3.13}" -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet bpy==5.2.3 DracoPy==2.2.0
cd "$folder"
cat > make.py <<'PYTHON'
"""A cube of 12 triangles, packed with Draco by DracoPy (Google's library), in a .glb file as KHR_draco_mesh_compression has it."""
import itertools, json, struct
import DracoPy, numpy as np

points = np.array(list(itertools.product((0.0, 1.0), repeat=3)), np.float32)
quads = [(0, 1, 3, 2), (4, 6, 7, 5), (0, 4, 5, 1), (2, 3, 7, 6), (0, 2, 6, 4), (1, 5, 7, 3)]
faces = np.array([t for a, b, c, d in quads for t in ((a, b, c), (a, c, d))], np.uint32)
packed = DracoPy.encode(points, faces, preserve_order=True)
assert np.array_equal(DracoPy.decode(packed).faces, faces)
packed += bytes(-len(packed) % 4)
draco = {"bufferView": 0, "attributes": {"POSITION": 0}}
body = json.dumps({
    "asset": {"version": "2.0"}, "scene": 0, "scenes": [{"nodes": [0]}], "nodes": [{"mesh": 0}],
    "extensionsUsed": ["KHR_draco_mesh_compression"], "extensionsRequired": ["KHR_draco_mesh_compression"],
    "buffers": [{"byteLength": len(packed)}], "bufferViews": [{"buffer": 0, "byteLength": len(packed)}],
    "accessors": [
        {"componentType": 5126, "count": 8, "type": "VEC3", "min": [0, 0, 0], "max": [1, 1, 1]},
        {"componentType": 5125, "count": 36, "type": "SCALAR"},
    ],
    "meshes": [{"primitives": [{"attributes": {"POSITION": 0}, "indices": 1, "extensions": {"KHR_draco_mesh_compression": draco}}]}],
}).encode()
body += b" " * (-len(body) % 4)
chunks = struct.pack("<I4s", len(body), b"JSON") + body + struct.pack("<I4s", len(packed), b"BIN\0") + packed
open("cube.glb", "wb").write(struct.pack("<4sII", b"glTF", 2, 12 + len(chunks)) + chunks)
PYTHON
cat > read.py <<'PYTHON'
import bpy

print(f"version:  bpy {bpy.app.version_string}")
bpy.ops.wm.read_factory_settings(use_empty=True)
try:
    bpy.ops.import_scene.gltf(filepath="cube.glb")
except RuntimeError as error:
    said = [line.strip() for line in str(error).splitlines() if "OSError" in line]
    print("\nseen:     RuntimeError with", said[0] if said else str(error))
else:
    print("\nseen:    ", [(o.name, len(o.data.polygons)) for o in bpy.data.objects if o.type == "MESH"])
PYTHON
"$folder/venv/bin/python" make.py
echo "input:    cube.glb, 12 triangles in KHR_draco_mesh_compression, packed and unpacked again by DracoPy 2.2.0"
echo "expected: a mesh of 12 triangles, or a message that this Blender cannot unpack Draco"
seen=$("$folder/venv/bin/python" read.py 2>/dev/null | grep -E '^(version|seen): '); echo "$seen"
echo "files:    $(cd "$folder"/venv/lib/python*/site-packages/bpy && find . -iname '*draco*.so*' | sort | tr '\n' ' ')(the importer loads libbf_intern_draco_bridge.so)"
grep -q 'libbf_intern_draco_bridge.so: cannot open shared object file' <<< "$seen" || { echo CHANGED; exit 1; }
