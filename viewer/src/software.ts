// The 3D view without WebGL. A browser takes up to a second for its first WebGL context; this shows the scene until
// then, and where there is no WebGL at all.

import { h } from "./dom";
import type { Mesh } from "./mesher";
import type { Drawing, Line, Painter } from "./painter";
import { fillLine, fillMesh } from "./raster";

export class SoftwarePainter implements Painter {
  readonly canvas = h("canvas", { class: "stage-canvas" });
  private readonly meshes = new Map<string, Mesh>();
  private readonly lines = new Map<string, readonly Line[]>();
  private photo: HTMLImageElement | null = null;
  private image = new ImageData(1, 1);
  private depth = new Float32Array(1);

  setMesh(name: string, mesh: Mesh | null): void {
    this.meshes.delete(name);
    if (mesh?.indices.length) this.meshes.set(name, mesh);
  }

  setLines(name: string, lines: readonly Line[]): void {
    this.lines.set(name, lines);
  }

  setPhoto(image: HTMLImageElement | null): void {
    this.photo = image;
  }

  /** Hand all that is shown to another painter. */
  giveTo(other: Painter): void {
    for (const [name, mesh] of this.meshes) other.setMesh(name, mesh);
    for (const [name, lines] of this.lines) other.setLines(name, lines);
    other.setPhoto(this.photo);
  }

  draw(drawing: Drawing): void {
    const { width, height } = this.canvas;
    // It is written pixel by pixel: a canvas of the graphics card would have to be fetched for that.
    const context = this.canvas.getContext("2d", { willReadFrequently: true });
    if (!context) return;
    if (this.image.width !== width || this.image.height !== height) {
      this.image = new ImageData(width, height);
      this.depth = new Float32Array(width * height);
    }
    const pixels = this.image.data;
    pixels.fill(0);
    this.depth.fill(1);
    const [left, low, wide, high] = drawing.viewport;
    const top = height - low - high;
    const target = { pixels, depth: this.depth, width, left, right: left + wide, top, bottom: top + high };
    const alpha = Math.round(255 * drawing.opacity);
    if (alpha > 0) for (const mesh of this.meshes.values()) fillMesh(target, mesh, drawing.view, alpha);
    for (const lines of this.lines.values()) {
      for (const line of lines) fillLine(target, line, drawing.view, drawing.lineWidth);
    }
    if (!drawing.photo || !this.photo) {
      context.putImageData(this.image, 0, 0);
      return;
    }
    const layer = new OffscreenCanvas(width, height);
    layer.getContext("2d")?.putImageData(this.image, 0, 0);
    context.clearRect(0, 0, width, height);
    context.drawImage(this.photo, left, top, wide, high);
    context.drawImage(layer, 0, 0);
  }

  close(): void {
    this.meshes.clear();
    this.lines.clear();
    this.canvas.remove();
  }
}
