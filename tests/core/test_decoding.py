"""Arrays from bytes, in many threads."""

from __future__ import annotations

import gc
import io
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from scenegen.core.decoding import decode_npy, decode_npz


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
