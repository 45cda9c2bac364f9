"""What pip's report says it would install, as pinned requirements: `make lock`.

python requirements/pins.py REPORT.json [FILE...]      without what the FILEs pin already
"""

import json
import sys
from pathlib import Path

# What torch brings for one kind of GPU; and what is installed from this tree.
LEFT_OUT = ("nvidia", "cuda", "triton", "scenegen")

report = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
known = {line for file in sys.argv[2:] for line in Path(file).read_text(encoding="utf-8").splitlines()}
names = (package["metadata"] for package in report["install"])
pins = {f"{package['name']}=={package['version']}" for package in names if not package["name"].startswith(LEFT_OUT)}
print("\n".join(sorted(pins - known, key=str.lower)))
