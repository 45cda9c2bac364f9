"""What may differ between scenes beside their labels, as `--variation` names it. Standard library only."""

from __future__ import annotations

from scenegen.core.errors import UsageError

VARIATIONS = ("world", "lights", "surfaces", "objects", "exposure", "noise", "cameras", "distractors")
"""What may vary; "cameras" is what scenegen.core.layout.room does with it."""
CAMERA_VARIATIONS = ("blur", "vignetting", "white_balance", "jpeg")
"""What a camera does to the finished image. "all" is without these: data sets that were begun before keep theirs."""


def parse_variation(text: str) -> tuple[str, ...]:
    """The kinds that `--variation` names: "none", or names with commas between, where "all" stands for VARIATIONS.

    In the order of VARIATIONS, then CAMERA_VARIATIONS. UsageError for an unknown name.
    """
    names = {name.strip() for name in text.split(",")} if text != "none" else set()
    if "all" in names:
        names = names - {"all"} | set(VARIATIONS)
    known = (*VARIATIONS, *CAMERA_VARIATIONS)
    for name in sorted(names - set(known)):
        raise UsageError(f"--variation: {name!r} does not vary; take all, none, or some of {', '.join(known)}")
    return tuple(name for name in known if name in names)
