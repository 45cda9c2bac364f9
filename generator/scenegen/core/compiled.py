"""Machine code for the hot loops: numba with strict IEEE arithmetic, cached on disk, without the interpreter's lock."""

from __future__ import annotations

import importlib
import sys
import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any, TypeVar, cast

from scenegen.core.interrupts import LISTENER


@contextmanager
def _alone() -> Iterator[None]:
    """Hide yaml and scipy from what numba imports.

    Without yaml it does not read the .numba_config.yaml of the working folder, which it does at its import and before
    each compilation: that may name a folder of pickled code to load. Nor does it import scipy.linalg for products of
    matrices, which no kernel here has: that takes as long as numba's own modules.
    """
    hidden = {name: sys.modules.get(name) for name in ("yaml", "scipy")}
    if hidden["scipy"] is not None or _others_may_import():
        del hidden["scipy"]
    sys.modules.update(dict.fromkeys(hidden))  # type: ignore[arg-type]
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="A Numba config file is found")
            yield
    finally:
        for name, before in hidden.items():
            del sys.modules[name]
            if before is not None:
                sys.modules[name] = before


def _others_may_import() -> bool:
    """Whether there are threads that may import something now: any but this one and listeners."""
    known = {threading.current_thread().name, LISTENER}
    return any(thread.name not in known for thread in threading.enumerate())


with _alone():
    numba = importlib.import_module("numba")
    FunctionCache: Any = importlib.import_module("numba.core.caching").FunctionCache
    runtime = importlib.import_module("numba.core.runtime").rtsys
warnings.filterwarnings("ignore", message="A Numba config file is found")
Kernel = TypeVar("Kernel", bound=Callable[..., Any])


class _Cache(FunctionCache):  # type: ignore[misc]
    """Machine code on disk that is run as it is: numba's own cache first loads all that compiling needs, 0.3 s."""

    def load_overload(self, signature: Any, context: Any) -> Any:
        """The machine code for a signature, or None: then numba compiles it."""
        with _alone(), self._guard_against_spurious_io_errors():
            runtime.initialize(context)  # what kernels call to allocate arrays
            try:
                found = self._load_overload(signature, context)
            except (AttributeError, ImportError):  # of a type that is now elsewhere, in a file other than the kernel's
                self.flush()
                found = None
            if found is None:
                importlib.import_module("numba.np.arraymath")  # the compiler would do it, scipy and all
            return found


def compiled(function: Kernel) -> Kernel:
    """Compile `function` on its first call.

    No fast-math: the result must be the same bits on every host. A kernel has no products of matrices (see `_alone`).
    The compiled code is cached beside the source or, where that is not writable, in the user's cache folder; otherwise
    each process compiles again (about ten seconds).
    """
    options = {"nogil": True, "error_model": "numpy"}
    kernel = numba.njit(**options)(function)
    with suppress(RuntimeError):  # no folder for the cache
        kernel._cache = _Cache(function)
    return cast(Kernel, kernel)
