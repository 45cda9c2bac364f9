#!/usr/bin/env bash
# webdataset clips 16-bit PNG files (depth maps) to 8 bits without a word, whatever image decoder is asked for.
# Installs the packages in a temporary folder and needs nothing else of this repository. Exit status 1 when webdataset
# behaves differently.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet webdataset==1.0.2 pillow==13.0.0 'numpy>=1.26'
cd "$folder"
"$folder/venv/bin/python" - <<'PYTHON'
import io, sys, tarfile
from importlib.metadata import version

import numpy as np
import webdataset
from PIL import Image

print(f"webdataset {version('webdataset')}, pillow {version('pillow')}, numpy {np.__version__}, Python {sys.version.split()[0]}")
print("input:    a tar file with sample.depth.png, a valid 16-bit grey PNG of the values 0, 200, 2000, 40000")
print("expected: the values, or the values scaled to 8 bits, or an error that says that 16 bits do not fit")

stream = io.BytesIO()
Image.fromarray(np.array([[0, 200, 2000, 40000]], np.uint16)).save(stream, "PNG")
assert Image.open(io.BytesIO(stream.getvalue())).mode == "I;16"
with tarfile.open("shard.tar", "w") as archive:
    info = tarfile.TarInfo("sample.depth.png")
    info.size = len(stream.getvalue())
    archive.addfile(info, io.BytesIO(stream.getvalue()))

as_ever = True
for spec, largest in (("l8", 255), ("rgb8", 255), ("l", 1.0), ("rgb", 1.0), ("pil", 255)):
    sample = next(iter(webdataset.WebDataset("shard.tar", shardshuffle=False).decode(spec)))
    seen = np.asarray(sample["depth.png"])
    row = seen[0, :, 0] if seen.ndim == 3 else seen[0]
    print(f"seen:     decode({spec!r:7}) gives {seen.dtype} {np.round(row.astype(float), 3).tolist()}")
    as_ever &= bool(row[2] == row[3] == largest)
print("so:       2000 and 40000 are both white: clipped, not scaled, without a warning" if as_ever else "CHANGED")
sys.exit(0 if as_ever else 1)
PYTHON
