"""JSON read as dataclasses: every value is checked against the type hint of its field.

Keys that the dataclass does not have are ignored, so a later version may add some to the same format.
"""

from __future__ import annotations

import dataclasses
import functools
import json
import re
import sys
import types
import typing
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar, Union, cast

from scenegen.core.decoding import MOST_TEXT, read_file
from scenegen.core.errors import DamageError, NewerFormatError

T = TypeVar("T")

CHECK_DISK = "check its permissions and the disk"

_Read = Callable[[Any], Any]
_NUMBERS = (int, float)  # type() is compared: a bool is an int to isinstance
_TOO_DEEP = "lists or objects are nested too deeply"
_LARGEST = sys.float_info.max
_INTEGERS = (-(2**63), 2**64 - 1)
_DEEPEST = 32
"""How deep values that no type describes may be nested; what copies, writes and compares them recurses."""


class JsonError(ValueError):
    """A value that is missing or of the wrong type; the message begins with its place, such as "cameras[0].K"."""

    def __init__(self, wrong: str, place: str = "") -> None:
        super().__init__(f"{place}: {wrong}" if place else wrong)
        self.wrong = wrong
        self.place = place

    def inside(self, place: str) -> JsonError:
        """The same error, seen from around: `place` is a key or an index in brackets."""
        dot = "." if self.place and not self.place.startswith("[") else ""
        return JsonError(self.wrong, f"{place}{dot}{self.place}")


def read_json(path: Path, read: Callable[[dict[str, Any]], T], formats: tuple[str, ...], advice: str) -> T:
    """What `read` makes of the JSON object in a file of one of these formats (the newest last).

    DamageError that names the file: it cannot be read, is of a newer format (NewerFormatError), or is damaged; then
    the message ends with `advice`.
    """
    try:
        body = parse_object(read_file(path, MOST_TEXT))
        check_format(body.get("format"), *formats)
        return read(body)
    except NewerFormatError as error:
        raise NewerFormatError(f"{path}: {error}") from error
    except OSError as error:
        raise DamageError(f"{path}: cannot be read ({error.strerror or error}); {CHECK_DISK}") from error
    except ValueError as error:
        raise DamageError(f"{path}: damaged ({error}); {advice}") from error


def parse_object(text: str | bytes) -> dict[str, Any]:
    """The JSON object in a file's text. ValueError when it holds something else."""
    try:
        body = json.loads(text)
    except RecursionError:
        raise JsonError(_TOO_DEEP) from None
    if not isinstance(body, dict):
        raise JsonError(f"expected a JSON object, found {_shown(body)}")
    return body


def check_format(found: object, *readable: str) -> None:
    """Refuse a `format` that is not one of the `readable` ones, such as "scenegen/1" (the newest comes last).

    NewerFormatError for a later version of the same format, else JsonError.
    """
    if found in readable:
        return
    name, _, version = readable[-1].rpartition("/")
    match = re.fullmatch(rf"{re.escape(name)}/(\d+)", found) if isinstance(found, str) else None
    if match and int(match[1]) > int(version):
        raise NewerFormatError(
            f"written by a newer scenegen (format {found}; this one reads {' and '.join(readable)}); upgrade scenegen"
        )
    raise JsonError(f"expected {' or '.join(readable)}, found {_shown(found)}", "format")


def from_json(kind: type[T], value: object) -> T:
    """A JSON value as a dataclass (or any type that its fields may have). JsonError names the place of a wrong value.

    Fields may be numbers, texts, flags, tuples and named tuples (JSON arrays), dataclasses and mappings (JSON objects),
    or Any, alone or with None; a value that is such a dataclass already is kept. The key of a field `class_name` is
    "class". A number stays whole where JSON has it so.
    """
    return cast(T, _reader(cast(Any, kind))(value))


@functools.cache
def _reader(kind: Any) -> _Read:
    """What turns a JSON value into one of a type."""
    if kind is Any:
        return _read_any
    if kind is None or kind is type(None):
        return _one_of((type(None),), "null")
    if kind is float:
        return _read_number
    if kind is int:
        return _read_integer
    if kind is bool:
        return _one_of((bool,), "true or false")
    if kind is str:
        return _read_text
    if dataclasses.is_dataclass(kind):
        return _dataclass_reader(kind)
    origin, arguments = typing.get_origin(kind) or kind, typing.get_args(kind)
    if origin in (Union, types.UnionType):
        return _optional_reader(arguments)
    if isinstance(origin, type) and issubclass(origin, tuple):
        return _tuple_reader(origin, arguments)
    if isinstance(origin, type) and issubclass(origin, Mapping):
        return _mapping_reader(_reader(arguments[1]))
    raise TypeError(f"no way to read {kind} from JSON")


def _one_of(kinds: tuple[type, ...], name: str) -> _Read:
    def read(value: Any) -> Any:
        if type(value) not in kinds:
            raise JsonError(f"expected {name}, found {_shown(value)}")
        return value

    return read


def _read_number(value: Any) -> Any:
    """A number that a float can hold; Python's json also reads NaN and Infinity."""
    if type(value) not in _NUMBERS:
        raise JsonError(f"expected a number, found {_shown(value)}")
    if not -_LARGEST <= value <= _LARGEST:
        raise JsonError(f"expected a finite number, found {_shown(value)}")
    return value


def _read_integer(value: Any) -> Any:
    """A whole number of 64 bits; Python's json reads any."""
    if type(value) is not int:
        raise JsonError(f"expected a whole number, found {_shown(value)}")
    if not _INTEGERS[0] <= value <= _INTEGERS[1]:
        raise JsonError(f"expected a whole number of at most 64 bits, found {_shown(value)}")
    return value


def _read_text(value: Any) -> Any:
    r"""A text that can be written: JSON's "\ud800" alone is no character."""
    if type(value) is not str:
        raise JsonError(f"expected a text, found {_shown(value)}")
    if not value.isascii():
        try:
            value.encode()
        except UnicodeEncodeError:
            raise JsonError(f"expected a text, found {_shown(value)}, which has half a character") from None
    return value


def _read_any(value: Any) -> Any:
    """A value that no type describes, which can be copied, written and compared."""
    layer = [value]
    for _ in range(_DEEPEST):
        inside: list[Any] = []
        for item in layer:
            if type(item) is str:
                _read_text(item)
            elif type(item) is list:
                inside += item
            elif type(item) is dict:
                inside += item
                inside += item.values()
        layer = inside
        if not layer:
            return value
    raise JsonError(_TOO_DEEP)


def _optional_reader(arguments: tuple[Any, ...]) -> _Read:
    (kind,) = (argument for argument in arguments if argument is not type(None))
    read = _reader(kind)
    return lambda value: None if value is None else read(value)


def _dataclass_reader(kind: Any) -> _Read:
    @functools.cache
    def fields() -> list[tuple[str, str, _Read, bool]]:
        hints = typing.get_type_hints(kind)
        return [(f.name, _key(f.name), _reader(hints[f.name]), _required(f)) for f in dataclasses.fields(kind)]

    def read(value: Any) -> Any:
        if isinstance(value, kind):
            return value
        if not isinstance(value, dict):
            raise JsonError(f"expected an object, found {_shown(value)}")
        found = {}
        for name, key, read_field, required in fields():
            if key in value:
                try:
                    found[name] = read_field(value[key])
                except JsonError as error:
                    raise error.inside(key) from None
            elif required:
                raise JsonError("is missing", key)
        try:
            return kind(**found)
        except JsonError:
            raise
        except ValueError as error:  # what the dataclass itself refuses
            raise JsonError(str(error)) from error

    return read


def _key(name: str) -> str:
    return "class" if name == "class_name" else name


def _required(field: dataclasses.Field[Any]) -> bool:
    return field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING


def _tuple_reader(origin: Any, arguments: tuple[Any, ...]) -> _Read:
    if len(arguments) == 2 and arguments[1] is ...:
        return _list_reader(_reader(arguments[0]))
    if hasattr(origin, "_fields"):  # a named tuple, whose last items may be left out
        hints = typing.get_type_hints(origin)
        reads, least = tuple(_reader(hints[name]) for name in origin._fields), len(hints) - len(origin._field_defaults)
    else:
        reads, least = tuple(map(_reader, arguments)), len(arguments)

    def read(value: Any) -> Any:
        if not isinstance(value, list) or not least <= len(value) <= len(reads):
            raise JsonError(f"expected a list of {len(reads)}, found {_shown(value)}")
        items = [_read_item(read_one, item, n) for n, (read_one, item) in enumerate(zip(reads, value, strict=False))]
        return tuple(items) if origin is tuple else origin(*items)

    return read


def _list_reader(read_one: _Read) -> _Read:
    def read(value: Any) -> Any:
        if not isinstance(value, list):
            raise JsonError(f"expected a list, found {_shown(value)}")
        return tuple(_read_item(read_one, item, n) for n, item in enumerate(value))

    return read


def _mapping_reader(read_one: _Read) -> _Read:
    def read(value: Any) -> Any:
        if not isinstance(value, dict):
            raise JsonError(f"expected an object, found {_shown(value)}")
        return {_read_text(key): _read_item(read_one, item, key) for key, item in value.items()}

    return read


def _read_item(read_one: _Read, item: Any, place: int | str) -> Any:
    try:
        return read_one(item)
    except JsonError as error:
        raise error.inside(f"[{place}]" if isinstance(place, int) else place) from None


def _shown(value: object) -> str:
    """A value as JSON, cut short."""
    try:
        text = json.dumps(value, default=repr)
    except RecursionError:
        return _TOO_DEEP
    except ValueError:  # a number of thousands of digits
        return "a number of thousands of digits"
    return text if len(text) <= 60 else f"{text[:57]}..."
