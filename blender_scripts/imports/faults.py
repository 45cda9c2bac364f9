"""The one error of a file that is read as meant and cannot be used, and what all formats say in the same words."""


class ImportFault(ValueError):
    """This file cannot be used, for the reason in the message, which also says what to do.

    Any other error of an importer means that the file is damaged or not of its format.
    """


def no_numbers(lost: int, total: int) -> str:
    """What a warning says of triangles with a coordinate that is NaN or infinite."""
    return f"{lost:,} of {total:,} triangles have coordinates that are no numbers: left out"


def no_numbers_left(total: int) -> str:
    """Why a file is refused where that is so of all its triangles."""
    return f"all its {total:,} triangles have coordinates that are no numbers; export it again"


def absent_vertices(lost: int, total: int) -> str:
    """What a warning says of triangles with a corner that is not there."""
    return f"{lost:,} of {total:,} triangles name vertices that the file does not have"
