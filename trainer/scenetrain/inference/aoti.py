"""A network compiled to machine code, as one package that C++ runs without Python (trainer/cpp)."""

from __future__ import annotations

import json
import logging
import os
import shutil
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

from scenegen.core.errors import ScenegenError
from scenegen.core.scene.scene import GridSpec
from torch.export import ExportedProgram

from scenetrain.inference.surface import linear_color
from scenetrain.training.run_folder import TrainedModel

METADATA = "scenetrain"


def save_package(program: ExportedProgram, trained: TrainedModel, views: int, out: Path) -> None:
    """Compile a program of torch.export by AOTInductor for this machine's processor, and write it to `out`, a .pt2.

    The package holds the weights and, under "scenetrain", what trainer/cpp needs beside them as JSON. ScenegenError
    when there is no compiler, or it fails.
    """
    import torch._inductor

    compiler = os.environ.get("CXX", "g++")
    if shutil.which(compiler) is None:
        raise ScenegenError(f"--format aoti compiles C++, but there is no {compiler}; install it, or name one with CXX")
    about = {"aot_inductor.metadata": {METADATA: json.dumps(describe(trained, views))}}
    with _quiet():
        try:
            torch._inductor.aoti_compile_and_package(program, package_path=str(out), inductor_configs=about)
        except (RuntimeError, AssertionError) as error:
            reason = str(error).strip().splitlines()[0]
            raise ScenegenError(
                f"{trained.family.name}: AOTInductor cannot compile it ({reason}); use --format onnx"
            ) from error


def describe(trained: TrainedModel, views: int) -> dict[str, Any]:
    """What a program that runs the package must know: see trainer/cpp/label_scene.cpp."""
    reads, grid = trained.family.reads, trained.grid
    return {
        "views": views,
        "image_size": reads.image_size,
        "cameras": not reads.images_alone,
        "grid": asdict(grid) if isinstance(grid, GridSpec) else None,
        "classes": [{"name": name, "color": linear_color(name)} for name in trained.classes],
        "outputs": [
            {"name": output.name, "kind": output.kind, "threshold": trained.thresholds[output.name]}
            for output in trained.family.outputs
        ],
    }


@contextmanager
def _quiet() -> Iterator[None]:
    """Without the compiler's advice on GPUs that are not there."""
    logger = logging.getLogger("torch")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(level)
