"""Files of torch.save, such as model.pt and checkpoints: read without running code, and only if their checksums hold.

torch.save writes a zip file with a CRC-32 for every tensor, and torch.load does not look at it.
"""

from __future__ import annotations

import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from scenegen.core.decoding import damage_as_value_error
from torch import Tensor


def read_saved(path: Path, device: torch.device | str) -> dict[str, Any]:
    """The dict in a file of torch.save. OSError when it cannot be read, ValueError when it is damaged or another's."""
    with path.open("rb") as stream:
        begins_as_zip = stream.read(2) == b"PK"
    if zipfile.is_zipfile(path):  # torch's form until 2020 was none, and had no checksums
        with damage_as_value_error():
            _check_sums(path)
    elif begins_as_zip:  # torch says EINVAL
        raise ValueError("cut off: the list of its parts, at the end, is missing")
    try:
        body = torch.load(path, map_location=device, weights_only=True)
    except torch.OutOfMemoryError:
        raise
    except Exception as error:  # its only input is the file, and it raises a dozen kinds
        raise ValueError(str(error).split("\n")[0] or type(error).__name__) from error
    if not isinstance(body, dict):
        raise ValueError(f"holds a {type(body).__name__}, not a dict")
    return body


def tensors_of(body: object) -> dict[str, Tensor]:
    """A dict of tensors by name, such as a state_dict. ValueError when it is something else."""
    if not isinstance(body, Mapping):
        raise ValueError(f"expected tensors by name, found a {type(body).__name__}")
    for name, tensor in body.items():
        if not isinstance(name, str) or not isinstance(tensor, Tensor):
            raise ValueError(f"expected a tensor with a name, found {str(name)[:60]} with a {type(tensor).__name__}")
    return dict(body)


def _check_sums(path: Path) -> None:
    with zipfile.ZipFile(path) as archive:
        members = archive.infolist()
        if len({member.filename for member in members}) < len(members):
            raise ValueError("a part is there twice")
        if any(member.compress_type != zipfile.ZIP_STORED for member in members):
            raise ValueError("compressed, which torch.save does not do")
        if wrong := archive.testzip():
            raise ValueError(f"the checksum of {wrong} does not hold")
