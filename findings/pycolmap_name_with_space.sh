#!/usr/bin/env bash
# pycolmap reads image names of a text model up to the first space only: what it wrote itself comes back as another name.
# Binary models keep the names. Installs the packages in a temporary folder and needs nothing else of this repository.
# Exit status 1 when pycolmap behaves differently.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet pycolmap==4.2.1 'numpy>=1.26'
cd "$folder"
"$folder/venv/bin/python" - <<'PYTHON'
import sys
from pathlib import Path

import pycolmap

print(f"pycolmap {pycolmap.__version__}, Python {sys.version.split()[0]}")
print("input:    a model with images 'room 1.jpg' and 'room 2.jpg', written by pycolmap as text and as binary")
print("expected: both give these names back, or an error that says that a name must not hold a space")

model = pycolmap.Reconstruction()
model.add_camera_with_trivial_rig(
    pycolmap.Camera.create_from_model_id(1, pycolmap.CameraModelId.PINHOLE, 500, 640, 480)
)
names = ["room 1.jpg", "room 2.jpg"]
for number, name in enumerate(names, start=1):
    image = pycolmap.Image(name=name, camera_id=1, image_id=number)
    model.add_image_with_trivial_frame(image, pycolmap.Rigid3d())

seen = {}
for form in ("text", "binary"):
    Path(form).mkdir()
    getattr(model, f"write_{form}")(form)
    again = pycolmap.Reconstruction()
    getattr(again, f"read_{form}")(form)
    seen[form] = sorted(image.name for image in again.images.values())
    print(f"seen:     {form:6} gives {seen[form]}")
print("seen:     images.txt has", [line for line in Path("text/images.txt").read_text().splitlines() if "room" in line])
as_ever = seen == {"text": ["room", "room"], "binary": names}
print("so:       the text reader cuts names at a space, and two images have one name" if as_ever else "CHANGED")
sys.exit(0 if as_ever else 1)
PYTHON
