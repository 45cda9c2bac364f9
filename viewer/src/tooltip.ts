// What is under the mouse: an object with its model, author, licence, visible pixels and parent.

import type { ClassInfo, Credit, PlacedObject, Scene } from "./api";
import { h } from "./dom";
import { classColors, css } from "./palette";

const box = h("div", { class: "tooltip", role: "status", hidden: true });

export function hideTooltip(): void {
  box.hidden = true;
}

/** Show lines beside the pointer. */
export function showTooltip(event: { clientX: number; clientY: number }, ...content: (Node | string)[]): void {
  if (!box.isConnected) document.body.append(box);
  box.replaceChildren(...content);
  box.hidden = false;
  const { offsetWidth: width, offsetHeight: height } = box;
  const x = Math.min(event.clientX + 16, window.innerWidth - width - 8);
  const y = event.clientY + 18 + height > window.innerHeight ? event.clientY - height - 12 : event.clientY + 18;
  box.style.transform = `translate(${Math.max(8, x)}px, ${Math.max(8, y)}px)`;
}

export function creditOf(scene: Scene, asset: string): Credit | undefined {
  return scene.credits?.find((credit) => credit.asset === asset);
}

/** An object in words, as elements. */
export function objectFacts(
  scene: Scene,
  place: number,
  classes: readonly ClassInfo[],
  camera?: number,
): HTMLElement[] {
  const item: PlacedObject = scene.objects[place];
  const credit = creditOf(scene, item.asset);
  const c = scene.classes.indexOf(item.class);
  const parent = item.parent === null ? undefined : scene.objects.find((other) => other.id === item.parent);
  const pixels = item.visible_pixels;
  const facts: [string, string][] = [
    ["model", item.asset],
    ["title", credit?.title ?? ""],
    ["by", credit?.author ?? ""],
    ["licence", credit?.licence ?? ""],
    ["stands on", parent ? `${parent.class} ${parent.id}` : "the ground"],
    [
      "visible",
      !pixels.length
        ? ""
        : camera !== undefined
          ? `${pixels[camera].toLocaleString("en")} pixels here`
          : `${pixels.reduce((a, b) => a + b, 0).toLocaleString("en")} pixels in ${pixels.filter(Boolean).length} of ${pixels.length} views`,
    ],
    ["size", boxSize(item)],
  ];
  return [
    h(
      "div",
      { class: "tooltip-head" },
      h("i", { class: "swatch", style: `background:${css(classColors(classes)[c])}` }),
      h("strong", {}, item.class),
      h("span", { class: "faint" }, `object ${item.id}`),
    ),
    h(
      "dl",
      {},
      ...facts.filter(([, value]) => value).flatMap(([key, value]) => [h("dt", {}, key), h("dd", {}, value)]),
    ),
  ];
}

export function boxSize(item: PlacedObject): string {
  const factor = Math.hypot(item.matrix[0][0], item.matrix[1][0], item.matrix[2][0]);
  return `${item.size.map((n) => (n * factor).toFixed(2)).join(" × ")} m`;
}
