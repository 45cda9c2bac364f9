"""The faults that `scenegen verify --json` found, by scene."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Collection, Iterable
from pathlib import Path

from scenegen.core.decoding import MOST_TEXT, read_file
from scenegen.core.errors import ScenegenError, UsageError
from scenegen.core.json_values import from_json
from scenegen.steps.verify.verify import Fault

_MAKE = "make it with `scenegen verify DIR --json > FILE`"
MOST_NAMED = 5


def read_faults(file: Path) -> dict[int, list[str]]:
    """Every fault of a scene in words.

    UsageError when there is no such file, ScenegenError when it is none that `verify --json` printed.
    """
    try:
        body = json.loads(read_file(file, MOST_TEXT))
        if not isinstance(body, dict) or "faults" not in body:
            raise ValueError('has no "faults"')
        faults = from_json(tuple[Fault, ...], body["faults"])
    except FileNotFoundError as error:
        raise UsageError(f"{file}: there is no such file; {_MAKE}") from error
    except OSError as error:
        raise ScenegenError(f"{file}: cannot be read ({error.strerror or error}); {_MAKE}") from error
    except (ValueError, RecursionError) as error:
        reason = str(error).split("\n")[0]
        raise ScenegenError(f"{file}: not what verify prints ({reason}); {_MAKE}") from error
    found: dict[int, list[str]] = defaultdict(list)
    for fault in faults:
        if fault.scene is not None:
            found[fault.scene].append(f"{fault.check}: {fault.detail}")
    return dict(found)


def scenes_not_there(file: Path, found: Iterable[int], there: Collection[int]) -> str:
    """In words, the scenes that faults are of and that the data set does not have (yet); "" when there are none."""
    missing = sorted(set(found) - set(there))
    if not missing:
        return ""
    names = ", ".join(map(str, missing[:MOST_NAMED])) + (", ..." if len(missing) > MOST_NAMED else "")
    scenes = "scene" if len(missing) == 1 else "scenes"
    return f"{file}: is of {scenes} {names}, too, which the data set does not have; is it of this data set?"
