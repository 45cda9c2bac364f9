"""Which licences on Sketchfab allow data sets: a rendered data set is a work derived from every model in it."""

from __future__ import annotations

_SPDX = {
    "cc0": "CC0-1.0",
    "by": "CC-BY-4.0",
    "by-sa": "CC-BY-SA-4.0",
    "by-nc": "CC-BY-NC-4.0",
    "by-nc-sa": "CC-BY-NC-SA-4.0",
}
_REFUSED = {
    "by-nd": "forbids derived data (ND)",
    "by-nc-nd": "forbids derived data (ND)",
    "st": "allows no data sets",
    "free-st": "allows no data sets",
    "ed": "is for editorial use only",
}


def spdx(slug: str) -> str | None:
    """The SPDX identifier of a licence that allows derived data, by its slug with or without `cc-`; else None."""
    return _SPDX.get(_plain(slug))


def why_refused(slug: str, label: str, *, commercial: bool) -> str | None:
    """The reason to refuse a model under this licence, or None; `commercial` also refuses licences with NC."""
    plain = _plain(slug)
    shown = label or slug or "none"
    if plain in _REFUSED:
        return f"licence {shown!r} {_REFUSED[plain]}"
    if plain not in _SPDX:
        return f"licence {shown!r} is not known to allow derived data"
    if commercial and "-nc" in plain:
        return f"licence {shown!r} forbids commercial use (NC)"
    return None


def _plain(slug: str) -> str:
    plain = slug.strip().lower().replace("_", "-").removeprefix("cc-")
    return "cc0" if plain in ("0", "zero") else plain
