"""Who made the models of a library, as their licences ask to be told."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Sequence

from scenegen.assets.library import Asset

FORMATS = ("text", "markdown", "json")


def credits_text(assets: Sequence[Asset], form: str = "text") -> str:
    """Attribution of every asset, grouped by licence; built-in models share one line."""
    if form == "json":
        return json.dumps([_entry(asset) for asset in assets], indent=1)
    by_licence: dict[str, list[Asset]] = defaultdict(list)
    for asset in assets:
        by_licence[asset.provenance.licence].append(asset)
    lines: list[str] = []
    for licence in sorted(by_licence):
        lines += [f"## {licence}" if form == "markdown" else licence, ""]
        lines += sorted({_line(asset, form) for asset in by_licence[licence]})
        lines.append("")
    return "\n".join(lines).rstrip() + "\n"


def _entry(asset: Asset) -> dict[str, str]:
    origin = asset.provenance
    return {
        "name": asset.name,
        "class": asset.class_name,
        "title": origin.title,
        "author": origin.author,
        "licence": origin.licence,
        "source": origin.source,
        "changes": "scaled, turned, cleaned and reduced",
    }


def _line(asset: Asset, form: str) -> str:
    origin = asset.provenance
    if origin.source.startswith("scenegen parametric"):
        text = f"built-in models by {origin.author}, {origin.source}"
    elif form == "markdown" and origin.source.startswith("http"):
        text = f"[{origin.title}]({origin.source}) by {origin.author}, modified"
    else:
        text = f'"{origin.title}" by {origin.author}, {origin.source}, modified'
    return f"- {text}" if form == "markdown" else f"  {text}"
