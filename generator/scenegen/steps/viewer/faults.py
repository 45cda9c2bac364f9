"""The faults that `scenegen verify --json` found, by scene."""

from __future__ import annotations

import json
from collections import defaultdict
from pathlib import Path

from scenegen.core.decoding import MOST_TEXT, read_file
from scenegen.core.errors import ScenegenError
from scenegen.core.json_values import from_json
from scenegen.steps.verify.verify import Fault


def read_faults(file: Path) -> dict[int, list[str]]:
    """Every fault of a scene in words. ScenegenError when the file is none that `verify --json` printed."""
    try:
        body = json.loads(read_file(file, MOST_TEXT))
        faults = from_json(tuple[Fault, ...], body["faults"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ScenegenError(
            f"{file}: not what verify prints ({str(error) or type(error).__name__}); make it with "
            "`scenegen verify DIR --json > FILE`"
        ) from error
    found: dict[int, list[str]] = defaultdict(list)
    for fault in faults:
        if fault.scene is not None:
            found[fault.scene].append(f"{fault.check}: {fault.detail}")
    return dict(found)
