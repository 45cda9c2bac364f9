"""The real reader of model files, which writes "PID NAME" to $READ for each file, with files that harm Blender.

A file named "crash" always crashes it, one named "hang" stops it, and one named "worn" crashes a Blender that read
another file before.
"""

import ctypes
import os
import sys
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parents[2]), str(Path(__file__).parents[2] / "generator")]
from blender_scripts import import_model  # noqa: E402

read = import_model._read
done: list[str] = []


def harmful(file: Path, folder: Path, warnings: list[str]) -> None:
    with Path(os.environ["READ"]).open("a") as log:
        print(os.getpid(), file.stem, file=log)
    if file.stem == "crash" or (file.stem == "worn" and done):
        ctypes.string_at(0)
    if file.stem == "hang":
        ctypes.PyDLL(None).sleep(10_000)  # with Python's lock held
    done.append(file.stem)
    read(file, folder, warnings)


if __name__ == "__main__":
    import_model._read = harmful
    import_model.main(sys.argv[1:])
