// Where cells are: a box grid's cubes, or a camera's fruxels, which are true trapezoids in the world.
//
// Lattice coordinates (i, j, k) count cells; (0, 0, 0) is the first cell's first corner. Planes of constant i, j or k
// are planes in the world for both kinds, so that one mesher serves both.

import type { Camera, GridSpec } from "./api";
import { inverse, type Mat4, mat4, transform, type Vec3 } from "./math";

export interface Lattice {
  shape: Vec3;
  /** World metres of lattice coordinates. */
  toWorld(i: number, j: number, k: number): Vec3;
  /** Lattice coordinates of world metres; null behind a camera. */
  fromWorld(point: Vec3): Vec3 | null;
  /** A length below that of a cell's shortest edge, in metres. */
  step: number;
}

export function boxLattice(grid: GridSpec): Lattice {
  const { origin: o, voxel_size: size, shape } = grid;
  return {
    shape,
    toWorld: (i, j, k) => [o[0] + size * i, o[1] + size * j, o[2] + size * k],
    fromWorld: ([x, y, z]) => [(x - o[0]) / size, (y - o[1]) / size, (z - o[2]) / size],
    step: size / 2,
  };
}

/** A box grid whose axes are not the world's: `frame` takes them there. */
export function turnedLattice(grid: GridSpec, frame: number[][]): Lattice {
  const inner = boxLattice(grid);
  const toWorld = mat4(frame);
  const back = inverse(toWorld);
  return {
    ...inner,
    toWorld: (i, j, k) => transform(toWorld, inner.toWorld(i, j, k)),
    fromWorld: (point) => inner.fromWorld(transform(back, point)),
  };
}

/** The fruxels of a camera: columns and rows of its image, slices of equal depth. */
export function frustumLattice(camera: Camera): Lattice {
  const { near, far, size: shape, hfov_deg } = camera.frustum;
  const [[fx, skew, cx], [, fy, cy]] = frustumK(camera, hfov_deg);
  const toCamera: Mat4 = mat4(camera.world_to_camera);
  const back = inverse(toCamera);
  const [w, height, d] = shape;
  return {
    shape,
    toWorld: (i, j, k) => {
      const z = near + ((far - near) * k) / d;
      const y = ((j / height) * camera.height - cy) / fy;
      const x = ((i / w) * camera.width - cx - skew * y) / fx;
      return transform(back, [x * z, y * z, z]);
    },
    fromWorld: (point) => {
      const [x, y, z] = transform(toCamera, point);
      if (z <= 0) return null;
      const u = (fx * x + skew * y) / z + cx;
      const v = (fy * y) / z + cy;
      return [(u / camera.width) * w, (v / camera.height) * height, ((z - near) / (far - near)) * d];
    },
    step: Math.min((far - near) / d, (near * camera.width) / fx / w) / 2,
  };
}

/** K with the horizontal field of view of the frustum, which may be another than the camera's. */
function frustumK(camera: Camera, hfov: number): number[][] {
  const [[fx, skew, cx], [, fy, cy]] = camera.K;
  const scale = camera.width / (2 * Math.tan((hfov * Math.PI) / 360)) / fx;
  if (Math.abs(scale - 1) < 1e-6) return camera.K;
  return [
    [fx * scale, skew * scale, cx],
    [0, fy * scale, cy],
    [0, 0, 1],
  ];
}

/** The first cell with an id on a ray from `eye` along `direction` (unit), up to `most` metres; -1 if there is none. */
export function firstCell(ids: Uint16Array, lattice: Lattice, eye: Vec3, direction: Vec3, most: number): number {
  const [nx, ny, nz] = lattice.shape;
  for (let t = 0; t < most; t += lattice.step) {
    const place = lattice.fromWorld([eye[0] + t * direction[0], eye[1] + t * direction[1], eye[2] + t * direction[2]]);
    if (!place) continue;
    const i = Math.floor(place[0]);
    const j = Math.floor(place[1]);
    const k = Math.floor(place[2]);
    if (i < 0 || j < 0 || k < 0 || i >= nx || j >= ny || k >= nz) continue;
    const cell = (i * ny + j) * nz + k;
    if (ids[cell]) return cell;
  }
  return -1;
}
