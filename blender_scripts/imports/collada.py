"""Corrects Collada files that Blender's importer reads wrongly, in a copy."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree
from pathlib import Path
from urllib.parse import quote, unquote, urlsplit

from blender_scripts.imports.collada_far import bring_near
from blender_scripts.imports.dae_faces import leave_out_faces
from blender_scripts.imports.dae_links import leave_out_links
from blender_scripts.imports.image_files import find_image

Element = ElementTree.Element


def corrected(file: Path, folder: Path, warnings: list[str]) -> Path:
    """The file itself, or a copy in `folder` with a sampler for each texture, near the origin and without animations.

    The copy names only what is there (dae_links.py, dae_faces.py): `warnings` says what was left out.

    Autodesk's FBX exporter lets a texture name an image, where the format wants a sampler: Blender's importer then
    stops without any mesh. Animations would show the model as it is in their first frame.
    """
    try:
        tree = ElementTree.parse(file)
    except (OSError, ElementTree.ParseError):
        return file  # the importer reports what is wrong
    root = tree.getroot()
    name = root.tag.rpartition("}")[0] + "}" if root.tag.startswith("{") else ""
    changed = False
    for library in root.findall(f"{name}library_animations") + root.findall(f"{name}library_animation_clips"):
        root.remove(library)
        changed = True
    images = {image.get("id", ""): image for image in root.iter(f"{name}image")}
    for profile in root.iter(f"{name}profile_COMMON"):
        changed |= _add_samplers(profile, name, set(images))
    changed |= leave_out_links(root, name, warnings)
    changed |= leave_out_faces(root, name, warnings)
    changed |= bring_near(root, name)
    if not changed:
        return file
    for image in images.values():
        for path in image.iter(f"{name}init_from"):
            source = unquote(urlsplit((path.text or "").strip()).path)
            found = find_image(source, file.parent)
            if found is not None:
                path.text = quote(str(found))
    if name:
        ElementTree.register_namespace("", name.strip("{}"))
    copy = folder / "corrected.dae"
    tree.write(copy, encoding="utf-8", xml_declaration=True)
    return copy


def _add_samplers(profile: Element, name: str, images: set[str]) -> bool:
    """Give each texture that names an image a sampler of that image; whether there was one."""
    known = {parameter.get("sid") for parameter in profile.iter(f"{name}newparam")}
    wanted = {texture.get("texture", "") for texture in profile.iter(f"{name}texture")} - known
    for image in sorted(wanted & images):
        for texture in profile.iter(f"{name}texture"):
            if texture.get("texture") == image:
                texture.set("texture", f"{image}-sampler")
        surface = ElementTree.Element(f"{name}newparam", {"sid": f"{image}-surface"})
        kind = ElementTree.SubElement(surface, f"{name}surface", {"type": "2D"})
        ElementTree.SubElement(kind, f"{name}init_from").text = image
        sampler = ElementTree.Element(f"{name}newparam", {"sid": f"{image}-sampler"})
        source = ElementTree.SubElement(ElementTree.SubElement(sampler, f"{name}sampler2D"), f"{name}source")
        source.text = f"{image}-surface"
        profile.insert(0, surface)
        profile.insert(1, sampler)
    return bool(wanted & images)
