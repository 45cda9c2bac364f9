"""What may differ between scenes beside their labels, as `--variation` names it. Standard library only."""

from __future__ import annotations

from scenegen.core.errors import UsageError

VARIATIONS = ("world", "lights", "surfaces", "objects", "exposure", "noise", "cameras", "distractors")
"""What may vary; "cameras" is what scenegen.core.layout.room does with it."""


def parse_variation(text: str) -> tuple[str, ...]:
    """The kinds that `--variation` names: "all", "none" or names with commas between, in the order of VARIATIONS.

    UsageError for an unknown name.
    """
    names = {"all": set(VARIATIONS), "none": set()}.get(text, {name.strip() for name in text.split(",")})
    for name in sorted(names - set(VARIATIONS)):
        raise UsageError(f"--variation: {name!r} does not vary; take all, none, or some of {', '.join(VARIATIONS)}")
    return tuple(name for name in VARIATIONS if name in names)
