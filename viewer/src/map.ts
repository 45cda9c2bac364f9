// A plan from above: the street, its objects, and where each view was taken.

import type { ClassInfo, Scene } from "./api";
import { h, s } from "./dom";
import { inverse, mat4, transform, type Vec3 } from "./math";
import { classColors, css } from "./palette";
import { boxCorners } from "./shapes";

const NO_OUTLINE = new Set(["ground"]);

export function streetMap(scene: Scene, classes: readonly ClassInfo[], onChoose: (k: number) => void): HTMLElement {
  const colors = classColors(classes);
  const street = scene.street;
  const corners = scene.objects.flatMap((item) => boxCorners(item));
  const eyes = scene.cameras.map((camera) => cameraPlan(camera, 1));
  const xs = [...corners.map((c) => c[0]), ...eyes.map((eye) => eye.at[0])];
  const ys = [...corners.map((c) => c[1]), ...eyes.map((eye) => eye.at[1])];
  const [left, right, low, high] = [Math.min(...xs), Math.max(...xs), Math.min(...ys), Math.max(...ys)];
  // North is up where the plan is wide; a long street lies on its side.
  const lies = high - low > (right - left) * 1.2;
  const put = ([x, y]: readonly number[]): [number, number] => (lies ? [y, x] : [x, -y]);
  const [x0, y0] = lies ? [low, left] : [left, -high];
  const [wide, tall] = lies ? [high - low, right - left] : [right - left, high - low];
  const margin = 1.5;
  const svg = s("svg", {
    class: "map",
    viewBox: `${x0 - margin} ${y0 - margin} ${wide + 2 * margin} ${tall + 2 * margin}`,
    role: "group",
    "aria-label": "Plan of the scene from above with its cameras",
  });
  const polygon = (points: readonly (readonly number[])[], props: Record<string, unknown>): SVGPolygonElement =>
    s("polygon", { points: points.map((p) => put(p).join(",")).join(" "), ...props }) as SVGPolygonElement;
  if (street) {
    const half = street.road_width / 2;
    const [from, to] = [-street.length / 2, street.length / 2];
    const band = (a: number, b: number): number[][] => [
      [a, from],
      [b, from],
      [b, to],
      [a, to],
    ];
    svg.append(
      polygon(band(-half - street.pavement_width, half + street.pavement_width), { class: "map-pavement" }),
      polygon(band(-half, half), { class: "map-road" }),
    );
  }
  const order = [...scene.objects].sort((a, b) => a.bbox.max[2] - b.bbox.max[2]);
  for (const item of order) {
    if (NO_OUTLINE.has(item.class)) continue;
    const base = boxCorners(item).slice(0, 4);
    const color = css(colors[scene.classes.indexOf(item.class)]);
    const shape = polygon([base[0], base[1], base[3], base[2]], {
      fill: color,
      "fill-opacity": 0.75,
      stroke: color,
      "stroke-width": 0.15,
    });
    shape.append(s("title", {}, `${item.class} ${item.id}, ${item.asset}`));
    svg.append(shape);
  }
  const reach = Math.max(wide, tall) / 18;
  scene.cameras.forEach((camera, k) => {
    const { at, left: a, right: b } = cameraPlan(camera, reach);
    const group = s("g", {
      class: "map-camera",
      "data-map-camera": k,
      tabindex: 0,
      role: "button",
      "aria-label": `Look through ${camera.name.replaceAll("_", " ")}`,
      onclick: () => onChoose(k),
      onkeydown: (event: KeyboardEvent) => {
        if (event.key === "Enter") onChoose(k);
      },
    });
    const [x, y] = put(at);
    group.append(
      s("title", {}, camera.name.replaceAll("_", " ")),
      polygon([at, a, b], { class: "map-cone" }),
      s("circle", { cx: x, cy: y, r: reach / 5, class: "map-dot" }),
    );
    svg.append(group);
  });
  return h("div", { class: "map-frame" }, svg);
}

/** Where a camera stands, and the two ends of its view from above. */
function cameraPlan(camera: Scene["cameras"][number], reach: number): { at: Vec3; left: Vec3; right: Vec3 } {
  const back = inverse(mat4(camera.world_to_camera));
  const end = (u: number): Vec3 => transform(back, [((u - camera.K[0][2]) / camera.K[0][0]) * reach, 0, reach]);
  return { at: transform(back, [0, 0, 0]), left: end(0), right: end(camera.width) };
}
