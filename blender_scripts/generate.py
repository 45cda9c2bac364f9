"""Generate scenes inside a Blender: the entry for all three hosts.

    python blender_scripts/generate.py -- --scenes 8 --out DIR              the bpy wheel
    blender -b -P blender_scripts/generate.py -- --scenes 8 --out DIR       any Blender with Python 3.11 or newer
    ... -- --serve --out DIR ...                                            scenes on demand, in JSON lines

This file loads in any Python, so that it can report in one line what is missing.
"""

from __future__ import annotations

import sys
import traceback
from pathlib import Path


def prepare_path() -> None:
    """Make scenegen importable, and what `scenegen blender-setup` installed, after what this host brings itself."""
    here = Path(__file__).resolve().parent
    sys.path[:] = [entry for entry in sys.path if Path(entry or ".").resolve() != here]  # its names are not top level
    sys.path += [str(here.parent / "generator"), str(here.parent)]
    from scenegen.core.blender_protocol import modules_folder

    sys.path.append(str(modules_folder()))


def main() -> int:
    """Read the options, check the host, then run; the exit status."""
    prepare_path()
    from blender_scripts.host.interrupt import end_on_interrupt

    with end_on_interrupt():
        from blender_scripts.serve.arguments import parse

        try:
            given = parse(sys.argv[sys.argv.index("--") + 1 :] if "--" in sys.argv else sys.argv[1:])
        except SystemExit as leaving:  # argparse has printed the help, or what is wrong
            return int(leaving.code or 0)
        from blender_scripts.host.compat import host_problem

        problem = host_problem()
        if problem:
            print(f"error: {problem}", file=sys.stderr)
            return 1
        from blender_scripts.serve.command import run

        return run(given)


if __name__ == "__main__":
    try:
        status = main()
    except KeyboardInterrupt:  # before Ctrl-C was ours
        status = 130
    except Exception:  # Blender would print it, continue and exit with 0
        traceback.print_exc()
        status = 1
    sys.stdout.flush()
    sys.stderr.flush()
    sys.exit(status)
