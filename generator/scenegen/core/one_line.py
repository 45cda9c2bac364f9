"""Text of strangers in lines of ours: a title, an author or a file's name cannot end a line or drive a terminal."""

from __future__ import annotations


def one_line(text: str) -> str:
    """`text` as one line of printable characters: what is not printable, new lines too, becomes a space."""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())
