// Triangles and lines filled by the processor with a depth buffer, shaded as the programs of gl.ts do.

import type { Mat4, Vec3 } from "./math";
import { type Mesh, VERTEX_BYTES } from "./mesher";
import type { Line } from "./painter";

/** Pixels with their depth, and the part of them that is drawn to: columns and rows, the last one not included. */
export interface Target {
  /** Red, green, blue and alpha of each pixel, not multiplied by alpha. */
  pixels: Uint8ClampedArray;
  depth: Float32Array;
  width: number;
  left: number;
  right: number;
  top: number;
  bottom: number;
}

/** Numbers of a corner: clip coordinates (x, y, z, w), colour with its light (r, g, b), place in cells (u, v). */
const CORNER = 9;
/** What changes evenly over a triangle on the screen: z / w, 1 / w, and r, g, b, u and v over w. */
const EVEN = 7;
const start = new Float64Array(EVEN);
const alongX = new Float64Array(EVEN);
const alongY = new Float64Array(EVEN);

/** Draw a mesh, of cells their front sides alone, `alpha` (0 to 255) solid; the nearest surface of a pixel counts. */
export function fillMesh(target: Target, mesh: Mesh, view: Mat4, alpha: number): void {
  const corners = clipCorners(mesh, view);
  const { indices } = mesh;
  for (let n = 0; n < indices.length; n += 3) {
    const a = indices[n] * CORNER;
    const b = indices[n + 1] * CORNER;
    const c = indices[n + 2] * CORNER;
    const behind = Number(isBehind(corners, a)) + Number(isBehind(corners, b)) + Number(isBehind(corners, c));
    if (behind === 0) fill(target, corners, a, b, c, alpha, mesh.cells);
    else if (behind < 3) {
      const kept = beforeNear([a, b, c].map((at) => corners.slice(at, at + CORNER)));
      const few = new Float64Array(kept.length * CORNER);
      for (const [k, corner] of kept.entries()) few.set(corner, k * CORNER);
      for (let k = 2; k < kept.length; k++) fill(target, few, 0, (k - 1) * CORNER, k * CORNER, alpha, mesh.cells);
    }
  }
}

function clipCorners(mesh: Mesh, view: Mat4): Float64Array {
  const count = mesh.vertices.byteLength / VERTEX_BYTES;
  const floats = new Float32Array(mesh.vertices);
  const bytes = new Uint8Array(mesh.vertices);
  const shorts = new Uint16Array(mesh.vertices);
  const corners = new Float64Array(count * CORNER);
  for (let n = 0; n < count; n++) {
    const at = n * CORNER;
    clip(corners, at, view, floats[5 * n], floats[5 * n + 1], floats[5 * n + 2]);
    const light = bytes[20 * n + 15] / 255;
    for (let c = 0; c < 3; c++) corners[at + 4 + c] = bytes[20 * n + 12 + c] * light;
    corners[at + 7] = shorts[10 * n + 8];
    corners[at + 8] = shorts[10 * n + 9];
  }
  return corners;
}

function clip(out: Float64Array, at: number, m: Mat4, x: number, y: number, z: number): void {
  for (let r = 0; r < 4; r++) out[at + r] = m[4 * r] * x + m[4 * r + 1] * y + m[4 * r + 2] * z + m[4 * r + 3];
}

const isBehind = (corners: Float64Array, at: number): boolean => corners[at + 2] < -corners[at + 3];

/** The part of a polygon before the near plane. */
function beforeNear(polygon: Float64Array[]): Float64Array[] {
  const out: Float64Array[] = [];
  polygon.forEach((a, n) => {
    const b = polygon[(n + 1) % polygon.length];
    if (!isBehind(a, 0)) out.push(a);
    if (isBehind(a, 0) !== isBehind(b, 0)) {
      const [da, db] = [a[2] + a[3], b[2] + b[3]];
      out.push(a.map((value, c) => value + (b[c] - value) * (da / (da - db))));
    }
  });
  return out;
}

const columnOf = (target: Target, x: number, w: number): number =>
  target.left + ((x / w + 1) / 2) * (target.right - target.left);
const rowOf = (target: Target, y: number, w: number): number =>
  target.top + ((1 - y / w) / 2) * (target.bottom - target.top);

/** One triangle; `a`, `b` and `c` are where its corners begin. */
function fill(
  target: Target,
  corners: Float64Array,
  a: number,
  b: number,
  c: number,
  alpha: number,
  cells: boolean,
): void {
  const wa = corners[a + 3];
  const wb = corners[b + 3];
  const wc = corners[c + 3];
  const ax = columnOf(target, corners[a], wa);
  const ay = rowOf(target, corners[a + 1], wa);
  const bx = columnOf(target, corners[b], wb) - ax;
  const by = rowOf(target, corners[b + 1], wb) - ay;
  const cx = columnOf(target, corners[c], wc) - ax;
  const cy = rowOf(target, corners[c + 1], wc) - ay;
  const area = bx * cy - cx * by;
  if (area === 0 || (cells && area > 0)) return; // rows count downward, so a front is negative
  const first = Math.max(Math.ceil(ay + Math.min(0, by, cy) - 0.5), target.top);
  const last = Math.min(Math.floor(ay + Math.max(0, by, cy) - 0.5), target.bottom - 1);
  if (first > last) return;
  for (let n = 0; n < EVEN; n++) {
    const at = n === 0 ? 2 : n + 2;
    const from = n === 1 ? 1 / wa : corners[a + at] / wa;
    const toB = (n === 1 ? 1 / wb : corners[b + at] / wb) - from;
    const toC = (n === 1 ? 1 / wc : corners[c + at] / wc) - from;
    start[n] = from;
    alongX[n] = (toB * cy - toC * by) / area;
    alongY[n] = (toC * bx - toB * cx) / area;
  }
  const { pixels, depth, width } = target;
  for (let row = first; row <= last; row++) {
    const y = row + 0.5 - ay;
    // Where the row meets the three sides: from (0, 0) to b, from b to c, from c back.
    const one = crossing(0, 0, bx, by, y);
    const two = crossing(bx, by, cx, cy, y);
    const three = crossing(cx, cy, 0, 0, y);
    const left = Math.max(Math.ceil(ax + least(one, two, three) - 0.5), target.left);
    const right = Math.min(Math.floor(ax + most(one, two, three) - 0.5), target.right - 1);
    let x = left + 0.5 - ax;
    let z = start[0] + alongX[0] * x + alongY[0] * y;
    for (let at = row * width + left; at <= row * width + right; at++, x++, z += alongX[0]) {
      if (z > depth[at]) continue;
      depth[at] = z;
      const w = 1 / (start[1] + alongX[1] * x + alongY[1] * y);
      const light = cells ? w * edgeLight(x, y, w) : w;
      pixels[4 * at] = (start[2] + alongX[2] * x + alongY[2] * y) * light;
      pixels[4 * at + 1] = (start[3] + alongX[3] * x + alongY[3] * y) * light;
      pixels[4 * at + 2] = (start[4] + alongX[4] * x + alongY[4] * y) * light;
      pixels[4 * at + 3] = alpha;
    }
  }
}

/** Darker near edges between cells, where cells are wider than some pixels. */
function edgeLight(x: number, y: number, w: number): number {
  const u = (start[5] + alongX[5] * x + alongY[5] * y) * w;
  const v = (start[6] + alongX[6] * x + alongY[6] * y) * w;
  const wideU = (Math.abs(alongX[5] - u * alongX[1]) + Math.abs(alongY[5] - u * alongY[1])) * w;
  const wideV = (Math.abs(alongX[6] - v * alongX[1]) + Math.abs(alongY[6] - v * alongY[1])) * w;
  const fade = smooth(0.34, 0.1, Math.max(wideU, wideV));
  if (fade === 0) return 1;
  const lineU = smooth(wideU * 0.4, wideU * 1.3, Math.abs(u - Math.round(u)));
  const lineV = smooth(wideV * 0.4, wideV * 1.3, Math.abs(v - Math.round(v)));
  return 1 - 0.26 * fade * (1 - Math.min(lineU, lineV));
}

/** Where a row crosses a side, NaN where it does not. */
function crossing(x0: number, y0: number, x1: number, y1: number, y: number): number {
  if (y0 === y1 || (y < y0 && y < y1) || (y > y0 && y > y1)) return Number.NaN;
  return x0 + ((x1 - x0) * (y - y0)) / (y1 - y0);
}

const least = (a: number, b: number, c: number): number => {
  const ab = a < b || Number.isNaN(b) ? a : b;
  return ab < c || Number.isNaN(c) ? ab : c;
};
const most = (a: number, b: number, c: number): number => {
  const ab = a > b || Number.isNaN(b) ? a : b;
  return ab > c || Number.isNaN(c) ? ab : c;
};

function smooth(from: number, to: number, value: number): number {
  const t = (value - from) / (to - from || 1);
  return t <= 0 ? 0 : t >= 1 ? 1 : t * t * (3 - 2 * t);
}

/** Draw a line over what is behind it, with soft sides. */
export function fillLine(target: Target, line: Line, view: Mat4, width: number): void {
  const ends = [line.from, line.to].map((point: Vec3) => {
    const end = new Float64Array(4);
    clip(end, 0, view, ...point);
    return end;
  });
  const [a, b] = beforeNear(ends);
  if (!b) return;
  const [ax, ay] = [columnOf(target, a[0], a[3]), rowOf(target, a[1], a[3])];
  const [bx, by] = [columnOf(target, b[0], b[3]), rowOf(target, b[1], b[3])];
  const steep = Math.abs(by - ay) > Math.abs(bx - ax);
  const [p0, q0, p1, q1] = steep ? [ay, ax, by, bx] : [ax, ay, bx, by];
  const span = p1 - p0 || 1;
  const wide = (width / 2) * Math.hypot(1, (q1 - q0) / span); // across the axis that it is stepped along
  const reach = Math.ceil(wide);
  const from = Math.max(Math.ceil(Math.min(p0, p1) - 0.5), steep ? target.top : target.left);
  const to = Math.min(Math.max(p0, p1) - 0.5, (steep ? target.bottom : target.right) - 1);
  for (let p = from; p <= to; p++) {
    const t = (p + 0.5 - p0) / span;
    const q = q0 + (q1 - q0) * t - 0.5;
    const z = a[2] / a[3] + (b[2] / b[3] - a[2] / a[3]) * t - 1e-4;
    for (let n = Math.floor(q) - reach; n <= Math.floor(q) + 1 + reach; n++) {
      const share = Math.min(Math.max(wide + 0.5 - Math.abs(n - q), 0), 1);
      const [row, column] = steep ? [p, n] : [n, p];
      const isOut = row < target.top || row >= target.bottom || column < target.left || column >= target.right;
      if (share <= 0 || isOut || z > target.depth[row * target.width + column]) continue;
      blend(target.pixels, 4 * (row * target.width + column), line.color, line.alpha * share);
    }
  }
}

/** A colour over a pixel that may be clear. */
function blend(pixels: Uint8ClampedArray, at: number, color: Vec3, alpha: number): void {
  const below = (pixels[at + 3] / 255) * (1 - alpha);
  const sum = alpha + below;
  for (let c = 0; c < 3; c++) pixels[at + c] = (color[c] * alpha + pixels[at + c] * below) / sum;
  pixels[at + 3] = 255 * sum;
}
