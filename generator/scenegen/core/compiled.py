"""Machine code for the hot loops: numba with strict IEEE arithmetic, cached on disk, without the interpreter's lock."""

from __future__ import annotations

import importlib
import sys
import threading
import warnings
from collections.abc import Callable
from typing import Any, TypeVar, cast

from scenegen.core.interrupts import LISTENER


def _numba() -> Any:
    """numba without the .numba_config.yaml of the working folder: it may name a folder of pickled code to load.

    numba reads that file at its import and before each compilation, where yaml can be imported. Nor does it import
    scipy.linalg for products of matrices, which no kernel here has: that takes as long as numba's own modules.
    """
    if "numba" in sys.modules:
        return sys.modules["numba"]
    hidden = {name: sys.modules.get(name) for name in ("yaml", "scipy")}
    if hidden["scipy"] is not None or _others_may_import():
        del hidden["scipy"]
    sys.modules.update(dict.fromkeys(hidden))  # type: ignore[arg-type]
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="A Numba config file is found")
            module = importlib.import_module("numba")
            importlib.import_module("numba.np.arraymath")  # else with the first kernel, scipy and all
    finally:
        for name, before in hidden.items():
            del sys.modules[name]
            if before is not None:
                sys.modules[name] = before
    warnings.filterwarnings("ignore", message="A Numba config file is found")
    return module


def _others_may_import() -> bool:
    """Whether there are threads that may import something now: any but this one and those that listen for Ctrl-C."""
    known = {threading.current_thread().name, LISTENER}
    return any(thread.name not in known for thread in threading.enumerate())


numba = _numba()
Kernel = TypeVar("Kernel", bound=Callable[..., Any])


def compiled(function: Kernel) -> Kernel:
    """Compile `function` on its first call.

    No fast-math: the result must be the same bits on every host. A kernel has no products of matrices (see `_numba`).
    The compiled code is cached beside the source or, where that is not writable, in the user's cache folder; otherwise
    each process compiles again (about ten seconds).
    """
    options = {"nogil": True, "error_model": "numpy"}
    try:
        return cast(Kernel, numba.njit(cache=True, **options)(function))
    except RuntimeError:
        return cast(Kernel, numba.njit(**options)(function))
