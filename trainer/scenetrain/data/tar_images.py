"""Images in WebDataset shards: tar files whose members are read where they lie, in any order."""

from __future__ import annotations

import tarfile
from collections.abc import Collection
from functools import partial
from pathlib import Path, PurePosixPath

from scenetrain.data.image_files import ReadBytes

COMPRESSED = (".tar.gz", ".tgz", ".tar.zst", ".tar.xz", ".tar.bz2")


def images_in_shard(shard: Path, endings: Collection[str]) -> list[tuple[str, ReadBytes]]:
    """The members of a tar file that are images by their names, in its order: name, and what reads one.

    Members that programs hide (names with a dot first) are left out. A shard that is compressed or damaged is one
    entry, whose reading raises the ValueError that says so: it is named and counted as a damaged image is.
    """
    if shard.name.lower().endswith(COMPRESSED):
        return [("", partial(_refuse, "a compressed shard; decompress it, so that images are read in any order"))]
    found: list[tuple[str, ReadBytes]] = []
    try:
        with tarfile.open(shard, "r:") as archive:
            for member in archive:
                path = PurePosixPath(member.name)
                if member.isreg() and path.suffix.lower() in endings and not path.name.startswith("."):
                    found.append((member.name, partial(_read, shard, member.offset_data, member.size)))
    except (tarfile.TarError, OSError) as error:
        found.append(("", partial(_refuse, f"a damaged shard: {error}")))
    return found


def _read(shard: Path, offset: int, size: int) -> bytes:
    with shard.open("rb") as file:
        file.seek(offset)
        content = file.read(size)
    if len(content) < size:
        raise ValueError(f"the shard ends {size - len(content)} bytes too early")
    return content


def _refuse(reason: str) -> bytes:
    raise ValueError(reason)
