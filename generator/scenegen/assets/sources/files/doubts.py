"""Doubts of a size that a file's numbers give: sizes that a model of its class, or of its name, rarely has.

Each doubt names the option that gives another size.
"""

from __future__ import annotations

from scenegen.core.scene.classes import ObjectClass, UsualSize, object_class

Size = tuple[float, float, float]

EXACT = 5e-3  # of the largest extent
BOXES = (1.0, 2.0)  # metres: boxes that models are scaled to without regard to their size
GRID = 0.5  # metres: the grid on which games build
SMALL_THINGS = 3.0  # metres: classes whose usual length is below it are not built on a grid
AGREES = 1.15  # a box whose height is so near to the usual one happens to be a box
TOY = 1.22  # usual over own size, in the mean of the three measures: no car and no van is smaller
ALIKE = 2.0  # most over least length of a class whose models differ little in size, as cars do
SMALL_HEIGHT = 6.0  # metres: lower buildings with several storeys are drawn too small
NARROW = 3.5  # metres: buildings that one can live in are wider
CHILD = 1.1  # metres
LOW_TABLE, TABLE = 0.6, 0.74  # metres


def size_doubt(size: Size, class_name: str, name: str, unit: str, *, states_unit: bool) -> str | None:
    """A doubt of a size in metres, which the file's numbers give in a `unit`; None where it is an ordinary one.

    `name` is that of the model: its words tell kinds of its class. The doubt of a low table depends on whether its file
    `states_unit`.
    """
    kind = object_class(class_name)
    usual = kind.usual_size_of(name)
    if usual is None:
        return None
    taken = f"{size[2]:.2f} m high, taken as {'metres' if unit == 'm' else unit}"
    return (
        _of_its_name(size, kind, name, taken)
        or (_box(size, usual) if unit == "m" else None)
        or _of_its_class(size, kind, name, taken, states_unit=states_unit)
        or _width(size, kind, usual)
        or _toy(size, kind, usual)
    )


def height_of_box(size: Size, class_name: str, name: str, own_height: float | None) -> float | None:
    """The height in metres for a model whose height was stretched to a box of exactly 1 or 2 m; else None.

    `own_height` is what its shape asks for; without it, the usual height of its kind. None where the box is near that.
    """
    usual = object_class(class_name).usual_size_of(name)
    if usual is None or _box(size, usual) is None or min(abs(size[2] - box) for box in BOXES) > EXACT:
        return None
    height = own_height or usual.height[1]
    factor = height / size[2]
    near = 1 / AGREES < factor < AGREES
    return height if not near and usual.fits((size[0] * factor, size[1] * factor, height)) else None


def _of_its_name(size: Size, kind: ObjectClass, name: str, taken: str) -> str | None:
    """A doubt of a height that is not that of the kind which the model's name tells."""
    named = kind.kind_named(name)
    if named is None:
        return None
    word, (least, common, most) = named
    if least <= size[2] <= most:
        return None
    how = "small" if size[2] < least else "large"
    return f"a {how} size for a {kind.name} called {word}, {taken}; if that is wrong, give --height {common:g}"


def _box(size: Size, usual: UsualSize) -> str | None:
    """A doubt of a box that hides the true size: a cube, a box of exactly 1 or 2 m, a box on a grid."""
    largest = max(size)
    if usual.longest[1] >= SMALL_THINGS:
        return None
    edges = [value for value in size if abs(value - largest) < EXACT * largest]
    whole = min(abs(largest - box) for box in BOXES) <= EXACT and (len(edges) > 1 or size[2] in edges)
    grid = all(abs(value / GRID - round(value / GRID)) < EXACT for value in size) and min(size) > 0.9 * GRID
    cube = len(edges) == 3
    if not (whole or grid or cube) or (not cube and 1 / AGREES < size[2] / usual.height[1] < AGREES):
        return None
    return f"{box_text(size)}; if so, give its true height, such as --height {usual.height[1]:g}"


def box_text(size: Size) -> str:
    """What is said of a box that hides the true size of a model."""
    return f"unit box: exactly {shown(size)} m, as of models scaled without regard to their size"


def shown(size: Size) -> str:
    """A size such as "1.00 x 2.00 x 0.75"."""
    return " x ".join(f"{value:.2f}" for value in size)


def _of_its_class(size: Size, kind: ObjectClass, name: str, taken: str, *, states_unit: bool) -> str | None:
    """A doubt of a building as high as one storey and as narrow as one with several, a child, or a low table.

    Also of a building that is narrower than any.
    """
    longest, height = max(size[:2]), size[2]
    named = kind.kind_named(name)
    if kind.person and height < CHILD and named is None and kind.usual_size is not None:
        return (
            f"a small size for a {kind.name}, {taken}; if it is no child, give --height {kind.usual_size.height[1]:g}"
        )
    if kind.name == "table" and height < LOW_TABLE and not states_unit and named is None:
        return f"a small size for a table, {taken}; if it is no low one, give --height {TABLE:g}"
    one_storey = height < SMALL_HEIGHT and (longest < SMALL_HEIGHT or height > 0.75 * longest)
    narrow = min(size[:2]) < NARROW
    if kind.name == "building" and (one_storey or narrow) and named is None:
        advice = "if it has several storeys, give its true height, such as --height 8"
        return f"a small size for a building, {taken}; {advice}"
    return None


def _width(size: Size, kind: ObjectClass, usual: UsualSize) -> str | None:
    if usual.width is None or usual.width[0] <= min(size[:2]) <= usual.width[2]:
        return None
    wide = min(size[:2])
    how = "small" if wide < usual.width[0] else "large"
    height = size[2] * usual.width[1] / max(wide, 1e-9)
    said = f"a {how} size for a {kind.name}, {wide:.2f} m wide"
    return f"{said}; if that is wrong, give its true height, such as --height {height:.2f}"


def _toy(size: Size, kind: ObjectClass, usual: UsualSize) -> str | None:
    """A doubt of a car or a van that is smaller than any, though none of its measures alone is."""
    if usual.width is None or usual.longest[2] > ALIKE * usual.longest[0]:
        return None
    factor = usual.scale_to_usual(size)
    if factor < TOY:
        return None
    said = f"a small size for a {kind.name}, {shown(size)} m"
    return f"{said}; if that is wrong, give its true height, such as --height {size[2] * factor:.2f}"
