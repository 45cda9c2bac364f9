// Faces between a cell and air, merged to rectangles: what is drawn of a grid of cells.

import type { Lattice } from "./lattice";
import type { Vec3 } from "./math";

/** 20 bytes each: position (3 floats), colour and brightness (4 bytes), cells along the face (2 unsigned shorts). */
export const VERTEX_BYTES = 20;

export interface Mesh {
  vertices: ArrayBuffer;
  indices: Uint32Array;
  /** Whether it is of cells: only their fronts are drawn, with edges between them. */
  cells: boolean;
  faces: number;
  /** Exposed faces of single cells, before merging. */
  exposed: number;
}

/** Brightness of faces across x, y and z, toward the lower and the higher side: the top is lit. */
const LIGHT = [
  [0.7, 0.62],
  [0.86, 0.8],
  [0.45, 1.0],
];
/** In a camera's lattice (right, down, forward), what faces the camera is lit. */
const LIGHT_CAMERA = [
  [0.8, 0.66],
  [1.0, 0.5],
  [0.9, 0.5],
];
/** Brightness by how many of the three cells around a corner are free: corners between cells are darker. */
const CORNER = [0.66, 0.78, 0.9, 1.0];
/** Rectangles reach this much over their edges, in cells, so that no pixel between two shows what is behind. */
const OVERLAP = 0.0015;

class Builder {
  private buffer = new ArrayBuffer(VERTEX_BYTES * 4096);
  private floats = new Float32Array(this.buffer);
  private bytes = new Uint8Array(this.buffer);
  private shorts = new Uint16Array(this.buffer);
  private indices = new Uint32Array(6144);
  private count = 0;
  faces = 0;

  vertex(point: Vec3, color: Vec3, light: number, u: number, v: number): void {
    if ((this.count + 1) * VERTEX_BYTES > this.buffer.byteLength) this.grow();
    const n = this.count * 5;
    this.floats[n] = point[0];
    this.floats[n + 1] = point[1];
    this.floats[n + 2] = point[2];
    this.bytes[4 * n + 12] = color[0];
    this.bytes[4 * n + 13] = color[1];
    this.bytes[4 * n + 14] = color[2];
    this.bytes[4 * n + 15] = Math.round(255 * light);
    this.shorts[2 * n + 8] = u;
    this.shorts[2 * n + 9] = v;
    this.count++;
  }

  /** Two triangles over the last four vertices, cut along the diagonal between the brighter corners. */
  quad(turned: boolean): void {
    if ((this.faces + 1) * 6 > this.indices.length) {
      const wider = new Uint32Array(this.indices.length * 2);
      wider.set(this.indices);
      this.indices = wider;
    }
    const first = this.count - 4;
    const order = turned ? [1, 2, 3, 1, 3, 0] : [0, 1, 2, 0, 2, 3];
    for (let n = 0; n < 6; n++) this.indices[6 * this.faces + n] = first + order[n];
    this.faces++;
  }

  private grow(): void {
    const wider = new ArrayBuffer(this.buffer.byteLength * 2);
    this.bytes = new Uint8Array(wider);
    this.bytes.set(new Uint8Array(this.buffer));
    this.buffer = wider;
    this.floats = new Float32Array(wider);
    this.shorts = new Uint16Array(wider);
  }

  mesh(exposed: number): Mesh {
    return {
      vertices: this.buffer.slice(0, this.count * VERTEX_BYTES),
      indices: this.indices.slice(0, this.faces * 6),
      cells: true,
      faces: this.faces,
      exposed,
    };
  }
}

/** By how many of the three cells around a corner are free; between two solid ones the third does not count. */
const corner = (a: number, b: number, c: number): number => (a && b ? 0 : 3 - a - b - c);

/** The mesh of all cells whose id is not 0, in `colors[id - 1]`; ids in the order (x, y, z) of the lattice. */
export function meshCells(ids: Uint16Array, lattice: Lattice, colors: readonly Vec3[], ofCamera: boolean): Mesh {
  const shape = lattice.shape;
  const [nx, ny, nz] = shape;
  const strides = [ny * nz, nz, 1];
  const builder = new Builder();
  const filled: number[] = [];
  // With a border of air, a neighbour always exists.
  const wide = [(ny + 2) * (nz + 2), nz + 2, 1];
  const solid = new Uint8Array((nx + 2) * wide[0]);
  for (let i = 0, cell = 0; i < nx; i++) {
    for (let j = 0; j < ny; j++) {
      let place = (i + 1) * wide[0] + (j + 1) * wide[1] + 1;
      for (let k = 0; k < nz; k++, cell++, place++) {
        if (!ids[cell]) continue;
        solid[place] = 1;
        filled.push(cell);
      }
    }
  }
  const keys = new Int32Array(ids.length);
  let exposed = 0;
  for (let axis = 0; axis < 3; axis++) {
    const u = (axis + 1) % 3;
    const v = (axis + 2) % 3;
    const perSlice = new Int32Array(shape[axis]);
    for (let side = 0; side < 2; side++) {
      const out = side ? wide[axis] : -wide[axis];
      const du = wide[u];
      const dv = wide[v];
      perSlice.fill(0);
      for (const cell of filled) {
        const i = Math.floor(cell / strides[0]);
        const j = Math.floor(cell / nz) % ny;
        const place = (i + 1) * wide[0] + (j + 1) * wide[1] + (cell % nz) + 1 + out;
        if (solid[place]) continue;
        const left = solid[place - du];
        const right = solid[place + du];
        const low = solid[place - dv];
        const high = solid[place + dv];
        const ao =
          corner(left, low, solid[place - du - dv]) |
          (corner(right, low, solid[place + du - dv]) << 2) |
          (corner(right, high, solid[place + du + dv]) << 4) |
          (corner(left, high, solid[place - du + dv]) << 6);
        keys[cell] = ids[cell] | (ao << 16);
        perSlice[Math.floor(cell / strides[axis]) % shape[axis]]++;
        exposed++;
      }
      const light = (ofCamera ? LIGHT_CAMERA : LIGHT)[axis][side];
      for (let slice = 0; slice < shape[axis]; slice++) {
        if (perSlice[slice]) mergeSlice(keys, lattice, axis, side, slice, light, colors, builder, perSlice[slice]);
      }
    }
  }
  return builder.mesh(exposed);
}

function mergeSlice(
  keys: Int32Array,
  lattice: Lattice,
  axis: number,
  side: number,
  slice: number,
  light: number,
  colors: readonly Vec3[],
  builder: Builder,
  faces: number,
): void {
  const shape = lattice.shape;
  const strides = [shape[1] * shape[2], shape[2], 1];
  const u = (axis + 1) % 3;
  const v = (axis + 2) % 3;
  const [nu, nv, su, sv] = [shape[u], shape[v], strides[u], strides[v]];
  const start = slice * strides[axis];
  let left = faces;
  for (let b = 0; b < nv && left; b++) {
    for (let a = 0; a < nu; a++) {
      const at = start + a * su + b * sv;
      const key = keys[at];
      if (!key) continue;
      let wide = 1;
      let high = 1;
      const ao = key >>> 16;
      if (ao === (ao & 3) * 0x55) {
        // All corners alike: the face may grow.
        while (a + wide < nu && keys[at + wide * su] === key) wide++;
        grow: while (b + high < nv) {
          for (let n = 0; n < wide; n++) if (keys[at + n * su + high * sv] !== key) break grow;
          high++;
        }
      }
      for (let m = 0; m < high; m++) for (let n = 0; n < wide; n++) keys[at + n * su + m * sv] = 0;
      left -= wide * high;
      emit(lattice, axis, side, slice, [a, b, wide, high], light, ao, colors[(key & 0xffff) - 1], builder);
    }
  }
}

function emit(
  lattice: Lattice,
  axis: number,
  side: number,
  slice: number,
  [a, b, wide, high]: number[],
  light: number,
  ao: number,
  color: Vec3,
  builder: Builder,
): void {
  const u = (axis + 1) % 3;
  const v = (axis + 2) % 3;
  const corners = [
    [0, 0],
    [1, 0],
    [1, 1],
    [0, 1],
  ];
  const order = side ? [0, 1, 2, 3] : [3, 2, 1, 0];
  const place = [0, 0, 0];
  for (const n of order) {
    const [cu, cv] = corners[n];
    place[axis] = slice + side;
    place[u] = a + cu * wide + (cu ? OVERLAP : -OVERLAP);
    place[v] = b + cv * high + (cv ? OVERLAP : -OVERLAP);
    const shade = light * CORNER[(ao >> (2 * n)) & 3];
    builder.vertex(lattice.toWorld(place[0], place[1], place[2]), color, shade, a + cu * wide, b + cv * high);
  }
  const of = (n: number): number => (ao >> (2 * order[n])) & 3;
  builder.quad(of(0) + of(2) < of(1) + of(3));
}
