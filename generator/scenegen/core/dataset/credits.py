"""Who made the models of a library or a data set: the attribution that their licences ask for."""

from __future__ import annotations

import dataclasses
import json
import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from scenegen.core.asset_library import Asset
from scenegen.core.dataset.stored_scene import StoredScene
from scenegen.core.errors import DamageError
from scenegen.core.files import write_text
from scenegen.core.json_values import JsonError, from_json
from scenegen.core.one_line import one_line
from scenegen.core.scene.scene import Scene

CHANGES = "scaled, turned, cleaned and reduced"


@dataclass(frozen=True)
class Credit:
    """The attribution of one model, every text as one line: strangers wrote them, and credits are lines."""

    name: str
    class_name: str
    title: str
    author: str
    licence: str
    source: str

    def __post_init__(self) -> None:
        for key, text in vars(self).items():
            object.__setattr__(self, key, one_line(text))


def library_credits(assets: Iterable[Asset]) -> list[Credit]:
    """The credits of every asset of a library."""
    return [
        Credit(a.name, a.class_name, a.provenance.title, a.provenance.author, a.provenance.licence, a.provenance.source)
        for a in assets
    ]


def scene_credits(stored: StoredScene) -> list[Credit]:
    """The credits of every asset in a scene. DamageError when scene.json holds something else as `credits`."""
    try:
        return credits_of(stored.scene)
    except JsonError as error:
        raise DamageError(f"{stored.name}/scene.json: damaged ({error}); {stored.advice}") from error


def credits_of(scene: Scene) -> list[Credit]:
    """The credits of every asset in a scene. JsonError when they are something else."""
    classes = {item.asset: item.class_name for item in scene.objects}
    try:
        entries = from_json(tuple[_CreditEntry, ...], scene.extra.get("credits", []))
    except JsonError as error:
        raise error.inside("credits") from None
    return [Credit(e.asset, classes.get(e.asset, ""), e.title, e.author, e.licence, e.source) for e in entries]


@dataclass(frozen=True)
class _CreditEntry:
    """One entry of `credits` in scene.json."""

    asset: str
    title: str
    author: str
    licence: str
    source: str


def credit_entries(assets: Iterable[Asset]) -> list[dict[str, str]]:
    """The attribution of `assets`, one entry per asset, sorted by name: `credits` of scene.json."""
    entries = {
        a.name: dataclasses.asdict(
            _CreditEntry(a.name, a.provenance.title, a.provenance.author, a.provenance.licence, a.provenance.source)
        )
        for a in assets
    }
    return [entries[name] for name in sorted(entries)]


def write_credits(out: Path, assets: Iterable[Asset]) -> None:
    """Write CREDITS.txt: every asset with its title, author, licence and source."""
    lines = [
        one_line(f'{c["asset"]}: "{c["title"]}" by {c["author"]}, {c["licence"]}, {c["source"]}')
        for c in credit_entries(assets)
    ]
    head = "The images of this data set show the following models, under the licences named.\n\n"
    write_text(out / "CREDITS.txt", head + "".join(line + "\n" for line in lines))


def licence_url(name: str) -> str:
    """The address of a Creative Commons licence ("CC-BY-SA-4.0", "CC-BY-3.0-US", "CC0") ; empty for others."""
    if re.match(r"CC0\b", name):
        return "https://creativecommons.org/publicdomain/zero/1.0/"
    found = re.fullmatch(r"CC[- ](BY(?:-(?:NC|ND|SA))*)(?:[- ](\d\.\d))?(?:[- ]([A-Z]{2}))?", name)
    if found is None:
        return ""
    parts = [found[1].lower(), found[2] or "4.0", *([found[3].lower()] if found[3] else [])]
    return f"https://creativecommons.org/licenses/{'/'.join(parts)}/"


def credits_text(credits: Sequence[Credit], form: str = "text") -> str:
    """Attribution of every model as "text", "markdown" or "json", by licence; built-in models share one line."""
    if form == "json":
        return json.dumps([_entry(credit) for credit in credits], indent=1) + "\n"
    by_licence: dict[str, list[Credit]] = defaultdict(list)
    for credit in credits:
        by_licence[credit.licence].append(credit)
    lines: list[str] = []
    for licence in sorted(by_licence):
        url = licence_url(licence)
        if form == "markdown":
            lines += [f"## {_escape(licence)}", "", *([f"<{url}>", ""] if url else [])]
        else:
            lines += [f"{licence} ({url})" if url else licence, ""]
        lines += sorted({_line(credit, form) for credit in by_licence[licence]})
        lines.append("")
    return "\n".join(lines).rstrip() + "\n"


def _entry(credit: Credit) -> dict[str, str]:
    entry = {"class" if key == "class_name" else key: value for key, value in dataclasses.asdict(credit).items()}
    return {**entry, "licence_url": licence_url(credit.licence), "changes": CHANGES}


def _line(credit: Credit, form: str) -> str:
    if credit.source.startswith("scenegen parametric"):
        text = f"built-in models by {credit.author}, {credit.source}"
    elif form == "markdown" and credit.source.startswith(("http://", "https://")):
        address = quote(credit.source, safe="%/:?#@!$&'*+,;=~")  # no bracket or space ends the link
        text = f"[{_escape(credit.title)}]({address}) by {_escape(credit.author)}, modified"
    elif form == "markdown":
        text = f'"{_escape(credit.title)}" by {_escape(credit.author)}, {_escape(credit.source)}, modified'
    else:
        text = f'"{credit.title}" by {credit.author}, {credit.source}, modified'
    return f"- {text}" if form == "markdown" else f"  {text}"


def _escape(text: str) -> str:
    """Text that Markdown shows unchanged, whatever it contains."""
    return "".join(f"\\{c}" if c in "\\`*_[]<>#|" else c for c in text)
