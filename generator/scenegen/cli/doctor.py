"""`scenegen doctor`: parse, call, print; tables on a terminal, plain lines elsewhere."""

from __future__ import annotations

import dataclasses
import json
import sys
from typing import TYPE_CHECKING, Any

import click
from rich import box
from rich.console import Console
from rich.table import Table

from scenegen.cli.options import counted, json_option
from scenegen.cli.request_options import request_options, to_request

if TYPE_CHECKING:
    from scenegen.generate.doctor import Diagnosis

Section = tuple[str, list[tuple[str, str]]]


@click.command()
@request_options(
    *("preset", "scenes", "out", "quality", "device", "per_gpu", "workers", "blender", "assets", "views"), scenes=25000
)
@json_option
def doctor(as_json: bool, **options: Any) -> int:
    """Check that this machine can generate, and measure what N scenes would cost with a few that are then removed.

    \b
    Example: scenegen doctor --preset studio --scenes 25000 --out data/studio
    """
    from scenegen.generate.doctor import diagnose
    from scenegen.progress import progress

    request = to_request(options)
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
        return f"cannot generate {counted(found.scenes, 'scene')} of {found.preset} here yet"
    return f"ready to generate {counted(found.scenes, 'scene')} of {found.preset}"


def _sections(found: Diagnosis) -> list[Section]:
    """The findings as rows of a table, by subject."""
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
        chosen = [("chosen", found.plan.summary.removeprefix("rendering on "))] if found.plan else []
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
            ("measured", f"{counted(cost.measured, 'scene')} at {found.quality}"),
            ("per scene", f"{cost.scene_seconds:.2f} s ({stages})"),
            ("size", f"{cost.scene_bytes / 1e6:.2f} MB per scene, packed {cost.packed_bytes / 1e3:.0f} kB"),
            ("memory", f"{cost.peak_bytes / 1e9:.1f} GB per Blender at most"),
            ("time", f"{_duration(cost.seconds)} for {counted(cost.scenes, 'scene')}"),
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
