"""A seed becomes a Scene: the layout of the preset's kind (layout/), then how it looks (look/)."""

from __future__ import annotations

from collections.abc import Sequence

from scenegen.core.asset_library import Asset
from scenegen.core.errors import ScenegenError
from scenegen.core.layout.arrangement import AssetsByClass, LayoutStreams
from scenegen.core.layout.room import furnish_room
from scenegen.core.layout.showcase import arrange_showcase
from scenegen.core.layout.street import arrange_street
from scenegen.core.look.variation import draw_look
from scenegen.core.look.variation_names import VARIATIONS
from scenegen.core.preset.preset import Preset
from scenegen.core.rng import stream
from scenegen.core.scene.scene import MOST_OBJECTS, Scene, Vector


def make_scene(
    preset: Preset, assets: Sequence[Asset], seed: int, index: int, split: str, variation: Sequence[str] = VARIATIONS
) -> Scene:
    """Scene `index` of a data set. It depends on the arguments alone; `assets` come in the order of their names.

    Whatever `variation` leaves out, the same objects stand in the same places.

    ScenegenError when a class has no asset of this split, an asset does not fit into the room, or a scene has more
    objects than an instance map has numbers.
    """
    usable = _usable_assets(preset, assets, split)
    streams = LayoutStreams(*(stream(seed, index, f"{split}/{name}") for name in LayoutStreams._fields))
    if preset.layout == "street":
        arranged = arrange_street(preset, usable, streams)
    elif preset.layout == "showcase":
        arranged = arrange_showcase(preset, usable, streams)
    else:
        arranged = furnish_room(preset, usable, streams, move_cameras="cameras" in variation)
    if len(arranged.objects) > MOST_OBJECTS:
        raise ScenegenError(
            f"scene {index} of preset {preset.name} has {len(arranged.objects)} objects, but instance maps hold "
            f"{MOST_OBJECTS}; ask for fewer blocks or lower maxima in the preset"
        )
    return Scene(
        seed=seed,
        index=index,
        preset=preset.name,
        split=split,
        classes=preset.classes,
        grid=preset.grid,
        room=preset.room,
        cameras=arranged.cameras,
        objects=arranged.objects,
        skipped=arranged.skipped,
        look=draw_look(preset, arranged.objects, seed, index, split, variation),
        extra=arranged.extra,
        grids=preset.grids,
        rig=arranged.rig,
    )


def _usable_assets(preset: Preset, assets: Sequence[Asset], split: str) -> AssetsByClass:
    """Class to its assets of a split. Checked once here, so that no later scene fails."""
    rules = [rule for rule in preset.rules if rule.maximum]
    usable = {
        rule.name: [a for a in assets if a.split == split and a.class_name in rule.asset_classes] for rule in rules
    }
    for rule in rules:
        if preset.room:
            for asset in usable[rule.name]:
                _check_fits(asset, preset.room, preset.scale[1])
        if not usable[rule.name]:
            raise ScenegenError(
                f"the library has no {rule.asset_classes[0]} for the {split} split; run `scenegen assets build`, "
                f"or `scenegen assets add --class {rule.asset_classes[0]} --split {split} FILE`"
            )
    return usable


def _check_fits(asset: Asset, room: Vector, scale: float) -> None:
    x, y, z = (length * scale for length in asset.size)
    wide, deep, high = room
    if z > high or not ((x <= wide and y <= deep) or (y <= wide and x <= deep)):
        raise ScenegenError(
            f"{asset.folder}: this {asset.class_name} ({asset.split}) of {x:.2f} x {y:.2f} x {z:.2f} m does not fit "
            f"into the room; add it again at its true size, or leave it out with `scenegen assets drop {asset.name}`"
        )
