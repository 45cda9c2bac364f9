"""Why one of several networks failed, so that the others can go on."""

from __future__ import annotations

from scenegen.core.errors import ScenegenError
from scenegen.core.one_line import one_line


def reason(error: Exception) -> str:
    """The error in one line; with its type where it is no ScenegenError, so that the cause is code."""
    return one_line(str(error) if isinstance(error, ScenegenError) else f"{type(error).__name__}: {error}")
