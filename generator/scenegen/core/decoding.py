"""Bytes of files as arrays and text. Whatever numpy, zipfile, zlib and pillow raise for damage becomes a ValueError.

What a file unpacks to is known before it is unpacked, or is cut off at a limit. Pillow is imported when an image is
read.
"""

from __future__ import annotations

import io
import math
import stat
import struct
import threading
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.lib import format as npy_format
from numpy.typing import NDArray

HEADER_LOCK = threading.Lock()
"""numpy reads a header with ast.literal_eval, which in Python 3.11 fails at times with a SystemError ("AST constructor
recursion depth mismatch") when two threads are in it."""

MOST_BYTES = 2**31
"""No file, and no array in one, is larger; the largest grid that `scenegen voxelize` makes has 2**28 cells."""
MOST_TEXT = 2**28
"""Bytes of a text, packed or not: a scene of 1,000 views has about 10 MB."""
MOST_PIXELS = 2**27
"""Presets ask for at most 8192 x 8192."""

_Header = tuple[tuple[int, ...], bool, np.dtype[Any]]
"""Shape, whether the first axis changes fastest, type."""

_read_magic: Callable[[IO[bytes]], tuple[int, int]] = npy_format.read_magic
_HEADERS: dict[tuple[int, int], Callable[[IO[bytes]], _Header]] = {
    (1, 0): npy_format.read_array_header_1_0,
    (2, 0): npy_format.read_array_header_2_0,
}
_CHUNK = 2**14
"""Packed bytes at a time: bzip2 makes up to 20,000 times as many of them, and zipfile gives it no limit."""
_INFLATED = 2**18
"""Unpacked bytes at a time: what the processor's cache holds until they are in their place."""


def read_file(path: Path, most: int = MOST_BYTES) -> bytes:
    """A file's content. OSError when it cannot be read, ValueError when it is no file or has more than `most` bytes."""
    found = path.stat()
    if stat.S_ISREG(found.st_mode) and found.st_size > most:
        raise ValueError(f"{found.st_size} bytes, more than {most}")
    if not (stat.S_ISREG(found.st_mode) or stat.S_ISDIR(found.st_mode)):  # a pipe would wait for its other end
        raise ValueError("neither a file nor a folder")
    return path.read_bytes()


def decode_npy(content: bytes, dtype: type[np.generic], dimensions: int | None) -> NDArray[Any]:
    """The array of a .npy file; ValueError unless it has this dtype and number of dimensions (None: any number)."""
    with damage_as_value_error():
        stream = io.BytesIO(content)
        header = _read_header(stream, len(content), dtype, dimensions)
        return _shaped(memoryview(content)[stream.tell() :], header)


def decode_npz(content: bytes, name: str, dtype: type[np.generic], dimensions: int | None) -> NDArray[Any]:
    """One array of an .npz file; ValueError unless it is there with this dtype and number of dimensions (None: any)."""
    with damage_as_value_error(), zipfile.ZipFile(io.BytesIO(content)) as archive:
        return _member_array(archive, name, dtype, dimensions)


def npz_names(content: bytes) -> list[str]:
    """The names of the arrays of an .npz file; ValueError when it is damaged."""
    with damage_as_value_error(), zipfile.ZipFile(io.BytesIO(content)) as archive:
        return [name.removesuffix(".npy") for name in archive.namelist()]


def read_npz(path: Path, kinds: Mapping[str, tuple[type[np.generic], int]], optional: str = "") -> list[NDArray[Any]]:
    """Arrays of an .npz file by name with the type and number of dimensions of each, an `optional` one if it is there.

    OSError when it cannot be read, ValueError when it is damaged or an array is missing or of another kind.
    """
    with path.open("rb") as file, damage_as_value_error(), zipfile.ZipFile(file) as archive:
        there = [name for name in kinds if name != optional or f"{name}.npy" in archive.namelist()]
        return [_member_array(archive, name, *kinds[name]) for name in there]


def decode_gzip(content: bytes) -> bytes:
    """The text of a .gz file; ValueError when it is damaged or has more than MOST_TEXT bytes."""
    unpacker = zlib.decompressobj(wbits=31)
    with damage_as_value_error():
        text = unpacker.decompress(content, MOST_TEXT)
        if unpacker.unconsumed_tail:
            raise ValueError(f"unpacks to more than {MOST_TEXT} bytes")
        if not unpacker.eof or unpacker.unused_data:
            raise ValueError("is cut short, or goes on after its end")
    return text


def decode_png(content: bytes, modes: tuple[str, ...]) -> NDArray[Any]:
    """The pixels of a PNG (or JPEG) file; ValueError unless it has one of pillow's `modes`."""
    from PIL import Image

    with damage_as_value_error(), Image.open(io.BytesIO(content), formats=("PNG", "JPEG")) as image:
        if image.mode not in modes:
            raise ValueError(f"a PNG of mode {image.mode}, not {modes[0]}")
        if image.width * image.height > MOST_PIXELS:
            raise ValueError(f"{image.width} x {image.height} pixels, more than {MOST_PIXELS}")
        return np.asarray(image)


def whole_image(content: bytes) -> bytes:
    """The content of a PNG or JPEG file as it is; ValueError when it is cut short or damaged.

    Of a PNG file the checksums tell, in a fifteenth of the time that decoding takes.
    """
    from PIL import Image

    with damage_as_value_error(), Image.open(io.BytesIO(content), formats=("PNG", "JPEG")) as image:
        if image.width * image.height > MOST_PIXELS:
            raise ValueError(f"{image.width} x {image.height} pixels, more than {MOST_PIXELS}")
        if image.format == "PNG":
            image.verify()
        else:
            image.load()
    return content


def _member_array(archive: zipfile.ZipFile, name: str, dtype: type[np.generic], dimensions: int | None) -> NDArray[Any]:
    if f"{name}.npy" not in archive.namelist():
        raise ValueError(f"holds no {name}")
    member = archive.getinfo(f"{name}.npy")
    with archive.open(member) as stream:
        header = _read_header(stream, member.file_size, dtype, dimensions)
        begin = stream.tell()
        if member.compress_type != zipfile.ZIP_DEFLATED:
            at_once = _CHUNK if member.compress_type in (zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA) else MOST_BYTES
            return _shaped(_read_all(stream, member.file_size - begin, at_once), header)
    return _shaped(_inflate(archive, member)[begin:], header)


def _inflate(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> NDArray[np.uint8]:
    """The bytes of a deflated member, which `open` found whole: zipfile itself copies them four times."""
    assert archive.fp is not None
    archive.fp.seek(member.header_offset + 26)
    names, extra = struct.unpack("<HH", archive.fp.read(4))
    archive.fp.seek(names + extra, io.SEEK_CUR)
    packed, unpacker = archive.fp.read(member.compress_size), zlib.decompressobj(-zlib.MAX_WBITS)
    found, place, checksum = np.empty(member.file_size, np.uint8), 0, 0
    while part := unpacker.decompress(packed, _INFLATED):
        if place + len(part) > len(found):
            raise ValueError(f"unpacks to more than the {len(found)} bytes that it says")
        found[place : place + len(part)] = np.frombuffer(part, np.uint8)
        checksum, place, packed = zlib.crc32(part, checksum), place + len(part), unpacker.unconsumed_tail
    if place < len(found):
        raise ValueError(f"ends {len(found) - place} bytes too early")
    if checksum != member.CRC:
        raise ValueError(f"Bad CRC-32 for file {member.filename!r}")
    return found


def _read_header(stream: IO[bytes], size: int, dtype: type[np.generic], dimensions: int | None) -> _Header:
    """The header of an array in .npy form of `size` bytes; the array's own bytes follow in the stream."""
    with HEADER_LOCK:
        version = _read_magic(stream)
        if version not in _HEADERS:
            raise ValueError(f"a .npy file of version {version}")
        shape, is_fortran, found = _HEADERS[version](stream)
    if not np.issubdtype(found, dtype) or dimensions not in (len(shape), None):
        raise ValueError(f"holds {found} of {len(shape)} dimensions, not {dtype.__name__.rstrip('_')} of {dimensions}")
    needed, rest = math.prod(shape) * found.itemsize, size - stream.tell()
    if min(shape, default=1) < 0 or needed != rest:
        raise ValueError(f"an array of shape {shape} takes {needed} bytes, the file has {rest}")
    if rest > MOST_BYTES:
        raise ValueError(f"an array of {rest} bytes, more than {MOST_BYTES}")
    return shape, is_fortran, found


def _shaped(content: bytes | memoryview | NDArray[np.uint8], header: _Header) -> NDArray[Any]:
    """An array that may be written to, of its bytes."""
    shape, is_fortran, dtype = header
    array = content.view(dtype) if isinstance(content, np.ndarray) else np.frombuffer(content, dtype).copy()
    if dtype == np.bool_ and array.view(np.uint8).max(initial=0) > 1:
        raise ValueError("holds truth values that are neither 0 nor 1")
    return array.reshape(shape, order="F" if is_fortran else "C")


def _read_all(stream: IO[bytes], size: int, at_once: int) -> bytes:
    parts, rest = [], size
    while rest and (part := stream.read(min(at_once, rest))):
        parts.append(part)
        rest -= len(part)
    if rest:
        raise ValueError(f"ends {rest} bytes too early")
    return b"".join(parts)


@contextmanager
def damage_as_value_error() -> Iterator[None]:
    """For the decoders alone, whose only input is the file's bytes: they raise a dozen kinds of errors for damage."""
    try:
        yield
    except Exception as error:
        raise ValueError(str(error).split("\n")[0] or type(error).__name__) from error
