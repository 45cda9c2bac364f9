"""Files behind an address that fsspec knows, such as s3://bucket/studio."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from scenegen.core.errors import ScenegenError, UsageError

DRIVERS = {
    "s3": "s3fs", "gs": "gcsfs", "gcs": "gcsfs", "abfs": "adlfs", "az": "adlfs", "hdfs": "pyarrow",
    "http": "aiohttp", "https": "aiohttp",
}  # fmt: skip
"""Packages that fsspec needs for an address, by its scheme."""


def remote_files(url: str, option: str = "") -> tuple[str, Any]:
    """The path below its file system, and the file system. UsageError, after the `option` that named it: no driver."""
    import fsspec

    try:
        files, there = fsspec.core.url_to_fs(url)
    except (ImportError, ValueError) as error:
        scheme = url.split(":")[0]
        fix = f"pip install {DRIVERS[scheme]}" if scheme in DRIVERS else f"fsspec knows no {scheme}://"
        raise UsageError(f"{option} {url}: {fix} ({error})".lstrip()) from error
    return there.rstrip("/"), files


@contextmanager
def storage_errors(url: str) -> Iterator[None]:
    """Turn an error of the storage into one line: every driver has errors of its own, with no base but Exception."""
    try:
        yield
    except ScenegenError:
        raise
    except Exception as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        raise ScenegenError(f"{url}: {reason}; check the address, your credentials and this machine's disk") from error
