"""The nodes of an FBX file, binary or text, without its arrays: materials, textures and how all is connected.

The binary form is that of https://code.blender.org/2013/08/fbx-binary-file-format-specification/; Blender's own parser
reads no text, and unpacks all arrays.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

BINARY = b"Kaydara FBX Binary  \x00"
_SCALARS = {b"C": "<?", b"B": "<?", b"Z": "<b", b"Y": "<h", b"I": "<i", b"F": "<f", b"D": "<d", b"L": "<q"}
_LINE = re.compile(r'^\s*(\w+):[ \t]*((?:"[^"]*"|[^"{])*?)\s*(\{?)\s*$')
_VALUE = re.compile(r'"([^"]*)"|([^,\s]+)')
_LONGEST_LINE = 4096  # of a text file: a longer one holds numbers alone
_DEEPEST = 32


@dataclass
class Node:
    """A node of an FBX file: its values, an array as None, and the nodes in it."""

    name: str
    values: list[Any] = field(default_factory=list)
    nodes: list[Node] = field(default_factory=list)

    def named(self, name: str) -> Iterator[Node]:
        """The nodes of a name directly in this one."""
        return (node for node in self.nodes if node.name == name)


def read_fbx(file: Path) -> Node:
    """The root of a file's nodes. ValueError when it is not of this format."""
    content = file.read_bytes()
    root = Node("")
    try:
        if content.startswith(BINARY):
            version = int.from_bytes(content[23:27], "little")
            place = 27
            while place >= 0:
                place = _read_binary(content, place, root, wide=version >= 7500, depth=0)
        else:
            _read_text(content.decode("utf-8", errors="replace"), root)
    except (struct.error, LookupError, RecursionError) as error:
        raise ValueError(f"no FBX ({error})") from error
    return root


def plain_name(name: object) -> str:
    """A name without its class, which stands behind it in binary files and before it in text."""
    return re.sub(r"^\w+::", "", str(name).split("\x00\x01", 1)[0])


def _read_binary(content: bytes, place: int, parent: Node, *, wide: bool, depth: int) -> int:
    """Add the node at `place` to `parent`; the place behind it, -1 behind the last."""
    size = 8 if wide else 4
    end, count, _ = struct.unpack_from("<QQQ" if wide else "<III", content, place)
    if not end or depth > _DEEPEST:
        return -1
    place += 3 * size
    length = content[place]
    node = Node(content[place + 1 : place + 1 + length].decode("utf-8", errors="replace"))
    place += 1 + length
    for _ in range(count):
        value, place = _value(content, place)
        node.values.append(value)
    parent.nodes.append(node)
    while 0 <= place < end:
        place = _read_binary(content, place, node, wide=wide, depth=depth + 1)
    return int(end)


def _value(content: bytes, place: int) -> tuple[Any, int]:
    kind = content[place : place + 1]
    place += 1
    if kind in _SCALARS:
        return struct.unpack_from(_SCALARS[kind], content, place)[0], place + struct.calcsize(_SCALARS[kind])
    if kind in (b"S", b"R"):
        (length,) = struct.unpack_from("<I", content, place)
        text = content[place + 4 : place + 4 + length] if kind == b"S" else b""
        return text.decode("utf-8", errors="replace"), place + 4 + length
    _, _, packed = struct.unpack_from("<III", content, place)  # an array: its length, its packing, its bytes
    return None, place + 12 + int(packed)


def _read_text(text: str, root: Node) -> None:
    open_nodes = [root]
    for line in text.splitlines():
        if line.strip() == "}":
            open_nodes = open_nodes[:-1] or [root]
            continue
        found = _LINE.match(line) if len(line) < _LONGEST_LINE and not line.lstrip().startswith(";") else None
        if found is None:
            continue
        values = [quoted if number == "" else _number(number) for quoted, number in _VALUE.findall(found[2])]
        node = Node(found[1], values)
        open_nodes[-1].nodes.append(node)
        if found[3]:
            open_nodes.append(node)


def _number(word: str) -> Any:
    try:
        return int(word)
    except ValueError:
        pass
    try:
        return float(word)
    except ValueError:
        return word
