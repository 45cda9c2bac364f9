"""Machine code for the hot loops: numba with strict IEEE arithmetic, cached on disk, without the interpreter's lock."""

from __future__ import annotations

import importlib
import sys
import warnings
from collections.abc import Callable
from typing import Any, TypeVar, cast


def _numba() -> Any:
    """numba without the .numba_config.yaml of the working folder: it may name a folder of pickled code to load.

    numba reads that file at its import and before each compilation, where yaml can be imported.
    """
    if "numba" in sys.modules:
        return sys.modules["numba"]
    hidden = sys.modules.get("yaml")
    sys.modules["yaml"] = None  # type: ignore[assignment]
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="A Numba config file is found")
            module = importlib.import_module("numba")
    finally:
        del sys.modules["yaml"]
        if hidden is not None:
            sys.modules["yaml"] = hidden
    warnings.filterwarnings("ignore", message="A Numba config file is found")
    return module


numba = _numba()
Kernel = TypeVar("Kernel", bound=Callable[..., Any])


def compiled(function: Kernel) -> Kernel:
    """Compile `function` on its first call.

    No fast-math: the result must be the same bits on every host. The compiled code is cached beside the source or,
    where that is not writable, in the user's cache folder; otherwise each process compiles again (about ten seconds).
    """
    options = {"nogil": True, "error_model": "numpy"}
    try:
        return cast(Kernel, numba.njit(cache=True, **options)(function))
    except RuntimeError:
        return cast(Kernel, numba.njit(**options)(function))
