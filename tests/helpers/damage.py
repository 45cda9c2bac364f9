"""Files harmed in every way that a disk, a download or a stranger harms them: the same seed harms alike.

JSON, TOML and CSV get values of other types, huge numbers and endless nesting; zip files wrong members, sizes, methods
and passwords; arrays headers that lie; anything flipped bits, cuts and rubbish.
"""

from __future__ import annotations

import io
import json
import math
import re
import zipfile
from collections.abc import Callable, Iterator
from random import Random
from typing import Any

DEEP = "@deep@"
LONG = "@long@"
VALUES: tuple[Any, ...] = (
    None,
    True,
    False,
    "",
    "x",
    "\ud800",
    "a\0b",
    "../../x",
    "n" * 5000,
    0,
    -1,
    1,
    255,
    2**31,
    2**63,
    2**64,
    10**30,
    10**400,
    LONG,
    0.5,
    -0.0,
    1e308,
    1e-308,
    math.nan,
    math.inf,
    [],
    {},
    [[]],
    [None],
    {"a": {"b": []}},
    [0] * 1000,
    DEEP,
)

WORDS = (
    *(b"", b"0", b"-1", b"99999999999", b"nan", b"inf", b"1e400", b"9" * 5000, b"true", b'"x"', b"[1, 2]", b"[[a]]"),
    *(b"{}", b"[" * 5000, b"x" * 200_000, b"..", b"\0", b"\xff", b'"', b"\n"),
)
"""Of TOML, CSV and catalogues."""
LIES = (
    *((8, b"\x01\x08"), (10, b"\x63\x00"), (10, b"\x0c\x00"), (16, b"abcd"), (20, bytes(4)), (28, b"\xff\xff")),
    *((24, b"\xff\xff\xff\x7f"), (42, b"\xff\xff\xff\x0f")),
)
"""Bytes in an entry of a zip file's directory, by place: flags, method, checksum, sizes, name's length, offset."""


def harm(content: bytes, name: str, random: Random) -> bytes:
    """The content of the file `name`, harmed."""
    suffix = name.rpartition(".")[2]
    ways: dict[str, Callable[[bytes, Random], bytes]] = {
        "json": harm_json,
        "jsonl": _harm_line,
        "toml": _harm_words,
        "csv": _harm_words,
        "txt": _harm_words,
        "properties": _harm_words,
        "npy": _harm_header,
        "npz": _harm_zip,
        "pt": _harm_zip,
        "ckpt": _harm_zip,
        "zip": _harm_zip,
        "sh3f": _harm_zip,
    }
    if suffix in ways and random.random() < 0.75:
        return ways[suffix](content, random)
    return _harm_bytes(content, random)


def harm_json(content: bytes, random: Random) -> bytes:
    """One or two values of a JSON file replaced, removed, exchanged or nested without end."""
    body = json.loads(content)
    for _ in range(random.choice((1, 1, 2))):
        places = list(_places(body))
        if not places:
            return random.choice((b"", b"null", b"3", b"[" * 99_999))
        holder, key = random.choice(places)
        act = random.random()
        if act < 0.7:
            holder[key] = random.choice(VALUES)
        elif act < 0.85:
            del holder[key]
        else:
            other, its_key = random.choice(places)
            holder[key] = json.loads(json.dumps(other[its_key]))
    text = json.dumps(body).replace(f'"{DEEP}"', "[" * 99_999).replace(f'"{LONG}"', "9" * 5000)
    return text.encode()


def _places(body: Any) -> Iterator[tuple[Any, Any]]:
    """Every value of a JSON body, by what holds it."""
    keys = body.keys() if isinstance(body, dict) else range(len(body)) if isinstance(body, list) else ()
    for key in list(keys):
        yield body, key
        yield from _places(body[key])


def _harm_line(content: bytes, random: Random) -> bytes:
    lines = content.splitlines() or [b"{}"]
    place = random.randrange(len(lines))
    lines[place] = harm_json(lines[place], random)
    return b"\n".join(lines)


def _harm_words(content: bytes, random: Random) -> bytes:
    """A word or number of a text replaced."""
    words = list(re.finditer(rb"[\w.+-]+", content))
    if not words:
        return b"\0"
    word = random.choice(words)
    return content[: word.start()] + random.choice(WORDS) + content[word.end() :]


def _harm_header(content: bytes, random: Random) -> bytes:
    """An array in .npy form whose header says something else."""
    shape = random.choice(("()", "(9, 9)", "(-1, 2, 3)", f"({10**15}, 4, 4)", "(1.5, 2, 3)", "(" * 300, "None"))
    descr = random.choice(("|b1", "|u1", "<f8", "|O", "<U9", "<u2", "zzz"))
    header = f"{{'descr': '{descr}', 'fortran_order': False, 'shape': {shape}, }}\n".encode()
    return b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header + content[128:]


def _harm_zip(content: bytes, random: Random) -> bytes:
    """A zip file with other members, or whose directory lies."""
    if random.random() < 0.5:
        return _harm_directory(content, random)
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        members = [(member.filename, member.compress_type, archive.read(member)) for member in archive.infolist()]
    place = random.randrange(len(members))
    name, method, member = members[place]
    act = random.randrange(6)
    if act == 0:
        del members[place]
    elif act == 1:
        members[place] = (random.choice(("x", "../x", "/x", name + ".npy", "a/" * 200)), method, member)
    elif act == 2:
        members[place] = (name, zipfile.ZIP_BZIP2, member + bytes(10**6))
    else:
        harmed = _harm_header(member, random) if name.endswith(".npy") and act == 3 else _harm_bytes(member, random)
        members[place] = (name, method, harmed)
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        for name, method, member in members:
            archive.writestr(zipfile.ZipInfo(name), member, method)
    return made.getvalue()


def _harm_directory(content: bytes, random: Random) -> bytes:
    """A number in a zip file's directory changed: the flag of a password, the method, a size, a place."""
    harmed = bytearray(content)
    entries = [found.start() for found in re.finditer(b"PK\x01\x02", content)]
    if not entries:
        return _harm_bytes(content, random)
    entry = random.choice(entries)
    offset, new = random.choice(LIES)
    harmed[entry + offset : entry + offset + len(new)] = new
    return bytes(harmed)


def _harm_bytes(content: bytes, random: Random) -> bytes:
    harmed = bytearray(content)
    act = random.randrange(5)
    if act == 0 or not harmed:
        return bytes(harmed[: random.randrange(len(harmed) + 1)])
    if act == 1:
        return random.randbytes(random.choice((0, 1, 100)))
    if act == 2:
        place = random.randrange(len(harmed))
        return bytes(harmed[:place] + random.randbytes(8) + harmed[place:])
    near = len(harmed) if act == 3 else min(len(harmed), 300)
    for _ in range(random.randint(1, 4)):
        harmed[random.randrange(near)] ^= 1 << random.randrange(8)
    return bytes(harmed)
