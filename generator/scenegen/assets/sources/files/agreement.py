"""What the files of one export agree on decides for those of them that show nothing.

Files that one author exports together share their up axis and their unit. So a file that shows neither takes them from
the files of its type in its folder, or in the nearest folder above it that has enough of them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Iterator
from dataclasses import dataclass
from os.path import commonpath
from pathlib import Path
from typing import Generic, TypeVar

FEWEST = 3  # files that must agree, and none may disagree
HIGHEST = 3  # folders above a file that are asked: package/model/meshes; farther up lie files of other authors
MOST_HELD_BYTES = 1_000_000_000  # models that wait for others; beyond it the first of them goes on undecided

Answer = TypeVar("Answer", bound=Hashable)
Model = TypeVar("Model")


@dataclass(frozen=True)
class Agreement(Generic[Answer]):
    """The answer of `files` files of type `suffix` in `folder`."""

    answer: Answer
    files: int
    suffix: str
    folder: Path

    def __str__(self) -> str:
        return f"as the other {self.files} {self.suffix} files in {self.folder.name or self.folder}"


def may_agree_of(files: Iterable[Path]) -> Callable[[Path], bool]:
    """A function that tells whether a file has enough others of its type among `files`."""
    number = Counter(file.suffix.lower() for file in files)
    return lambda file: number[file.suffix.lower()] > FEWEST


def agreed(file: Path, votes: Iterable[tuple[Path, Answer]]) -> Agreement[Answer] | None:
    """What at least FEWEST files of one type, in the nearest folder that has so many, all answer; else None.

    Only folders below the one that holds all the files are asked, and that one, and none far above the file.
    """
    same_type = [(each.absolute(), answer) for each, answer in votes if each.suffix.lower() == file.suffix.lower()]
    if len(same_type) < FEWEST:
        return None
    top = Path(commonpath([each.parent for each, _ in same_type] + [file.absolute().parent]))
    for folder in file.absolute().parents[:HIGHEST]:
        answers = [answer for each, answer in same_type if folder in each.parents]
        if len(answers) >= FEWEST:
            first = answers[0]
            return Agreement(first, len(answers), file.suffix.lower(), folder) if set(answers) == {first} else None
        if folder == top:
            return None
    return None


def undecided_last(
    models: Iterable[Model],
    is_decided: Callable[[Model], bool],
    number_of_bytes: Callable[[Model], int],
) -> Iterator[Model]:
    """The models in their order, but those that are not decided after all others.

    When the models that wait need more than MOST_HELD_BYTES, the first of them is yielded at once.
    """
    held: list[Model] = []
    total = 0
    for model in models:
        if is_decided(model):
            yield model
            continue
        held.append(model)
        total += number_of_bytes(model)
        while total > MOST_HELD_BYTES:
            total -= number_of_bytes(held[0])
            yield held.pop(0)
    yield from held
