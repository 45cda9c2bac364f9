"""Bytes of files as arrays. Whatever numpy, zipfile and pillow raise for damaged bytes becomes a ValueError.

Pillow is imported when an image is read.
"""

from __future__ import annotations

import io
import threading
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from numpy.typing import NDArray

HEADER_LOCK = threading.Lock()
"""numpy reads a header with ast.literal_eval, which in Python 3.11 fails at times with a SystemError ("AST constructor
recursion depth mismatch") when two threads are in it."""


def decode_npy(content: bytes, dtype: type[np.generic], dimensions: int) -> NDArray[Any]:
    """The array of a .npy file; ValueError unless it has this dtype and number of dimensions."""
    with damage_as_value_error(), HEADER_LOCK:
        array: NDArray[Any] = np.load(io.BytesIO(content))
    return _checked(array, dtype, dimensions)


def decode_npz(content: bytes, name: str, dtype: type[np.generic], dimensions: int) -> NDArray[Any]:
    """One array of an .npz file; ValueError unless it is there with this dtype and number of dimensions."""
    with damage_as_value_error(), zipfile.ZipFile(io.BytesIO(content)) as archive:
        if f"{name}.npy" not in archive.namelist():
            raise ValueError(f"holds no {name}")
        member = archive.read(f"{name}.npy")
    return decode_npy(member, dtype, dimensions)


def decode_png(content: bytes, modes: tuple[str, ...]) -> NDArray[Any]:
    """The pixels of a PNG (or JPEG) file; ValueError unless it has one of pillow's `modes`."""
    from PIL import Image

    with damage_as_value_error(), Image.open(io.BytesIO(content)) as image:
        if image.mode not in modes:
            raise ValueError(f"a PNG of mode {image.mode}, not {modes[0]}")
        return np.asarray(image)


def _checked(array: NDArray[Any], dtype: type[np.generic], dimensions: int) -> NDArray[Any]:
    if not np.issubdtype(array.dtype, dtype) or array.ndim != dimensions:
        raise ValueError(
            f"holds {array.dtype} of {array.ndim} dimensions, not {dtype.__name__.rstrip('_')} of {dimensions}"
        )
    return array


@contextmanager
def damage_as_value_error() -> Iterator[None]:
    """For the decoders alone, whose only input is the file's bytes: they raise a dozen kinds of errors for damage."""
    try:
        yield
    except Exception as error:
        raise ValueError(str(error).split("\n")[0] or type(error).__name__) from error
