"""Errors that a user can fix: one line that names the file, what is wrong and what to do."""


class ScenegenError(Exception):
    """The work failed for a reason that the user can act on (exit status 1)."""


class UsageError(ScenegenError):
    """What was asked for makes no sense (exit status 2)."""


class DamageError(ScenegenError):
    """One file is missing, damaged or cannot be read; others may be whole."""


class NewerFormatError(DamageError):
    """A file is of a newer version of its format than this scenegen reads."""


class SeveralErrors(ScenegenError):
    """Several things failed, each with a line of its own in `args`."""

    def __str__(self) -> str:
        return "\n".join(map(str, self.args))
