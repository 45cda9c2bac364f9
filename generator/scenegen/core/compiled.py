"""Machine code for the hot loops: numba with strict IEEE arithmetic, cached on disk, without the interpreter's lock."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

import numba

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
