// The models of a scene as triangles, shaded by where they face.

import type { Vec3 } from "./math";
import { type Mesh, VERTEX_BYTES } from "./mesher";

/** Triangles in the world: nine numbers each, the place of their object in the scene's list, their own colour. */
export interface Models {
  corners: Float32Array;
  objects: Uint16Array;
  colors: Uint8Array;
}

/** What the server sends: see scene_mesh.py. */
export function readModels(content: ArrayBuffer): Models {
  const count = new Uint32Array(content, 0, 1)[0];
  const objects = 4 + 36 * count;
  return {
    corners: new Float32Array(content, 4, 9 * count),
    objects: new Uint16Array(content, objects, count),
    colors: new Uint8Array(content, objects + 2 * count, 3 * count),
  };
}

/** The mesh of those objects that have a colour: `colorOf` gives it by the object's place; null: the triangle's own. */
export function modelMesh(models: Models, isShown: (n: number) => boolean, colorOf: (n: number) => Vec3 | null): Mesh {
  const { corners, objects, colors } = models;
  const vertices = new ArrayBuffer(3 * objects.length * VERTEX_BYTES);
  const floats = new Float32Array(vertices);
  const bytes = new Uint8Array(vertices);
  let count = 0;
  for (let t = 0; t < objects.length; t++) {
    if (!isShown(objects[t])) continue;
    const color = colorOf(objects[t]) ?? colors.subarray(3 * t, 3 * t + 3);
    const light = Math.round(255 * lightOf(corners, 9 * t));
    for (let n = 0; n < 3; n++) {
      floats.set(corners.subarray(9 * t + 3 * n, 9 * t + 3 * n + 3), (count * VERTEX_BYTES) / 4);
      bytes.set(color, count * VERTEX_BYTES + 12);
      bytes[count * VERTEX_BYTES + 15] = light;
      count++;
    }
  }
  const indices = Uint32Array.from({ length: count }, (_, n) => n);
  return { vertices: vertices.slice(0, count * VERTEX_BYTES), indices, cells: false, faces: count / 3, exposed: 0 };
}

/** How bright a triangle is: lit from above and a little from one side. */
function lightOf(p: Float32Array, at: number): number {
  const [ax, ay, az] = [p[at + 3] - p[at], p[at + 4] - p[at + 1], p[at + 5] - p[at + 2]];
  const [bx, by, bz] = [p[at + 6] - p[at], p[at + 7] - p[at + 1], p[at + 8] - p[at + 2]];
  const [x, y, z] = [ay * bz - az * by, az * bx - ax * bz, ax * by - ay * bx];
  const size = Math.hypot(x, y, z) || 1;
  return 0.68 + (0.27 * z + 0.03 * x + 0.05 * y) / size;
}
