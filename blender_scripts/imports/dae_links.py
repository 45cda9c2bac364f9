"""References of a Collada file to what it does not have, taken out of its XML and named by their ids."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator

Element = ElementTree.Element
_INSTANCES = {"instance_geometry": "geometry", "instance_controller": "controller", "instance_node": "node"}


def leave_out_links(root: Element, name: str, warnings: list[str]) -> bool:
    """Take out what refers to an id that is not there, or to itself, in place; whether it changed.

    `name` is the namespace in braces. Adds to `warnings` each id.
    """
    above = {child: parent for parent in root.iter() for child in parent}
    ids = {kind: {each.get("id", "") for each in root.iter(f"{name}{kind}")} for kind in (*_INSTANCES.values(),)}
    ids["material"] = {each.get("id", "") for each in root.iter(f"{name}material")}
    before = len(warnings)
    for skin in _all(root, name, ("skin", "morph")):
        source = skin.get("source", "").removeprefix("#")
        controller = above[skin].get("id", "")
        if source not in ids["geometry"] | ids["controller"]:
            ids["controller"].discard(controller)
            warnings.append(f"controller {controller} deforms geometry #{source}, which is not in the file: left out")
    used = [(each.get("id", ""), _uses(each, name)) for each in root.iter(f"{name}node")]
    reached = _reached(dict(used), {target for _, targets in used for target in targets})
    for tag, kind in _INSTANCES.items():
        for link in list(root.iter(f"{name}{tag}")):
            target = link.get("url", "").removeprefix("#")
            if target not in ids[kind]:
                warnings.append(f"a node uses {kind} #{target}, which is not in the file: left out")
            elif kind == "node" and any(each.get("id") in reached[target] for each in _chain(link, above)):
                warnings.append(f"node #{target} is used inside itself: left out")
            else:
                continue
            above[link].remove(link)
    for link in list(root.iter(f"{name}instance_material")):
        target = link.get("target", "").removeprefix("#")
        if target not in ids["material"]:
            warnings.append(f"material #{target} is not in the file: shown grey")
            above[link].remove(link)
    _name_scene(root, name, warnings)
    return len(warnings) > before


def _name_scene(root: Element, name: str, warnings: list[str]) -> None:
    """Let a file whose scene is not there show the first that it has."""
    scenes = [each.get("id", "") for each in root.iter(f"{name}visual_scene")]
    link = root.find(f"{name}scene/{name}instance_visual_scene")
    named = link.get("url", "").removeprefix("#") if link is not None else ""
    if not scenes or named in scenes:
        return
    if link is None:
        link = ElementTree.SubElement(ElementTree.SubElement(root, f"{name}scene"), f"{name}instance_visual_scene")
    link.set("url", f"#{scenes[0]}")
    warnings.append(
        f"its scene #{named} is not in the file: the first one is read"
        if named
        else "it does not say which scene it shows: the first one is read"
    )


def _all(root: Element, name: str, tags: tuple[str, ...]) -> Iterator[Element]:
    for tag in tags:
        yield from root.iter(f"{name}{tag}")


def _uses(node: Element, name: str) -> set[str]:
    """The ids of the nodes that are used in a node and in those below it."""
    return {each.get("url", "").removeprefix("#") for each in node.iter(f"{name}instance_node")}


def _reached(uses: dict[str, set[str]], starts: set[str]) -> dict[str, set[str]]:
    """The ids of all nodes that each of `starts` leads to, itself among them."""
    found = {}
    for start in starts:
        seen, waiting = {start}, [start]
        while waiting:
            for each in uses.get(waiting.pop(), ()):
                if each not in seen:
                    seen.add(each)
                    waiting.append(each)
        found[start] = seen
    return found


def _chain(element: Element, above: dict[Element, Element]) -> Iterator[Element]:
    """What an element lies in, nearest first."""
    while element in above:
        element = above[element]
        yield element
