"""The page that shows a data set's scenes: one HTML file that needs nothing from outside its folder."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from scenegen.core.dataset.info import DatasetInfo
from scenegen.core.scene.scene import PlacedObject, Scene
from scenegen.steps.preview.voxels import class_color

MOST_COLUMNS = 8


@dataclass(frozen=True)
class Entry:
    """A scene on the page: its description, its sheet's file name and size in pixels."""

    scene: Scene
    sheet: str
    size: tuple[int, int]


_STYLE = """
:root { color-scheme: dark; --ink: #d6dbe5; --faint: #8b93a3; --card: #14161c; --line: #262a33; }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 1440px; padding: 32px 20px 64px; background: #0a0b0e; color: var(--ink);
  font: 15px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, sans-serif; }
h1 { margin: 0; font-size: 26px; font-weight: 600; letter-spacing: -.01em; }
.facts { margin: 4px 0 18px; color: var(--faint); }
.legend { display: flex; flex-wrap: wrap; gap: 6px 18px; margin: 0 0 26px; padding: 0; list-style: none; }
.legend i, td i { display: inline-block; width: 12px; height: 12px; margin-right: 7px; border-radius: 3px;
  vertical-align: -1px; }
article { margin: 0 0 26px; overflow: hidden; background: var(--card); border: 1px solid var(--line);
  border-radius: 10px; }
article > a > img { display: block; width: 100%; height: auto; }
details { border-top: 1px solid var(--line); }
summary { padding: 9px 14px; color: var(--faint); cursor: pointer; }
summary:hover { color: var(--ink); }
.scroll { overflow-x: auto; padding: 0 14px 12px; }
table { width: 100%; border-collapse: collapse; font-size: 14px; font-variant-numeric: tabular-nums; }
th, td { padding: 4px 14px 4px 0; text-align: left; white-space: nowrap; border-top: 1px solid var(--line); }
th { color: var(--faint); font-weight: 500; border: 0; }
.number { text-align: right; }
footer { color: var(--faint); font-size: 14px; }
a { color: inherit; }
"""


def page(title: str, info: DatasetInfo, available: int, entries: Sequence[Entry]) -> str:
    """The HTML of a data set with `available` scenes of which `entries` are shown."""
    counts = Counter(item.class_name for entry in entries for item in entry.scene.objects)
    legend = "".join(f"<li>{_swatch(name)}{escape(name)} {counts[name]}</li>" for name in info.classes)
    shown = f"{available} scenes" if len(entries) == available else f"{len(entries)} of {available} scenes"
    grid = ""
    if info.grid:
        x, y, z = info.grid.shape
        grid = f" · {x} x {y} x {z} voxels of {100 * info.grid.voxel_size:.4g} cm"
    facts = f"{shown} · preset {info.preset} · seed {info.seed} · {info.split} · {info.quality}{grid}"
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{escape(title)}</title>
<style>{_STYLE}</style>
</head>
<body>
<h1>{escape(title)}</h1>
<p class="facts">{escape(facts)}</p>
<ul class="legend">{legend}</ul>
{"".join(_article(entry) for entry in entries)}
<footer>Each sheet: images, instances in class colours, depth (near is bright), and the voxel labels.
<a href="contact_sheet.png">Contact sheet</a></footer>
</body>
</html>
"""


def _swatch(name: str) -> str:
    red, green, blue = class_color(name)
    return f'<i style="background:rgb({red},{green},{blue})"></i>'


def _article(entry: Entry) -> str:
    scene = entry.scene
    left_out = f", {len(scene.skipped)} left out for want of a place" if scene.skipped else ""
    many = len(scene.cameras) > MOST_COLUMNS
    heads = ("views", "pixels") if many else [f"pixels {k}" for k in range(len(scene.cameras))]
    views = "".join(f'<th class="number">{head}</th>' for head in heads)
    rows = "".join(
        f"<tr><td>{item.id}</td><td>{_swatch(item.class_name)}{escape(item.class_name)}</td>"
        f"<td>{escape(item.asset)}</td><td>{_stand(scene, item.parent)}</td>"
        + "".join(f'<td class="number">{n}</td>' for n in (_seen(item) if many else item.visible_pixels))
        + "</tr>"
        for item in scene.objects
    )
    return f"""<article id="scene-{scene.index}">
<a href="{entry.sheet}"><img src="{entry.sheet}" width="{entry.size[0]}" height="{entry.size[1]}" loading="lazy"
alt="scene {scene.index}: images, labels and voxels"></a>
<details><summary>Scene {scene.index}: {len(scene.objects)} objects{left_out}</summary><div class="scroll"><table>
<tr><th>id</th><th>class</th><th>asset</th><th>stands on</th>{views}</tr>
{rows}
</table></div></details>
</article>
"""


def _seen(item: PlacedObject) -> tuple[int, int]:
    """In how many views an object shows, and its pixels in all of them."""
    return sum(n > 0 for n in item.visible_pixels), sum(item.visible_pixels)


def _stand(scene: Scene, parent: int | None) -> str:
    return "floor" if parent is None else escape(f"{scene.objects[parent].class_name} {parent}")
