// Lines in the world: boxes, axes, cameras and the room.

import type { Camera, PlacedObject, Scene } from "./api";
import type { Lattice } from "./lattice";
import { add, inverse, mat4, transform, type Vec3 } from "./math";
import type { Line } from "./painter";

const EDGES = [
  [0, 1],
  [1, 3],
  [3, 2],
  [2, 0],
  [4, 5],
  [5, 7],
  [7, 6],
  [6, 4],
  [0, 4],
  [1, 5],
  [2, 6],
  [3, 7],
];

/** The eight corners of an object's box in the world. */
export function boxCorners(item: PlacedObject): Vec3[] {
  const toWorld = mat4(item.matrix);
  const [w, d, h] = item.size;
  return [0, 1, 2, 3, 4, 5, 6, 7].map((n) =>
    transform(toWorld, [(n & 1 ? w : -w) / 2, (n & 2 ? d : -d) / 2, n & 4 ? h : 0]),
  );
}

export function boxLines(item: PlacedObject, color: Vec3, alpha = 1): Line[] {
  return cornerLines(boxCorners(item), color, alpha);
}

export function cornerLines(corners: Vec3[], color: Vec3, alpha: number): Line[] {
  return EDGES.map(([a, b]) => ({ from: corners[a], to: corners[b], color, alpha }));
}

const AXES: Vec3[] = [
  [236, 86, 86],
  [94, 190, 108],
  [86, 140, 245],
];

/** An object's axes from the centre of its base: x red, y green (its front looks along -y), z blue. */
export function axisLines(item: PlacedObject): Line[] {
  const toWorld = mat4(item.matrix);
  const from = transform(toWorld, [0, 0, 0]);
  const reach = Math.max(...item.size) * 0.6;
  return AXES.map((color, axis) => {
    const end: Vec3 = [0, 0, 0];
    end[axis] = reach;
    return { from, to: transform(toWorld, end), color, alpha: 1 };
  });
}

/** A camera as a pyramid up to `depth` metres, with a mark at the top of its image. */
export function cameraLines(camera: Camera, depth: number, color: Vec3, alpha: number): Line[] {
  const back = inverse(mat4(camera.world_to_camera));
  const at = (u: number, v: number): Vec3 => {
    const y = ((v - camera.K[1][2]) / camera.K[1][1]) * depth;
    const x = ((u - camera.K[0][2] - (camera.K[0][1] * y) / depth) / camera.K[0][0]) * depth;
    return transform(back, [x, y, depth]);
  };
  const { width: w, height: h } = camera;
  const eye = transform(back, [0, 0, 0]);
  const corners = [at(0, 0), at(w, 0), at(w, h), at(0, h)];
  const line = (from: Vec3, to: Vec3): Line => ({ from, to, color, alpha });
  return [
    ...corners.map((corner) => line(eye, corner)),
    ...corners.map((corner, n) => line(corner, corners[(n + 1) % 4])),
    line(at(w * 0.35, 0), at(w / 2, -h * 0.18)),
    line(at(w / 2, -h * 0.18), at(w * 0.65, 0)),
  ];
}

/** The outline of a lattice. */
export function latticeLines(lattice: Lattice, color: Vec3, alpha: number): Line[] {
  const [x, y, z] = lattice.shape;
  const corners = [0, 1, 2, 3, 4, 5, 6, 7].map((n) => lattice.toWorld(n & 1 ? x : 0, n & 2 ? y : 0, n & 4 ? z : 0));
  return cornerLines(corners, color, alpha);
}

/** A floor of half-metre squares under a room, with its outline. */
export function roomLines(scene: Scene, color: Vec3): Line[] {
  if (!scene.room) return [];
  const [w, d, h] = scene.room;
  const lines: Line[] = [];
  const line = (from: Vec3, to: Vec3, alpha: number): void => void lines.push({ from, to, color, alpha });
  const each = 0.5;
  for (let x = -Math.floor(w / 2 / each) * each; x < w / 2; x += each) line([x, -d / 2, 0], [x, d / 2, 0], 0.16);
  for (let y = -Math.floor(d / 2 / each) * each; y < d / 2; y += each) line([-w / 2, y, 0], [w / 2, y, 0], 0.16);
  const corners = [0, 1, 2, 3, 4, 5, 6, 7].map(
    (n): Vec3 => [(n & 1 ? w : -w) / 2, (n & 2 ? d : -d) / 2, n & 4 ? h : 0],
  );
  EDGES.forEach(([a, b], n) => {
    line(corners[a], corners[b], n < 4 ? 0.55 : 0.22);
  });
  return lines;
}

/** The middle and the radius of what a scene shows. */
export function extent(scene: Scene, lattice: Lattice): { middle: Vec3; radius: number } {
  const [x, y, z] = lattice.shape;
  const corners = [0, 1, 2, 3, 4, 5, 6, 7].map((n) => lattice.toWorld(n & 1 ? x : 0, n & 2 ? y : 0, n & 4 ? z : 0));
  let middle: Vec3 = [0, 0, 0];
  for (const corner of corners) middle = add(middle, [corner[0] / 8, corner[1] / 8, corner[2] / 8]);
  const radius = Math.max(...corners.map((c) => Math.hypot(c[0] - middle[0], c[1] - middle[1], c[2] - middle[2])));
  if (!scene.grid) return { middle, radius };
  const top = Math.max(0.6, ...scene.objects.map((item) => item.bbox.max[2]));
  return { middle: [middle[0], middle[1], top * 0.42], radius: radius * 0.86 };
}
