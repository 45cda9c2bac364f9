"""Errors that a user can mend: one line that names the file, what is wrong and what to do."""


class ScenegenError(Exception):
    """The work failed for a reason the user can act on (exit status 1)."""


class UsageError(ScenegenError):
    """What was asked for makes no sense (exit status 2)."""
