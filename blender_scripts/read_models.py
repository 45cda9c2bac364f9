"""Read model files in a Blender of the user's own: finds scenegen, then does what import_model does.

blender --background --python blender_scripts/read_models.py -- [--max-triangles N] [--memory-gb G]
"""

from __future__ import annotations

import sys
from pathlib import Path


def main() -> None:
    """Make scenegen importable, and what `scenegen blender-setup` installed, and read what standard input names."""
    here = Path(__file__).resolve().parent
    sys.path[:] = [entry for entry in sys.path if Path(entry or ".").resolve() != here]  # its names are not top level
    sys.path += [str(here.parent / "generator"), str(here.parent)]
    from scenegen.core.blender_protocol import modules_folder

    sys.path.append(str(modules_folder()))
    from blender_scripts import import_model

    import_model.main(sys.argv[sys.argv.index("--") + 1 :])


if __name__ == "__main__":
    main()
