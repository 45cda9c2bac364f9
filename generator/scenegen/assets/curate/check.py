"""Checks a library: what it holds, what a preset still needs, and which assets are broken or doubtful."""

from __future__ import annotations

import itertools
import math
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import trimesh
from PIL import Image
from scipy.spatial import ConvexHull, QhullError

from scenegen.assets.identity.twins import Twins, twins_across
from scenegen.assets.prepare.prepare import Budget
from scenegen.core.asset_library import Asset, Mesh, asset_folders, read_asset, read_mesh
from scenegen.core.errors import ScenegenError
from scenegen.core.scene.classes import carriers, object_class

LEAKY = 0.5  # share of leaky columns above which the voxelizer mostly guesses
DISAGREE = 0.6  # share of faces that looked outward, below which the file's orientation was useless
FEWEST = 12  # triangles of a box
# Bounds for height and length together, relative to the usual ones; stools and benches exceed one of them.
SMALL, LARGE = 0.6, 1.45
NEARLY = 1.2  # of the usual ranges: a little large, not on its side
ASTRAY = 0.3  # a box whose normals are smoothed over its edges has 0.2
WIDEST = 3.3  # metres: road vehicles are 2.55 m wide, and their mirrors reach out
TOP = 0.6  # share of the height above which a flat surface is a top: desks have rims and shelves
SPREAD = 0.85  # share of the height: a wider person has stretched out arms
# The kind of finding for a warning of a source, by the first words of the warning.
_WARNINGS = {
    "front": "front",
    "it stood askew": "front",
    "arms stretched out": "pose",
    "up axis": "side",
    "no ": "textures",
    "missing": "textures",
    "unit": "size",
    "an unusual size": "size",
    "a small size": "size",
    "a large size": "size",
    "parts are called": "objects",
    "what stands around": "objects",
    "stretched": "size",
}
_TIPS = 0.04  # metres by which the centroid may lie outside the points near the floor


@dataclass(frozen=True)
class Finding:
    """One finding about an asset: its kind (size, side, front, ...), a text, and whether the asset is unusable."""

    asset: str
    kind: str
    says: str
    broken: bool = False


@dataclass(frozen=True)
class LibraryCheck:
    """The check of a library.

    `counts` of assets by class and split; `missing` lists each "class/split" that the preset needs and the library does
    not hold; `findings` about single assets; `twins`: models for testing with the shape of one for training, or alike.
    """

    counts: dict[str, dict[str, int]]
    missing: tuple[str, ...]
    findings: tuple[Finding, ...]
    twins: tuple[Twins, ...]

    @property
    def usable(self) -> bool:
        """Whether scenes of the preset can be generated, no asset is broken and no shape is in both splits."""
        return not (
            self.missing
            or any(finding.broken for finding in self.findings)
            or any(twins.same_shape for twins in self.twins)
        )


def read_library(library: Path) -> tuple[tuple[Asset, ...], tuple[Finding, ...]]:
    """The readable assets of a library, and a finding for each broken one."""
    assets: list[Asset] = []
    damaged: list[Finding] = []
    for folder in asset_folders(library):
        try:
            assets.append(read_asset(folder))
        except ScenegenError as error:
            damaged.append(Finding(folder.name, "asset", str(error).removeprefix(f"{folder}/"), broken=True))
    return tuple(assets), tuple(damaged)


def check_library(assets: Sequence[Asset], needed: Sequence[str], damaged: Sequence[Finding] = ()) -> LibraryCheck:
    """Check every asset, that each class in `needed` has some in both splits, and that the splits share no shape."""
    counted = Counter((asset.class_name, asset.split) for asset in assets)
    classes = sorted({asset.class_name for asset in assets} | set(needed))
    counts = {c: {split: counted[c, split] for split in ("train", "test")} for c in classes}
    missing = tuple(f"{c}/{split}" for c in needed for split in ("train", "test") if not counted[c, split])
    findings = itertools.chain(damaged, *(check_asset(asset) for asset in assets))
    return LibraryCheck(counts, missing, tuple(findings), twins_across(assets))


def check_asset(asset: Asset) -> tuple[Finding, ...]:
    """Everything that is broken or doubtful about one asset."""

    def finding(kind: str, says: str, *, broken: bool = False) -> Finding:
        return Finding(asset.name, kind, says, broken)

    try:
        mesh = read_mesh(asset)
    except ScenegenError as error:
        return (finding("mesh", str(error).removeprefix(f"{asset.folder}/"), broken=True),)
    found = [finding(kind, says, broken=kind == "broken texture") for kind, says in _textures(asset)]
    found += [finding(kind, says) for kind, says in (*_shape(asset, mesh), *_recorded(asset))]
    return tuple(found)


def _textures(asset: Asset) -> Iterator[tuple[str, str]]:
    used = {path for material in asset.materials for path in material.textures.values()}
    most = Budget().texture_edge
    for path in sorted(used):
        try:
            with Image.open(asset.folder / path, formats=("PNG", "JPEG")) as image:
                size = image.size
                image.verify()
        except (OSError, SyntaxError) as error:
            yield (
                "broken texture",
                f"{path} cannot be read, so the object would be magenta ({error}); add the model again",
            )
            continue
        if max(size) > most:
            yield "textures", f"{path} has {size[0]} x {size[1]} pixels, more than {most} x {most}"


def _shape(asset: Asset, mesh: Mesh) -> Iterator[tuple[str, str]]:
    entry = object_class(asset.class_name)
    built_in = asset.provenance.author == "scenegen"  # whose size and pose are intended
    usual = entry.usual_size_of(f"{asset.name} {asset.provenance.title}")
    said = any(kind == "size" and "--height" in text for kind, text in _warned(asset))
    shown = " x ".join(f"{value:.2f}" for value in asset.size)
    if usual and not usual.fits(asset.size):
        x, y, z = asset.size
        on_side = usual.fits((x, z, y)) or usual.fits((z, y, x))
        whole = entry.usual_size or usual  # without the name
        if on_side and not whole.fits(asset.size, NEARLY):
            yield (
                "side",
                f"{shown} m is the usual size of a {asset.class_name} that lies on its side; add it again with --up",
            )
        elif not said:
            advice = "if it is wrong, add it again with --height"
            kind = entry.kind_named(f"{asset.name} {asset.provenance.title}")
            what = f"{asset.class_name} called {kind[0]}" if kind else asset.class_name
            yield "size", f"{shown} m is an unusual size for a {what}; {advice}"
    elif usual and not entry.person and not built_in and not said:
        x, y, z = asset.size
        factor = math.sqrt(z / usual.height[1] * max(x, y) / usual.longest[1])
        if not SMALL < factor < LARGE:
            how = "small" if factor < 1 else "large"
            yield "size", f"{shown} m is {how} for a {asset.class_name}; if that is wrong, add it again with --height"
    if entry.street == "lane" and not said and min(asset.size[:2]) > WIDEST:
        yield (
            "size",
            f"{min(asset.size[:2]):.2f} m is wide for a {asset.class_name}; if it is wrong, add it again with --height",
        )
    named = any(str(warning).startswith("arms stretched out") for warning in asset.findings.get("warnings", ()))
    spread = max(asset.size[:2]) > SPREAD * asset.size[2] > SPREAD * 1.2
    if entry.person and not built_in and spread and not named:
        yield "pose", f"arms stretched out, {max(asset.size[:2]):.2f} m wide: the pose in which models are rigged"
    if asset.triangles > Budget().triangles:
        yield "triangles", f"{asset.triangles:,}, more than the budget of {Budget().triangles:,}"
    elif asset.triangles < FEWEST:
        yield "triangles", f"only {asset.triangles}"
    if entry.balanced and (out := _overhang(mesh)) > _TIPS:
        yield "balance", f"it would fall over, by {out:.2f} m: its support (a seat, a leg) is not part of the model"
    if (astray := _shaded_astray(mesh)) > ASTRAY:
        yield "normals", f"on {astray:.0%} of its surface the normals point away from the faces: shaded in patches"
    if asset.class_name in carriers() and not any(s.height > TOP * asset.size[2] for s in asset.supports):
        yield "support", "it has no flat top, so no object can stand on it"


def _shaded_astray(mesh: Mesh) -> float:
    """The share of the surface whose normals are more than 60 degrees away from those of its faces."""
    corners = mesh.vertices[mesh.faces].astype(np.float64)
    across = trimesh.triangles.cross(corners)
    length = np.linalg.norm(across, axis=1)
    off = np.einsum("fki,fi->fk", mesh.corner_normals, across) < 0.5 * length[:, None]
    return float(np.average(off.mean(axis=1), weights=length + 1e-15))


def _overhang(mesh: Mesh) -> float:
    """How far the surface's centroid lies outside the convex hull of all points near the floor, metres."""
    corners = mesh.vertices[mesh.faces].astype(np.float64)
    area = trimesh.triangles.area(corners)
    middle = np.average(corners.mean(axis=1), axis=0, weights=area + 1e-15)[:2]
    low = mesh.vertices[mesh.vertices[:, 2] < 0.03, :2].astype(np.float64)
    try:
        hull = ConvexHull(low)
    except (QhullError, ValueError):  # all points lie on one line or are one point
        return float(np.linalg.norm(low - middle, axis=1).min())
    return float((hull.equations[:, :2] @ middle + hull.equations[:, 2]).max())


def _recorded(asset: Asset) -> Iterator[tuple[str, str]]:
    """Findings that the preparation recorded."""
    findings: dict[str, Any] = dict(asset.findings)
    yield from _warned(asset)
    if findings.get("leaky_columns", 0.0) > LEAKY:
        yield (
            "surface",
            f"not closed: {findings['leaky_columns']:.0%} of the lines through it enter and leave unequally often",
        )
    if findings.get("orientation_agreement", 1.0) < DISAGREE:
        yield (
            "normals",
            f"only {findings['orientation_agreement']:.0%} of its faces looked outward; the others were turned",
        )
    if asset.provenance.licence == "unknown":
        yield "licence", "unknown; add the model again with --licence"


def _warned(asset: Asset) -> Iterator[tuple[str, str]]:
    """The warnings of its source, each with its kind."""
    for warning in map(str, asset.findings.get("warnings", ())):
        yield next((kind for start, kind in _WARNINGS.items() if warning.startswith(start)), "source"), warning
