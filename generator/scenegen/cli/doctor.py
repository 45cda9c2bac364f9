"""`scenegen doctor`: parse, call, print; tables on a terminal, plain lines elsewhere."""

from __future__ import annotations

import dataclasses
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click
from rich import box
from rich.console import Console
from rich.table import Table

if TYPE_CHECKING:
    from scenegen.generate.doctor import Diagnosis

Section = tuple[str, list[tuple[str, str]]]


@click.command()
@click.option("--preset", default="studio", show_default=True, help="What kind of scenes.")
@click.option("--scenes", type=click.IntRange(1), default=25000, show_default=True, metavar="N", help="How many.")
@click.option(
    "--quality",
    type=click.Choice(("draft", "standard", "high")),
    default="standard",
    show_default=True,
    help="Samples a pixel.",
)
@click.option(
    "--device",
    type=click.Choice(("auto", "cpu", "cuda", "optix", "hip", "metal", "oneapi")),
    default="auto",
    show_default=True,
    help="What renders.",
)
@click.option("--per-gpu", type=click.IntRange(1), metavar="K", help="Processes a GPU at once [1].")
@click.option("--workers", type=click.IntRange(1), metavar="W", help="Processes at once [one a GPU, or for two cores].")
@click.option("--blender", metavar="EXE", help="Your own Blender [the bpy package].")
@click.option("--assets", metavar="DIR", type=click.Path(path_type=Path), help="Prepared library [~/.scenegen/assets].")
@click.option("--views", type=int, metavar="V", help="Cameras a scene, of presets without fixed ones [the preset's].")
@click.option("--out", metavar="DIR", help="Where the data set would go [data/PRESET], or a URL.")
@click.option("--pack", metavar="DIR", type=click.Path(path_type=Path), help="Keep shards there instead of folders.")
@click.option("--json", "as_json", is_flag=True, help="Answer in JSON on standard output.")
def doctor(preset: str, out: str | None, pack: Path | None, as_json: bool, **options: object) -> int:
    """Say whether this machine can generate, and what N scenes would cost; makes a few and throws them away.

    \b
    Example: scenegen doctor --preset studio --scenes 25000 --out data/studio
    """
    from scenegen.core.dataset.shards import Packing
    from scenegen.generate.doctor import diagnose
    from scenegen.generate.generate import Request
    from scenegen.generate.stores.remote import is_url
    from scenegen.progress import progress

    url = out if out and is_url(out) else None
    place = pack or Path(out if out and not url else Path("data") / Path(preset).stem)
    packing = Packing("jpeg", 95, False, 250.0) if pack else None
    request = Request(preset=preset, out=place, url=url, pack=packing, **options)  # type: ignore[arg-type]
    with progress("measure") as on_progress:
        found = diagnose(request, on_progress)
    if as_json:
        click.echo(json.dumps({"ok": not found.problems, **dataclasses.asdict(found)}))
    elif sys.stdout.isatty():
        _print_tables(found)
    else:
        for name, rows in _sections(found):
            for key, value in rows:
                click.echo(f"{name:8} {key:14} {value}")
        for line in found.notes:
            click.echo(f"note: {line}")
        for line in found.problems:
            click.echo(f"problem: {line}")
        click.echo(_verdict(found))
    return 1 if found.problems else 0


def _print_tables(found: Diagnosis) -> None:
    console = Console()
    table = Table(box=box.SIMPLE_HEAD, show_header=False, pad_edge=False)
    table.add_column(style="bold cyan")
    table.add_column(style="cyan")
    table.add_column(overflow="fold")
    for name, rows in _sections(found):
        for number, (key, value) in enumerate(rows):
            table.add_row(name if number == 0 else "", key, value)
        table.add_section()
    console.print(table)
    for line in found.notes:
        console.print(f"[yellow]![/] {line}", highlight=False)
    for line in found.problems:
        console.print(f"[bold red]✗[/] {line}", highlight=False)
    console.print(f"[bold {'red' if found.problems else 'green'}]{_verdict(found)}[/]", highlight=False)


def _verdict(found: Diagnosis) -> str:
    if found.problems:
        return f"cannot generate {found.scenes} scenes of {found.preset} here yet"
    return f"ready to generate {found.scenes} scenes of {found.preset}"


def _sections(found: Diagnosis) -> list[Section]:
    """What there is to tell, by subject."""
    machine, sections = found.machine, []
    if found.blender:
        modules = ", ".join(f"{name} {version}" for name, version in found.blender.versions.items())
        rows = [
            ("version", f"{found.blender.version}, Python {'.'.join(map(str, found.blender.python))}"),
            ("program", found.blender.executable),
            ("modules", modules),
        ]
        sections.append(("Blender", rows))
        gpus = [(kind, _counted(names)) for kind, names in found.blender.gpus.items()] or [("GPUs", "none")]
        chosen = [("chosen", found.plan.told.removeprefix("rendering on "))] if found.plan else []
        sections.append(("Devices", [*gpus, *chosen]))
    memory = f"{machine.memory_free / 1e9:.1f} of {machine.memory / 1e9:.1f} GB free"
    rows = [
        ("cores", str(machine.cores)),
        ("memory", memory),
        (
            "disk",
            machine.disk if machine.disk_free is None else f"{machine.disk_free / 1e9:.1f} GB free at {machine.disk}",
        ),
    ]
    sections.append(("Machine", rows))
    rows = [(c.name, f"{c.train} train, {c.test} test") for c in found.models]
    sections.append(("Models", [("library", found.library), *rows]))
    if found.cost:
        cost = found.cost
        stages = ", ".join(f"{name} {seconds:.2f}" for name, seconds in cost.stage_seconds.items())
        rows = [
            ("measured", f"{cost.measured} scenes at {found.quality}"),
            ("a scene", f"{cost.scene_seconds:.2f} s ({stages})"),
            ("size", f"{cost.scene_bytes / 1e6:.2f} MB a scene, packed {cost.packed_bytes / 1e3:.0f} kB"),
            ("memory", f"{cost.peak_bytes / 1e9:.1f} GB a Blender at most"),
            ("time", f"{_duration(cost.seconds)} for {cost.scenes} scenes"),
            (
                "disk",
                f"{_gigabytes(cost.scenes * cost.scene_bytes)}, packed {_gigabytes(cost.scenes * cost.packed_bytes)}",
            ),
        ]
        sections.append(("Cost", rows))
    return sections


def _counted(names: tuple[str, ...]) -> str:
    """ "2 x NVIDIA L4"."""
    return ", ".join(f"{names.count(name)} x {name}" for name in dict.fromkeys(names))


def _gigabytes(size: float) -> str:
    return f"{size / 1e9:.1f} GB" if size >= 1e9 else f"{size / 1e6:.0f} MB"


def _duration(seconds: float) -> str:
    for unit, length in (("days", 86400), ("hours", 3600), ("minutes", 60)):
        if seconds >= 2 * length:
            return f"{seconds / length:.1f} {unit}"
    return f"{seconds:.0f} s"
