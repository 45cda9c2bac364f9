// Which cells are drawn, and in which colours.

import type { ClassInfo } from "./api";
import type { Vec3 } from "./math";
import { mat4, transform } from "./math";
import { classColors, objectColor, SEEN } from "./palette";
import { gridOf, type Labels, type SceneData, type Volume } from "./scene_data";

/** Cells to draw: `ids` is 0 for air, else 1 + the place of the colour; `classOf` is the class + 1 of every cell. */
export interface Cells {
  ids: Uint16Array;
  colors: Vec3[];
  classOf: Uint8Array;
}

/** One class + 1 for every cell, 0 for air: of several the one with the fewest cells, so that what stands on a table
 *  shows; hidden ones do not count. */
export function classOfCells(labels: Labels, classes: number, hidden: ReadonlySet<number>): Uint8Array {
  const out = new Uint8Array(labels.cells);
  const { bytes, bytesPerCell, isBits } = labels;
  if (!isBits) {
    for (let n = 0; n < out.length; n++) if (bytes[n] && !hidden.has(bytes[n] - 1)) out[n] = bytes[n];
    return out;
  }
  const counts = cellsPerClass(labels, classes);
  const order = counts.map((_, c) => c).filter((c) => !hidden.has(c));
  order.sort((a, b) => counts[b] - counts[a]);
  if (bytesPerCell === 1) {
    const table = new Uint8Array(256);
    for (let value = 1; value < 256; value++) for (const c of order) if ((value >> c) & 1) table[value] = c + 1;
    for (let n = 0; n < out.length; n++) out[n] = table[bytes[n]];
    return out;
  }
  for (const c of order) {
    for (let n = 0, at = c >> 3; n < out.length; n++, at += bytesPerCell)
      if ((bytes[at] >> (c & 7)) & 1) out[n] = c + 1;
  }
  return out;
}

/** How many cells each class has. */
export function cellsPerClass(labels: Labels, classes: number): number[] {
  const counts = new Array<number>(classes).fill(0);
  const { bytes, bytesPerCell, isBits } = labels;
  for (let n = 0; n < bytes.length; n++) {
    const value = bytes[n];
    if (!value) continue;
    if (!isBits) counts[value - 1]++;
    else {
      const first = (n % bytesPerCell) * 8;
      for (let bit = 0; bit < 8 && first + bit < classes; bit++) if ((value >> bit) & 1) counts[first + bit]++;
    }
  }
  return counts;
}

/** Cells by class. */
export function byClass(classOf: Uint8Array, classes: readonly ClassInfo[]): Cells {
  return { ids: Uint16Array.from(classOf), colors: classColors(classes), classOf };
}

/** Cells by object, as the labels say; without these labels the one of its class in whose box a cell's centre is. */
export async function byObject(data: SceneData, volume: Volume, classOf: Uint8Array): Promise<Cells> {
  const ids = new Uint16Array(classOf.length);
  const objects = data.scene.objects;
  const colors = [...objects.map((_, n) => objectColor(n)), [128, 132, 142] as Vec3];
  if (data.hasObjects || gridOf(volume) >= 0) {
    const places = new Map(objects.map((item, n) => [item.id + 1, n + 1]));
    const labels = await data.objectsOf(volume);
    for (let cell = 0; cell < ids.length; cell++) {
      if (classOf[cell]) ids[cell] = places.get(labels[cell]) ?? objects.length + 1;
    }
    return { ids, colors, classOf };
  }
  forCentres(data, volume, classOf, (cell, centre) => {
    const found = data.objectAt(centre, data.scene.classes[classOf[cell] - 1], 0.2);
    ids[cell] = 1 + (found < 0 ? objects.length : found);
  });
  return { ids, colors, classOf };
}

/** Cells by whether a camera sees them, as the labels say; without these labels those are seen that are the first on a
 *  pixel's ray. */
export async function bySight(data: SceneData, volume: Volume, classOf: Uint8Array): Promise<Cells> {
  const ids = new Uint16Array(classOf.length);
  if (data.hasVisibility || gridOf(volume) >= 0) {
    const labels = await data.visibilityOf(volume);
    for (let cell = 0; cell < ids.length; cell++) if (classOf[cell]) ids[cell] = [3, 4, 1, 2][labels[cell]];
    return { ids, colors: SEEN, classOf };
  }
  const cameras = typeof volume === "number" ? [volume] : data.scene.cameras.map((_, k) => k);
  const seen = new Uint8Array(classOf.length);
  for (const k of cameras) for (const cell of (await data.cast(k)).cells) if (cell >= 0) seen[cell] = 1;
  const views = cameras.map((k) => {
    const camera = data.scene.cameras[k];
    return { camera, toCamera: mat4(camera.world_to_camera) };
  });
  forCentres(data, volume, classOf, (cell, centre) => {
    if (seen[cell]) ids[cell] = 1;
    else {
      const inside = views.some(({ camera, toCamera }) => {
        const [x, y, z] = transform(toCamera, centre);
        const u = (camera.K[0][0] * x + camera.K[0][1] * y) / z + camera.K[0][2];
        const v = (camera.K[1][1] * y) / z + camera.K[1][2];
        return z > 0 && u >= 0 && v >= 0 && u < camera.width && v < camera.height;
      });
      ids[cell] = inside ? 2 : 3;
    }
  });
  return { ids, colors: SEEN, classOf };
}

/** World centres of all cells that are not air. */
function forCentres(
  data: SceneData,
  volume: Volume,
  classOf: Uint8Array,
  visit: (cell: number, centre: Vec3) => void,
): void {
  const lattice = data.lattice(volume);
  const [, ny, nz] = lattice.shape;
  for (let cell = 0; cell < classOf.length; cell++) {
    if (!classOf[cell]) continue;
    const i = Math.floor(cell / (ny * nz));
    const j = Math.floor(cell / nz) % ny;
    visit(cell, lattice.toWorld(i + 0.5, j + 0.5, (cell % nz) + 0.5));
  }
}

/** The cells up to layer `at` along an axis, or that layer alone. */
export function sliced(ids: Uint16Array, shape: Vec3, axis: number, at: number, only: boolean): Uint16Array {
  const out = new Uint16Array(ids.length);
  const [, ny, nz] = shape;
  for (let cell = 0; cell < ids.length; cell++) {
    if (!ids[cell]) continue;
    const place = axis === 0 ? Math.floor(cell / (ny * nz)) : axis === 1 ? Math.floor(cell / nz) % ny : cell % nz;
    if (only ? place === at : place <= at) out[cell] = ids[cell];
  }
  return out;
}
