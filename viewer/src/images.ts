// A camera's image with labels over it, at its own resolution: whether they sit on the image can be judged by eye.

import type { ClassInfo } from "./api";
import { classOfCells } from "./cells";
import { h } from "./dom";
import { mat4, transform, type Vec3 } from "./math";
import { classColors, depthColor, objectColor } from "./palette";
import type { Cast } from "./rays";
import type { SceneData } from "./scene_data";
import { boxCorners } from "./shapes";

export const OVERLAYS = [
  { value: "none", label: "Photo" },
  { value: "instance", label: "Objects", title: "Each object in a colour of its own" },
  { value: "class", label: "Classes", title: "Each class in its colour" },
  { value: "depth", label: "Depth", title: "Near is bright, far is dark" },
  { value: "boxes", label: "Boxes", title: "The edges of the objects' boxes" },
  { value: "voxels", label: "Voxels", title: "The voxels as the camera sees them" },
];

const SIDES = [0.74, 0.86, 1.0];

export interface Pointed {
  object: number;
  camera: number;
  u: number;
  v: number;
  depth: number | null;
}

export class ImageTile {
  readonly element: HTMLElement;
  private readonly image: HTMLImageElement;
  private readonly labels: HTMLCanvasElement;
  private readonly lines: HTMLCanvasElement;
  private readonly caption: HTMLElement;
  private readonly frame: HTMLDivElement;
  private wanted = "";
  private visible = false;

  constructor(
    private readonly data: SceneData,
    private readonly k: number,
    private readonly classes: readonly ClassInfo[],
    private readonly depthUnit: number,
    onHover: (pointed: Pointed | null, event: PointerEvent) => void,
    onOpen: () => void,
  ) {
    const camera = data.scene.cameras[k];
    this.image = h("img", {
      src: data.imageAddress(k),
      alt: altText(data, k),
      width: camera.width,
      height: camera.height,
      loading: k < 3 ? "eager" : "lazy",
      decoding: "async",
      draggable: "false",
    });
    this.labels = h("canvas", { class: "labels", "aria-hidden": "true" });
    this.lines = h("canvas", { class: "lines", "aria-hidden": "true" });
    this.caption = h("span", { class: "note" });
    this.frame = h(
      "div",
      { class: "frame", style: `aspect-ratio:${camera.width}/${camera.height}` },
      this.image,
      this.labels,
      this.lines,
    );
    this.image.addEventListener("error", () => void this.onBroken());
    this.element = h(
      "figure",
      { class: "tile", "data-camera": k },
      h(
        "button",
        { type: "button", class: "tile-button", title: "Look through this camera", onclick: onOpen },
        this.frame,
      ),
      h("figcaption", {}, h("span", { class: "camera-name" }, camera.name.replaceAll("_", " ")), this.caption),
    );
    this.frame.addEventListener("pointermove", (event) => {
      const box = this.frame.getBoundingClientRect();
      const u = Math.floor(((event.clientX - box.left) / box.width) * camera.width);
      const v = Math.floor(((event.clientY - box.top) / box.height) * camera.height);
      void this.pointAt(u, v).then((pointed) => onHover(pointed, event));
    });
    this.frame.addEventListener("pointerleave", (event) => onHover(null, event));
    new IntersectionObserver((entries) => {
      this.visible = entries.some((entry) => entry.isIntersecting);
      if (this.visible) void this.draw();
    }).observe(this.element);
  }

  private async onBroken(): Promise<void> {
    this.frame.classList.add("broken");
    this.problem = await this.data.whyNoImage(this.k);
    this.caption.textContent = this.problem;
  }

  set chosen(value: boolean) {
    this.element.classList.toggle("chosen", value);
  }

  /** Draw an overlay over the image; of objects, one may be marked. `key` says what else it depends on. */
  show(overlay: string, marked: number, hidden: ReadonlySet<number>, key: string): void {
    const wanted = `${overlay}|${marked}|${key}`;
    if (this.wanted === wanted) return;
    this.wanted = wanted;
    this.overlay = overlay;
    this.marked = marked;
    this.hidden = hidden;
    if (this.visible) void this.draw();
  }

  private problem = "";
  private overlay = "none";
  private marked = -1;
  private hidden: ReadonlySet<number> = new Set();
  private drawn = "";

  private async draw(): Promise<void> {
    if (this.drawn === this.wanted) return;
    const wanted = this.wanted;
    try {
      const pixels = await this.paint();
      if (wanted !== this.wanted) return;
      this.drawn = wanted;
      this.put(pixels);
      this.drawBoxes();
      this.element.dataset.overlay = this.overlay;
    } catch (error) {
      if (wanted === this.wanted) this.caption.textContent = error instanceof Error ? error.message : String(error);
    }
  }

  private put(pixels: ImageData | null): void {
    this.labels.width = pixels?.width ?? 1;
    this.labels.height = pixels?.height ?? 1;
    if (pixels) this.labels.getContext("2d")?.putImageData(pixels, 0, 0);
    this.frame.classList.toggle("dimmed", this.overlay === "instance" || this.overlay === "class");
  }

  private async paint(): Promise<ImageData | null> {
    const { width, height } = this.data.scene.cameras[this.k];
    this.caption.textContent = this.problem;
    if (this.overlay === "none" || this.overlay === "boxes") return null;
    const pixels = new ImageData(width, height);
    if (this.overlay === "depth") await this.paintDepth(pixels);
    else if (this.overlay === "voxels") await this.paintVoxels(pixels);
    else await this.paintObjects(pixels, this.overlay === "class");
    return pixels;
  }

  private async paintObjects(pixels: ImageData, ofClass: boolean): Promise<void> {
    const { scene } = this.data;
    const ids = await this.objectIds();
    if (!this.data.hasMaps) this.caption.textContent = "from voxels";
    const colors = classColors(this.classes);
    const table = scene.objects.map((item, n) =>
      ofClass ? colors[scene.classes.indexOf(item.class)] : objectColor(n),
    );
    const gone = scene.objects.map((item) => this.hidden.has(scene.classes.indexOf(item.class)));
    const { width, data: out } = pixels;
    for (let n = 0; n < ids.length; n++) {
      const object = ids[n] - 1;
      if (object < 0 || gone[object]) continue;
      const edge =
        ids[n] !== ids[n - 1] || ids[n] !== ids[n - width] || ids[n] !== ids[n + 1] || ids[n] !== ids[n + width];
      set(out, n, edge ? lighter(table[object]) : table[object], edge ? 255 : 150);
    }
  }

  private async paintDepth(pixels: ImageData): Promise<void> {
    const depth = await this.depth();
    const known = Array.from(depth)
      .filter((metres) => metres > 0 && Number.isFinite(metres))
      .sort((a, b) => a - b);
    const near = known[Math.floor(known.length * 0.005)] ?? 0;
    const far = known[Math.floor(known.length * 0.995)] ?? 1;
    for (let n = 0; n < depth.length; n++) {
      if (depth[n] > 0) set(pixels.data, n, depthColor((depth[n] - near) / Math.max(far - near, 1e-6)), 255);
      else set(pixels.data, n, [8, 8, 12], 255);
    }
    this.caption.textContent = `${near.toFixed(2)} to ${far.toFixed(2)} m${this.data.hasMaps ? "" : ", from voxels"}`;
  }

  private async paintVoxels(pixels: ImageData): Promise<void> {
    const volume = this.data.volumeSeenBy(this.k);
    const labels = await this.data.labels(volume);
    const classOf = classOfCells(labels, this.classes.length, this.hidden);
    const cast: Cast = this.hidden.size
      ? this.data.castThrough(this.k, Uint16Array.from(classOf))
      : await this.data.cast(this.k);
    const colors = classColors(this.classes);
    const { cells, sides } = cast;
    for (let n = 0; n < cells.length; n++) {
      if (cells[n] < 0) continue;
      const shade = SIDES[sides[n]] * (cells[n] !== cells[n - 1] || cells[n] !== cells[n - cast.width] ? 0.86 : 1);
      const [r, g, b] = colors[classOf[cells[n]] - 1];
      set(pixels.data, n, [r * shade, g * shade, b * shade], 185);
    }
  }

  /** Object + 1 of every pixel: of the instance map, or without maps of the voxels that it shows. */
  private objectIds(): Promise<Uint16Array> {
    this.ids ??= this.readObjectIds();
    this.ids.catch(() => {
      this.ids = null;
    });
    return this.ids;
  }

  private ids: Promise<Uint16Array> | null = null;

  private async readObjectIds(): Promise<Uint16Array> {
    if (this.data.hasMaps) {
      const places = new Map(this.data.scene.objects.map((item, n) => [item.id, n]));
      return (await this.data.instance(this.k)).map((id) => (id ? (places.get(id - 1) ?? -1) + 1 : 0));
    }
    const cast = await this.data.cast(this.k);
    const out = new Uint16Array(cast.cells.length);
    const known = new Map<number, number>();
    for (let n = 0; n < out.length; n++) {
      const cell = cast.cells[n];
      if (cell < 0) continue;
      let object = known.get(cell);
      if (object === undefined) known.set(cell, (object = await this.objectOfCell(cell)));
      out[n] = object + 1;
    }
    return out;
  }

  private async objectOfCell(cell: number): Promise<number> {
    const volume = this.data.volumeSeenBy(this.k);
    const labels = await this.data.labels(volume);
    const classOf = this.classOf ?? classOfCells(labels, this.classes.length, new Set());
    this.classOf = classOf;
    return this.data.objectAt(this.centre(cell), this.data.scene.classes[classOf[cell] - 1], 0.2);
  }

  private classOf: Uint8Array | null = null;

  private centre(cell: number): Vec3 {
    const lattice = this.data.lattice(this.data.volumeSeenBy(this.k));
    const [, ny, nz] = lattice.shape;
    const i = Math.floor(cell / (ny * nz));
    return lattice.toWorld(i + 0.5, (Math.floor(cell / nz) % ny) + 0.5, (cell % nz) + 0.5);
  }

  /** Metres along the optical axis, 0 where nothing is known. */
  private async depth(): Promise<Float32Array> {
    if (this.data.hasMaps) {
      const steps = await this.data.depth(this.k);
      return Float32Array.from(steps, (step) => (step === 65535 ? Number.POSITIVE_INFINITY : step * this.depthUnit));
    }
    const cast = await this.data.cast(this.k);
    const toCamera = mat4(this.data.scene.cameras[this.k].world_to_camera);
    return Float32Array.from(cast.cells, (cell) => (cell < 0 ? 0 : transform(toCamera, this.centre(cell))[2]));
  }

  private drawBoxes(): void {
    const camera = this.data.scene.cameras[this.k];
    const factor = Math.max(2, Math.ceil(720 / camera.width));
    const shown = this.overlay === "boxes" || this.marked >= 0;
    this.lines.width = shown ? camera.width * factor : 1;
    this.lines.height = shown ? camera.height * factor : 1;
    const context = this.lines.getContext("2d");
    if (!shown || !context) return;
    context.scale(factor, factor);
    const toCamera = mat4(camera.world_to_camera);
    const colors = classColors(this.classes);
    this.data.scene.objects.forEach((item, n) => {
      const c = this.data.scene.classes.indexOf(item.class);
      if (n !== this.marked && (this.overlay !== "boxes" || this.hidden.has(c))) return;
      const corners = boxCorners(item).map((corner) => transform(toCamera, corner));
      context.beginPath();
      for (const [a, b] of BOX_EDGES) {
        const ends = clip(corners[a], corners[b]);
        if (!ends) continue;
        const [p, q] = ends.map(([x, y, z]) => [
          (camera.K[0][0] * x + camera.K[0][1] * y) / z + camera.K[0][2],
          (camera.K[1][1] * y) / z + camera.K[1][2],
        ]);
        context.moveTo(p[0], p[1]);
        context.lineTo(q[0], q[1]);
      }
      const [r, g, b] = colors[c];
      const width = camera.width / 224;
      context.lineWidth = (n === this.marked ? 2.6 : 1.9) * width;
      context.strokeStyle = "rgb(0 0 0 / 55%)";
      context.stroke();
      context.lineWidth = (n === this.marked ? 1.5 : 1) * width;
      context.strokeStyle = n === this.marked ? "#fff" : `rgb(${r} ${g} ${b})`;
      context.stroke();
    });
  }

  private async pointAt(u: number, v: number): Promise<Pointed | null> {
    const { width, height } = this.data.scene.cameras[this.k];
    if (u < 0 || v < 0 || u >= width || v >= height) return null;
    const n = v * width + u;
    let object = -1;
    let depth: number | null = null;
    if (this.data.hasMaps) {
      object = (await this.objectIds())[n] - 1;
      depth = (await this.data.depth(this.k))[n] * this.depthUnit;
    } else {
      const cell = (await this.data.cast(this.k)).cells[n];
      if (cell >= 0) object = await this.objectOfCell(cell);
    }
    return { object, camera: this.k, u, v, depth };
  }
}

const BOX_EDGES = [
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
const NEAR = 0.02;

/** The part of a line that is before a camera. */
function clip(a: Vec3, b: Vec3): [Vec3, Vec3] | null {
  if (a[2] < NEAR && b[2] < NEAR) return null;
  const cut = (from: Vec3, to: Vec3): Vec3 => {
    const t = (NEAR - from[2]) / (to[2] - from[2]);
    return [from[0] + t * (to[0] - from[0]), from[1] + t * (to[1] - from[1]), NEAR];
  };
  return [a[2] < NEAR ? cut(a, b) : a, b[2] < NEAR ? cut(b, a) : b];
}

function set(out: Uint8ClampedArray, n: number, color: Vec3, alpha: number): void {
  out[4 * n] = color[0];
  out[4 * n + 1] = color[1];
  out[4 * n + 2] = color[2];
  out[4 * n + 3] = alpha;
}

const lighter = (color: Vec3): Vec3 => [
  color[0] + (255 - color[0]) * 0.55,
  color[1] + (255 - color[1]) * 0.55,
  color[2] + (255 - color[2]) * 0.55,
];

/** What an image shows, in words: "Scene 12, camera south west: 2 chairs, 1 table". */
export function altText(data: SceneData, k: number): string {
  const { scene } = data;
  const counts = new Map<string, number>();
  for (const item of scene.objects) {
    if (item.visible_pixels.length && !item.visible_pixels[k]) continue;
    counts.set(item.class, (counts.get(item.class) ?? 0) + 1);
  }
  const shown = [...counts].map(([name, count]) => `${count} ${name}`).join(", ");
  return `Scene ${scene.index}, camera ${scene.cameras[k].name.replaceAll("_", " ")}: ${shown || "no objects"}`;
}
