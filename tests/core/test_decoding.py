"""Arrays and texts from bytes: in many threads, and from files that are damaged or unpack without end."""

from __future__ import annotations

import gc
import gzip
import io
import os
import time
import tracemalloc
import zipfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from scenegen.core import decoding
from scenegen.core.decoding import decode_gzip, decode_npy, decode_npz, decode_png, read_file


class Cycle:
    """Garbage that the collector finds in the middle of anything, and that lets another thread run then."""

    def __init__(self) -> None:
        self.itself = self

    def __del__(self) -> None:
        time.sleep(0)


@pytest.fixture
def eager_collector() -> Iterator[None]:
    thresholds = gc.get_threshold()
    gc.set_threshold(10)
    yield
    gc.set_threshold(*thresholds)


@pytest.mark.usefixtures("eager_collector")
def test_threads_that_read_at_once_take_no_file_for_damaged() -> None:
    """Without a lock, Python 3.11 raises SystemError here at once, in ast.literal_eval of numpy's headers."""
    array = np.arange(6, dtype=np.uint8).reshape(1, 2, 3)
    plain, packed = io.BytesIO(), io.BytesIO()
    np.save(plain, array)
    np.savez_compressed(packed, labels=array)

    def read(_: int) -> bool:
        for _ in range(300):
            Cycle()
            one = decode_npy(plain.getvalue(), np.uint8, 3)
            other = decode_npz(packed.getvalue(), "labels", np.uint8, 3)
            if not (np.array_equal(one, array) and np.array_equal(other, array)):
                return False
        return True

    with ThreadPoolExecutor(4) as pool:
        assert all(pool.map(read, range(8)))


def test_an_array_that_is_not_there_is_named() -> None:
    packed = io.BytesIO()
    np.savez(packed, masks=np.zeros(1))
    with pytest.raises(ValueError, match="holds no labels"):
        decode_npz(packed.getvalue(), "labels", np.uint8, 3)


def npy(array: NDArray[Any]) -> bytes:
    content = io.BytesIO()
    np.save(content, array)
    return content.getvalue()


def npz(member: bytes, compression: int = zipfile.ZIP_DEFLATED, says: int | None = None) -> bytes:
    """An .npz file of one array, `labels`, that says that it unpacks to `says` bytes."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", compression) as archive:
        archive.writestr("labels.npy", member)
    if says is None:
        return content.getvalue()
    return content.getvalue().replace(len(member).to_bytes(4, "little"), says.to_bytes(4, "little"))


@pytest.mark.parametrize("compression", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
@pytest.mark.parametrize("order", ["C", "F"])
def test_arrays_are_what_numpy_wrote(compression: int, order: Literal["C", "F"]) -> None:
    array = np.arange(60, dtype=np.uint8).reshape(3, 4, 5).copy(order)
    for found in (decode_npy(npy(array), np.uint8, 3), decode_npz(npz(npy(array), compression), "labels", np.uint8, 3)):
        np.testing.assert_array_equal(found, array)
        assert found.flags.writeable
        assert found.flags.f_contiguous == array.flags.f_contiguous


@pytest.mark.parametrize("compression", [zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_an_array_takes_no_more_memory_than_its_header_says(compression: int) -> None:
    """64 MB after a small array: the archive states them, or says that they are 1,000 bytes.

    zipfile unpacks the first 4 kB of bzip2 and LZMA without a limit, so there the file is refused and no more is asked.
    """
    bomb = npy(np.zeros((8, 8), np.uint8)) + bytes(2**26)
    files = [npz(bomb, compression, says) for says in (None, 1000)]
    tracemalloc.start()
    for file in files:
        with pytest.raises(ValueError, match=r"takes 64 bytes, the file has|Bad CRC-32"):
            decode_npz(file, "labels", np.uint8, 2)
        assert tracemalloc.get_traced_memory()[1] < 2**26 or compression != zipfile.ZIP_DEFLATED
    tracemalloc.stop()


@pytest.mark.parametrize("shape", ["(99999999999, 99999999999)", "(-1, 64)", "(8, 9)", "(" * 500 + "8, 8" + ")" * 500])
def test_a_header_that_lies_is_refused(shape: str) -> None:
    whole = npy(np.zeros((8, 8), np.uint8))
    header = f"{{'descr': '|u1', 'fortran_order': False, 'shape': {shape}, }}".ljust(1013) + "\n"
    with pytest.raises(ValueError):
        decode_npy(whole[:8] + len(header).to_bytes(2, "little") + header.encode() + bytes(64), np.uint8, 2)


def test_a_text_that_unpacks_without_end_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decoding, "MOST_TEXT", 2**20)
    assert decode_gzip(gzip.compress(b"{}" * 1000)) == b"{}" * 1000
    with pytest.raises(ValueError, match="unpacks to more than 1048576 bytes"):
        decode_gzip(gzip.compress(bytes(2**24)))
    for harmed in (gzip.compress(b"{}")[:-1], b"", b"not gzip", gzip.compress(b"{}" * 99)[:20] + bytes(9)):
        with pytest.raises(ValueError):
            decode_gzip(harmed)


def test_what_is_no_png_is_refused() -> None:
    picture, content = Image.new("RGB", (8, 8)), io.BytesIO()
    picture.save(content, "TIFF")
    with pytest.raises(ValueError, match="cannot identify image file"):
        decode_png(content.getvalue(), ("RGB",))


def test_truth_is_one_or_zero() -> None:
    harmed = bytearray(npy(np.zeros((8, 8), np.bool_)))
    harmed[-1] = 2
    with pytest.raises(ValueError, match="neither 0 nor 1"):
        decode_npy(bytes(harmed), np.bool_, 2)


def test_a_pipe_is_no_file(tmp_path: Path) -> None:
    """Opening one waits for a writer."""
    os.mkfifo(tmp_path / "scene.json")
    with pytest.raises(ValueError, match="neither a file nor a folder"):
        read_file(tmp_path / "scene.json")
    (tmp_path / "large.json").touch()
    os.truncate(tmp_path / "large.json", 2**40)
    with pytest.raises(ValueError, match="1099511627776 bytes, more than"):
        read_file(tmp_path / "large.json")
