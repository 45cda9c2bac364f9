// What draws the 3D view: WebGL (gl.ts), or the processor where there is none yet (software.ts).

import type { Mat4, Vec3 } from "./math";
import type { Mesh } from "./mesher";

export interface Line {
  from: Vec3;
  to: Vec3;
  color: Vec3;
  alpha: number;
}

export interface Drawing {
  /** World to clip space. */
  view: Mat4;
  /** The part of the canvas that is drawn to, in device pixels from the lower left. */
  viewport: [number, number, number, number];
  opacity: number;
  photo: boolean;
  lineWidth: number;
}

export interface Painter {
  readonly canvas: HTMLCanvasElement;
  /** Show a mesh under a name, or none. */
  setMesh(name: string, mesh: Mesh | null): void;
  /** Show lines under a name; names are drawn in the order in which they were first given. */
  setLines(name: string, lines: readonly Line[]): void;
  /** The photograph behind everything. */
  setPhoto(image: HTMLImageElement | null): void;
  draw(drawing: Drawing): void;
  /** Give the memory back. */
  close(): void;
}
