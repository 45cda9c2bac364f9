// The 3D view: voxels, boxes and cameras, from anywhere or through one of the cameras.

import type { Camera } from "./api";
import { type Cells, sliced } from "./cells";
import { afterPaint, h } from "./dom";
import { WebGlPainter } from "./gl";
import { firstCell } from "./lattice";
import { inverse, lookAt, mat4, multiply, projection, transform, unit, type Vec3 } from "./math";
import { type Mesh, meshCells } from "./mesher";
import { control, eyeOf, kOf, type Pose, viewOf } from "./orbit";
import type { Line, Painter } from "./painter";
import { gridOf, type SceneData, type Volume } from "./scene_data";
import { extent } from "./shapes";
import { SoftwarePainter } from "./software";

export interface Hit {
  cell: number;
  /** The place of the object in the scene's list, -1 for none. */
  object: number;
  classIndex: number;
}

interface Shown {
  data: SceneData;
  volume: Volume;
  cells: Cells;
  /** What is drawn of them. */
  ids: Uint16Array;
}

export interface Slice {
  axis: number; // -1: none
  at: number;
  only: boolean;
}

export class Stage {
  readonly element: HTMLDivElement;
  private readonly screen: HTMLDivElement;
  private painter: Painter;
  private draws = 0;
  private readonly sizes: ResizeObserver;
  private readonly listening = new AbortController();
  private shown: Shown | null = null;
  private cells: Mesh | null = null;
  private pose: Pose = { azimuth: -122, elevation: 27, distance: 9, target: [0, 0, 0.6] };
  private through = -1;
  private opacity = 0.65;
  private queued = 0;
  /** Whether it is known what to show, or that there is nothing. */
  private known = false;
  /** Whether WebGL was asked for. */
  private asked = false;
  /** Faces that are drawn, and those of single cells before they were merged. */
  faces = 0;
  exposed = 0;

  constructor(
    label: string,
    private readonly onPose: (pose: Pose, ended: boolean) => void,
    private readonly onHover: (hit: Hit | null, event: PointerEvent) => void,
    private readonly onPick: (hit: Hit | null) => void,
  ) {
    this.screen = h("div", { class: "stage-screen", tabindex: "0", role: "img", "aria-label": label });
    this.element = h("div", { class: "stage" }, this.screen);
    this.painter = WebGlPainter.kept() ?? new SoftwarePainter();
    this.screen.append(this.painter.canvas);
    this.element.dataset.painter = this.painter instanceof SoftwarePainter ? "software" : "webgl";
    this.sizes = new ResizeObserver(() => this.draw());
    this.sizes.observe(this.element);
    const { signal } = this.listening;
    control(
      this.screen,
      signal,
      () => this.pose,
      (pose, ended) => {
        if (this.through >= 0) return;
        this.pose = pose;
        this.draw();
        this.onPose(pose, ended);
      },
    );
    let pressed: [number, number] | null = null;
    const on = <K extends "pointerdown" | "pointermove" | "pointerleave" | "click">(
      kind: K,
      listener: (event: HTMLElementEventMap[K]) => void,
    ): void => this.screen.addEventListener(kind, listener, { signal });
    on("pointerdown", (event) => {
      pressed = [event.clientX, event.clientY];
    });
    on("pointermove", (event) => {
      if (event.buttons === 0) this.onHover(this.hit(event), event);
    });
    on("pointerleave", (event) => this.onHover(null, event));
    on("click", (event) => {
      if (pressed && Math.hypot(event.clientX - pressed[0], event.clientY - pressed[1]) < 4)
        this.onPick(this.hit(event));
    });
  }

  /** Show cells; null while none are known. */
  setCells(data: SceneData, volume: Volume, cells: Cells | null, slice: Slice): void {
    this.known = true;
    if (!cells) {
      this.shown = null;
      this.cells = null;
      this.painter.setMesh("cells", null);
      this.draw();
      return;
    }
    const lattice = data.lattice(volume);
    const ids = slice.axis < 0 ? cells.ids : sliced(cells.ids, lattice.shape, slice.axis, slice.at, slice.only);
    this.shown = { data, volume, cells, ids };
    const mesh = meshCells(ids, lattice, cells.colors, typeof volume === "number");
    this.cells = mesh;
    this.painter.setMesh("cells", mesh);
    this.faces = mesh.faces;
    this.exposed = mesh.exposed;
    this.element.dataset.faces = String(mesh.faces);
    this.draw();
  }

  setLines(name: string, lines: Line[]): void {
    this.painter.setLines(name, lines);
    this.draw();
  }

  setMesh(name: string, mesh: Mesh | null): void {
    this.painter.setMesh(name, mesh);
    this.draw();
  }

  /** Draw models instead of the cells; null: the cells. */
  setModels(mesh: Mesh | null): void {
    this.setMesh("models", mesh);
    this.painter.setMesh("cells", mesh ? null : this.cells);
  }

  setPose(pose: Pose): void {
    this.pose = pose;
    this.draw();
  }

  /** Look through camera k with its photograph behind, -1: from anywhere. */
  setThrough(k: number, photo: HTMLImageElement | null, opacity: number): void {
    this.through = k;
    this.opacity = opacity;
    this.painter.setPhoto(photo);
    this.element.classList.toggle("through", k >= 0);
    this.draw();
  }

  setOpacity(opacity: number): void {
    this.opacity = opacity;
    this.draw();
  }

  /** A pose from which everything can be seen. */
  static fit(data: SceneData, volume: Volume): Pose {
    const { middle, radius } = extent(data.scene, data.lattice(volume));
    if (volume === "box") return { azimuth: -122, elevation: 27, distance: radius * 3.05, target: middle };
    const frame = data.grids[gridOf(volume)]?.frame;
    if (typeof volume !== "number") {
      const heading = frame ? Math.atan2(frame[1][0], frame[0][0]) * (180 / Math.PI) : 0;
      // Behind the vehicle, above it and to its right.
      return { azimuth: frame ? heading + 180 + 38 : -122, elevation: 33, distance: radius * 2.6, target: middle };
    }
    const camera = data.scene.cameras[volume];
    const back = inverse(mat4(camera.world_to_camera));
    // Behind the camera, above it and to its right.
    const ahead = Math.atan2(back[6], back[2]) * (180 / Math.PI);
    return { azimuth: ahead + 180 + 38, elevation: 33, distance: radius * 3.1, target: middle };
  }

  /** The camera of the running look-through. */
  private get camera(): Camera | null {
    const cameras = this.shown?.data.scene.cameras;
    return cameras && this.through >= 0 ? (cameras[this.through] ?? null) : null;
  }

  draw(): void {
    if (this.queued) return;
    this.queued = requestAnimationFrame(() => {
      this.queued = 0;
      this.drawNow();
    });
  }

  private drawNow(): void {
    if (!this.known || !this.screen.isConnected || this.element.hidden) return;
    const { canvas } = this.painter;
    const ratio = Math.min(window.devicePixelRatio || 1, 2);
    const width = Math.max(1, Math.round(this.element.clientWidth * ratio));
    const height = Math.max(1, Math.round(this.element.clientHeight * ratio));
    if (canvas.width !== width || canvas.height !== height) {
      canvas.width = width;
      canvas.height = height;
    }
    const camera = this.camera;
    const viewport = camera
      ? fitted(camera, width, height)
      : ([0, 0, width, height] as [number, number, number, number]);
    const view = camera ? throughCamera(camera) : viewOf(this.pose, width, height);
    this.painter.draw({
      view,
      viewport,
      opacity: camera ? this.opacity : 1,
      photo: camera !== null,
      lineWidth: 1.6 * ratio,
    });
    this.draws++;
    this.element.dataset.drawn = String(this.draws);
    this.element.dataset.viewport = viewport.map((n) => n / ratio).join(" ");
    if (this.shown) this.useWebGl();
  }

  /** Once the scene is on the screen, draw with WebGL: to begin with that takes the browser up to a second. */
  private useWebGl(): void {
    const before = this.painter;
    if (this.asked || !(before instanceof SoftwarePainter)) return;
    this.asked = true;
    afterPaint(() => {
      if (this.listening.signal.aborted) return;
      try {
        this.painter = new WebGlPainter();
      } catch (error) {
        const reason = error instanceof Error ? error.message : String(error);
        this.element.append(
          h("div", { class: "notice", "data-problem": "webgl" }, `${reason} The 3D view is drawn without it, slowly.`),
        );
        return;
      }
      before.giveTo(this.painter);
      this.drawNow();
      this.screen.replaceChildren(this.painter.canvas);
      before.close();
      this.element.dataset.painter = "webgl";
    });
  }

  /** What is under a pointer. */
  private hit(event: PointerEvent | MouseEvent): Hit | null {
    if (!this.shown) return null;
    const { data, volume, cells, ids } = this.shown;
    const box = this.screen.getBoundingClientRect();
    const [x, y] = [event.clientX - box.left, event.clientY - box.top];
    const camera = this.camera;
    let eye: Vec3;
    let direction: Vec3;
    if (camera) {
      const [left, low, wide, high] = fitted(camera, box.width, box.height);
      const u = ((x - left) / wide) * camera.width;
      const v = ((y - (box.height - low - high)) / high) * camera.height;
      if (u < 0 || v < 0 || u > camera.width || v > camera.height) return null;
      [eye, direction] = ray(camera.K, mat4(camera.world_to_camera), u, v);
    } else {
      const look = lookAt(eyeOf(this.pose), this.pose.target);
      [eye, direction] = ray(kOf(box.width, box.height), look, x, y);
    }
    const lattice = data.lattice(volume);
    const cell = firstCell(ids, lattice, eye, direction, camera ? 40 : this.pose.distance * 4);
    if (cell < 0) return null;
    const [, ny, nz] = lattice.shape;
    const centre = lattice.toWorld(
      Math.floor(cell / (ny * nz)) + 0.5,
      (Math.floor(cell / nz) % ny) + 0.5,
      (cell % nz) + 0.5,
    );
    const classIndex = cells.classOf[cell] - 1;
    return { cell, classIndex, object: data.objectAt(centre, data.scene.classes[classIndex], 0.2) };
  }

  close(): void {
    this.sizes.disconnect();
    this.listening.abort();
    cancelAnimationFrame(this.queued);
    this.painter.close();
  }
}

/** The largest part of a canvas with the aspect ratio of a camera's image, from the lower left. */
function fitted(camera: Camera, width: number, height: number): [number, number, number, number] {
  const factor = Math.min(width / camera.width, height / camera.height);
  const [w, high] = [Math.round(camera.width * factor), Math.round(camera.height * factor)];
  return [Math.round((width - w) / 2), Math.round((height - high) / 2), w, high];
}

function throughCamera(camera: Camera): Float64Array {
  const far = Math.max(camera.frustum.far * 3, 60);
  return multiply(projection(camera.K, camera.width, camera.height, 0.05, far), mat4(camera.world_to_camera));
}

/** The ray through a pixel: where it starts, and its unit vector. */
function ray(k: readonly number[][], toCamera: Float64Array, u: number, v: number): [Vec3, Vec3] {
  const back = inverse(toCamera);
  const y = (v - k[1][2]) / k[1][1];
  const x = (u - k[0][2] - k[0][1] * y) / k[0][0];
  const eye = transform(back, [0, 0, 0]);
  const end = transform(back, [x, y, 1]);
  return [eye, unit([end[0] - eye[0], end[1] - eye[1], end[2] - eye[2]])];
}
