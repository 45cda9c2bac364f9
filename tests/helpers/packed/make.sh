#!/usr/bin/env bash
# Makes the files beside this script again, with tools that nobody here wrote: gltfpack and glTF Transform pack one box
# with meshopt, Binomial's encoder (in alktx2) writes KTX2 images. Needs npm, and the tests' Python as $PYTHON.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd); python=$(command -v "${PYTHON:-python}")
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
"$python" -m pip install --quiet --no-deps --target "$folder/site" alktx2==0.1.7
cd "$folder"
npm install --silent --no-save gltfpack@1.3.0 @gltf-transform/cli@4.5.1
PYTHONPATH="$here/../..:$folder/site" "$python" - <<'PYTHON'
import io
from pathlib import Path
import alktx2
import numpy as np
from helpers.packed_files import packed_box
from PIL import Image

packed_box().write(Path("box.glb"))
pixels = np.zeros((16, 16, 4), np.uint8)
pixels[:, :8], pixels[:, 8:] = (220, 40, 20, 255), (20, 60, 220, 128)
for codec in ("etc1s", "uastc"):
    for bands in (3, 4):
        stream = io.BytesIO()
        Image.fromarray(np.ascontiguousarray(pixels[..., :bands])).save(stream, "PNG")
        content = alktx2.encode_bytes_to_ktx2(stream.getvalue(), mime="png", codec=codec, quality=90, effort=3, srgb=True)
        Path(f"{codec}{bands}.ktx2").write_bytes(content)
PYTHON
pack() { node_modules/.bin/gltfpack -i box.glb -o "$1.${3:-glb}" -kv -km $2; }
pack plain_codec "-c"
pack filters "-cz -ce khr -vpf -vtf -vn 16"
pack quantized ""
pack fallback "-cf" gltf
node_modules/.bin/gltf-transform meshopt --level high box.glb transform.glb >/dev/null
cp plain_codec.glb filters.glb quantized.glb fallback.gltf fallback.bin fallback.fallback.bin transform.glb ./*.ktx2 "$here"
