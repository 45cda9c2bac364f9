"""The look of a model file: materials and textures as import_model describes them, and colours of its faces."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from scenegen.assets.prepare.textures import (
    NEUTRAL_GREY,
    TextureError,
    few_colors,
    grey_channel,
    is_height_map,
    normals_of_heights,
    palette,
    scaled_normals,
    tinted,
)
from scenegen.core.asset_library import Material

GREY = ("metallic", "roughness", "alpha")
STEPS = 8  # colours of vertices over one texture: each is an image of its own
VISIBLE_STEP = 0.1


def read_look(body: dict[str, Any], folder: Path, textures: dict[str, bytes], warnings: list[str]) -> Material:
    """A material as import_model describes it.

    Its images, from `folder`, go to `textures`, and what is lost to `warnings`.
    """
    numbers = {key: body[key] for key in ("metallic", "roughness", "transmission", "ior", "alpha", "emission_strength")
               if key in body}  # fmt: skip
    colours: dict[str, Any] = {key: tuple(body[key]) for key in ("base_color", "emission") if key in body}
    slots: dict[str, str] = {}
    for slot, texture in body.get("textures", {}).items():
        content = None if texture["image"] is None else (folder / texture["image"]).read_bytes()
        kind = slot if slot in (*GREY, "normal") else texture["channel"]
        path = f"textures/{texture['image']}_{kind}"
        try:
            if content is None:
                raise TextureError("missing")
            if slot in GREY:
                content = grey_channel(
                    content, texture["channel"], texture["factor"][0], texture["cutoff"], inverted=texture["inverted"]
                )
                if content is None:  # no alpha channel, or opaque everywhere
                    continue
                path += _changes(texture)
            elif slot in ("base_color", "emission"):
                content = tinted(content, texture["factor"])
            elif texture["height"] or (texture["height"] is None and is_height_map(content)):
                content = normals_of_heights(content, texture["strength"])
                path += f"_{texture['strength']:g}"
                if content is None:  # flat
                    continue
            elif texture["strength"] != 1.0:
                content = scaled_normals(content, texture["strength"])
                path += f"_{texture['strength']:g}"
        except TextureError as error:
            if str(error) != "missing":
                warnings.append(f"unreadable {slot} texture {texture['file']}: {error}")
            if slot == "base_color":
                colours["base_color"] = NEUTRAL_GREY
            continue
        if slot in ("base_color", "emission") and texture["factor"] != [1.0, 1.0, 1.0]:
            path += f"_{len(textures)}"
        textures[path] = content
        slots[slot] = path
    material = Material(name=body.get("name", "none"), **colours, **numbers, textures=slots)
    if material.alpha <= 0.0 and "alpha" not in slots:
        warnings.append(f"material {material.name} is fully transparent; made opaque")
        material = Material(**{**vars(material), "alpha": 1.0})
    return material


def _changes(texture: dict[str, Any]) -> str:
    """What tells a grey image of one material from that of another, where both are made of one image."""
    parts = [texture["factor"][0], texture["cutoff"], texture["inverted"]]
    return "" if parts == [1.0, None, False] else "_" + "_".join(map(str, parts))


class Painted(NamedTuple):
    """Faces: linear colours (F, 3), NaN where the material alone gives the look; uvs (F, 3, 2) or None."""

    colors: NDArray[np.float32]
    uvs: NDArray[np.float32] | None
    material_index: NDArray[np.int32]


def paint(
    faces: Painted, materials: list[Material], textures: dict[str, bytes], warnings: list[str]
) -> tuple[NDArray[np.float32], NDArray[np.int32]]:
    """Turn colours of faces into textures and materials, since a material has no colour attribute.

    Without a texture, colours become a palette of 256. With one they multiply its colours, in at most STEPS steps.
    Returns uvs (F, 3, 2) and material_index (F,); adds to `materials`, `textures` and `warnings`.
    """
    painted = np.isfinite(faces.colors).all(axis=1)
    uvs = np.zeros((len(faces.colors), 3, 2), np.float32) if faces.uvs is None else faces.uvs.copy()
    material_index = faces.material_index.copy()
    plain = painted & ~np.array([bool(m.textures) for m in materials])[faces.material_index]
    if plain.any():
        image, places = palette(faces.colors[plain])
        textures["textures/palette"] = image
        uvs[plain] = places[:, None, :]
    for number in np.unique(faces.material_index[painted]):
        chosen = painted & (faces.material_index == number)
        material = materials[number]
        if not material.textures:
            materials.append(replace(material, textures={"base_color": "textures/palette"}))
            material_index[chosen] = len(materials) - 1
            continue
        group, tints = few_colors(faces.colors[chosen], STEPS)
        if np.abs(tints[group] - faces.colors[chosen]).max() > VISIBLE_STEP:
            warnings.append(f"{material.name}: the colours of its vertices are shown in {STEPS} steps")
        for step, tint in enumerate(tints):
            materials.append(_shaded(material, tint.tolist(), textures))
            material_index[np.flatnonzero(chosen)[group == step]] = len(materials) - 1
    return uvs, material_index


def _shaded(material: Material, tint: list[float], textures: dict[str, bytes]) -> Material:
    """A material whose base colour is `tint`, or whose image is multiplied by it; its image goes to `textures`."""
    path = material.textures.get("base_color")
    if path is None:
        return replace(material, base_color=(tint[0], tint[1], tint[2]))
    shade = f"{path}_shade_{'_'.join(f'{value:.3f}' for value in tint)}"
    textures[shade] = tinted(textures[path], tint)
    return replace(material, textures={**material.textures, "base_color": shade})
