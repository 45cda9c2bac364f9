// What a camera sees of voxels: for every pixel, the first occupied cell on its ray.

import type { Camera, GridSpec } from "./api";
import { inverse, mat4 } from "./math";

export interface Cast {
  width: number;
  height: number;
  /** The first cell on the ray of each pixel's centre, -1 if there is none. */
  cells: Int32Array;
  /** Which side of the cell the ray met: 0, 1, 2 along x, y, z. */
  sides: Uint8Array;
}

/** Through a box grid, from cell to cell (Amanatides and Woo, 1987). */
export function castBox(ids: Uint16Array, grid: GridSpec, camera: Camera): Cast {
  const { width, height } = camera;
  const cells = new Int32Array(width * height).fill(-1);
  const sides = new Uint8Array(width * height);
  const [nx, ny, nz] = grid.shape;
  const size = grid.voxel_size;
  const back = inverse(mat4(camera.world_to_camera));
  const [[fx, skew, cx], [, fy, cy]] = camera.K;
  const eye = [
    (back[3] - grid.origin[0]) / size,
    (back[7] - grid.origin[1]) / size,
    (back[11] - grid.origin[2]) / size,
  ];
  const shape = [nx, ny, nz];
  const strides = [ny * nz, nz, 1];
  const at = [0, 0, 0];
  const step = [0, 0, 0];
  const next = [0, 0, 0];
  const each = [0, 0, 0];
  for (let v = 0; v < height; v++) {
    const y = (v + 0.5 - cy) / fy;
    for (let u = 0; u < width; u++) {
      const x = (u + 0.5 - cx - skew * y) / fx;
      let enter = 0;
      let leave = Number.POSITIVE_INFINITY;
      let side = 0;
      const d = [
        back[0] * x + back[1] * y + back[2],
        back[4] * x + back[5] * y + back[6],
        back[8] * x + back[9] * y + back[10],
      ];
      for (let a = 0; a < 3; a++) {
        if (d[a] === 0) {
          if (eye[a] < 0 || eye[a] > shape[a]) leave = -1;
          continue;
        }
        const t0 = -eye[a] / d[a];
        const t1 = (shape[a] - eye[a]) / d[a];
        const first = Math.min(t0, t1);
        if (first > enter) {
          enter = first;
          side = a;
        }
        leave = Math.min(leave, Math.max(t0, t1));
      }
      if (enter >= leave) continue;
      for (let a = 0; a < 3; a++) {
        const place = eye[a] + d[a] * enter;
        at[a] = Math.min(Math.max(Math.floor(place), 0), shape[a] - 1);
        step[a] = d[a] > 0 ? 1 : -1;
        each[a] = d[a] === 0 ? Number.POSITIVE_INFINITY : 1 / Math.abs(d[a]);
        next[a] = d[a] === 0 ? Number.POSITIVE_INFINITY : (at[a] + (d[a] > 0 ? 1 : 0) - eye[a]) / d[a];
      }
      let cell = at[0] * strides[0] + at[1] * strides[1] + at[2];
      while (true) {
        if (ids[cell]) {
          cells[v * width + u] = cell;
          sides[v * width + u] = side;
          break;
        }
        side = next[0] < next[1] ? (next[0] < next[2] ? 0 : 2) : next[1] < next[2] ? 1 : 2;
        at[side] += step[side];
        if (at[side] < 0 || at[side] >= shape[side]) break;
        cell += step[side] * strides[side];
        next[side] += each[side];
      }
    }
  }
  return { width, height, cells, sides };
}

/** Through a camera's own fruxels: a pixel's ray stays in one column of cells. */
export function castFrustum(ids: Uint16Array, shape: readonly number[], width: number, height: number): Cast {
  const cells = new Int32Array(width * height).fill(-1);
  const sides = new Uint8Array(width * height).fill(1);
  const [w, h, d] = shape;
  for (let v = 0; v < height; v++) {
    const j = Math.floor(((v + 0.5) / height) * h);
    for (let u = 0; u < width; u++) {
      const start = (Math.floor(((u + 0.5) / width) * w) * h + j) * d;
      for (let k = 0; k < d; k++) {
        if (!ids[start + k]) continue;
        cells[v * width + u] = start + k;
        break;
      }
    }
  }
  return { width, height, cells, sides };
}
