"""USD files that cannot be read: the line says where and why, in the words of the library that reads USD."""

from __future__ import annotations

from pathlib import Path

from scenegen.assets.prepare.raw_model import Refused
from scenegen.assets.sources.files.importer import Imported, import_files

USD = """#usda 1.0
(
    upAxis = "Z"
    metersPerUnit = 1
)
def Mesh "plate"
{
    int[] faceVertexCounts = [4]
    int[] faceVertexIndices = [0, 1, 2, 3]
    point3f[] points = [(0, 0, 0), (1, 0, 0), (1, 1, 0), (0, 1, 0)]
}
"""
POINTS = "points = [(0, 0, 0), (1, 0, 0), (1, 1, 0), (0, 1, 0)]"
REFUSED = {
    "line.usda": (USD.replace("point3f[]", "oops point3f[]"), "line 10 cannot be read (Expected }"),
    "cut.usda": (USD[:200], "cannot be read (parse error"),
    "corners.usda": (USD.replace("2, 3]", "2, 7]"), "mesh plate: 1 corners of its faces are at points that are not th"),
    "counts.usda": (USD.replace("[4]", "[5]"), "mesh plate: its faces have 5 corners, and 4 are given"),
    "type.usda": (USD.replace("point3f", "point9f"), "mesh plate: its points or faces are of a type that USD does not"),
    "newer.usdc": (b"PXR-USDC\0\x63\0" + bytes(90), "cut off or damaged"),
}
READ = {"plate.usda": USD, "moving.usda": USD.replace(POINTS, POINTS.replace("= ", ".timeSamples = { 0: ") + " }")}


def test_refusals_of_usd_say_where_and_why(tmp_path: Path) -> None:
    contents = {name: content for name, (content, _) in REFUSED.items()} | READ
    for name, content in contents.items():
        (tmp_path / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    found = dict(zip(contents, (each for _, each in import_files([tmp_path / n for n in contents])), strict=True))
    for name, (_, said) in REFUSED.items():
        each = found[name]
        assert isinstance(each, Refused), name
        assert said in each.why, (name, each.why)
        assert str(tmp_path) not in each.why, (name, each.why)
    for name in READ:
        each = found[name]
        assert isinstance(each, Imported), (name, each)
        assert len(each.faces) == 2, name
        assert not each.warnings, (name, each.warnings)
