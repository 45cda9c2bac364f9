// One scene's files, each read once and only when it is needed.

import {
  type Camera,
  getBytes,
  getJson,
  imageAddress,
  type NamedGrid,
  type PlacedObject,
  type RunInfo,
  type Scene,
  type SceneAnswer,
} from "./api";
import { boxLattice, frustumLattice, type Lattice, turnedLattice } from "./lattice";
import { inverse, type Mat4, mat4, transform, type Vec3 } from "./math";
import { type Models, readModels } from "./models";
import { type Curves, curvesOf, type Prediction } from "./predictions";
import { type Cast, castBox, castFrustum } from "./rays";

/** "box": the room's grid; a number: that camera's frustum; "grid:3": the fourth of the grids with names. */
export type Volume = "box" | number | `grid:${number}`;

/** The place of a grid with a name in the scene's list, -1 for another volume. */
export const gridOf = (volume: Volume | string): number => {
  const place = /^grid:(\d{1,9})$/.exec(String(volume));
  return place ? Number(place[1]) : -1;
};

/** Labels of cells: of a box grid a bit per class, of a frustum the class + 1. */
export interface Labels {
  bytes: Uint8Array;
  bytesPerCell: number;
  cells: number;
  isBits: boolean;
}

export class SceneData {
  readonly scene: Scene;
  readonly hasMaps: boolean;
  readonly hasObjects: boolean;
  readonly hasVisibility: boolean;
  readonly grids: readonly NamedGrid[];
  readonly faults: readonly string[];
  readonly hasMesh: boolean;
  private readonly abort = new AbortController();
  private readonly waiting = new Map<string, Promise<unknown>>();
  private readonly lattices = new Map<Volume, Lattice>();
  private readonly toObject: Mat4[];

  private constructor(answer: SceneAnswer) {
    this.scene = answer.scene;
    this.hasMaps = answer.maps;
    this.hasObjects = answer.objects;
    this.hasVisibility = answer.visibility;
    this.grids = answer.grids;
    this.faults = answer.faults;
    this.hasMesh = answer.mesh;
    this.toObject = this.scene.objects.map((item) => inverse(mat4(item.matrix)));
  }

  static async open(index: number): Promise<SceneData> {
    return new SceneData(await getJson<SceneAnswer>(`scenes/${index}`));
  }

  /** Begin to read what a page shows at first. */
  readFirst(): void {
    const first = [this.labels(this.firstVolume), ...this.scene.cameras.slice(0, 3).map((_, k) => this.image(k))];
    for (const each of first) each.catch(() => {}); // whoever shows it says why it is not there
  }

  get index(): number {
    return this.scene.index;
  }

  /** What is shown at first: the room's grid, else the first of those with names, else the first camera's frustum. */
  get firstVolume(): Volume {
    if (this.scene.grid) return "box";
    return this.grids.length ? "grid:0" : 0;
  }

  lattice(volume: Volume): Lattice {
    let found = this.lattices.get(volume);
    if (!found) {
      const { grid, cameras } = this.scene;
      const named = this.grids[gridOf(volume)];
      if (named) found = named.frame ? turnedLattice(named.grid, named.frame) : boxLattice(named.grid);
      else found = volume === "box" && grid ? boxLattice(grid) : frustumLattice(cameras[Number(volume) || 0]);
      this.lattices.set(volume, found);
    }
    return found;
  }

  private once<T>(key: string, make: () => Promise<T>): Promise<T> {
    let found = this.waiting.get(key) as Promise<T> | undefined;
    if (!found) {
      found = make();
      this.waiting.set(key, found);
      found.catch(() => this.waiting.delete(key));
    }
    return found;
  }

  private bytes(path: string): Promise<ArrayBuffer> {
    return this.once(path, () => getBytes(`scenes/${this.index}/${path}`, this.abort.signal));
  }

  async labels(volume: Volume): Promise<Labels> {
    const bytes = new Uint8Array(await this.bytes(pathOf(volume, "masks", "frustum", "grid")));
    const [x, y, z] = this.lattice(volume).shape;
    return { bytes, bytesPerCell: bytes.length / (x * y * z), cells: x * y * z, isBits: volume === "box" };
  }

  /** The object of every cell, id + 1; 0 for air. */
  async objectsOf(volume: Volume): Promise<Uint16Array> {
    return new Uint16Array(await this.bytes(pathOf(volume, "objects", "objects", "gridobjects")));
  }

  /** 0 in no view, 1 seen free, 2 a surface in it is seen, 3 hidden or inside. */
  async visibilityOf(volume: Volume): Promise<Uint8Array> {
    return new Uint8Array(await this.bytes(pathOf(volume, "visibility", "visibility", "gridvisibility")));
  }

  /** What run number `run` predicted of a volume. */
  async prediction(run: number, info: RunInfo, volume: Volume): Promise<Prediction> {
    const path = `run/${run}${volume === "box" ? "" : `/${volume}`}`;
    const values = new Uint8Array(await this.bytes(path));
    const [x, y, z] = this.lattice(volume).shape;
    return { kind: info.kind, values, cells: x * y * z };
  }

  /** Its IoU at every threshold. */
  curves(run: number, info: RunInfo, volume: Volume): Promise<Curves> {
    return this.once(`curves ${run} ${volume}`, async () =>
      curvesOf(await this.prediction(run, info, volume), await this.labels(volume), this.scene.classes.length),
    );
  }

  async models(): Promise<Models> {
    return readModels(await this.bytes("mesh"));
  }

  async depth(k: number): Promise<Uint16Array> {
    return new Uint16Array(await this.bytes(`depth/${k}`));
  }

  async instance(k: number): Promise<Uint16Array> {
    return new Uint16Array(await this.bytes(`instance/${k}`));
  }

  imageAddress(k: number): string {
    return imageAddress(`scenes/${this.index}/image/${k}`);
  }

  /** Why camera k's image cannot be shown, in one line. */
  async whyNoImage(k: number): Promise<string> {
    try {
      await getBytes(`scenes/${this.index}/image/${k}`, this.abort.signal);
      return "damaged";
    } catch (error) {
      return error instanceof Error ? error.message : String(error);
    }
  }

  image(k: number): Promise<HTMLImageElement> {
    return this.once(`image ${k}`, async () => {
      const image = new Image();
      image.src = this.imageAddress(k);
      await image.decode().catch(() => {
        throw new Error(`scene ${this.index}: image ${k} cannot be shown`);
      });
      return image;
    });
  }

  /** The labels that camera k can be compared with: the room's, else its own frustum's. */
  volumeSeenBy(k: number): Volume {
    return this.scene.grid ? "box" : k;
  }

  /** The first occupied cell of every pixel of camera k. */
  cast(k: number): Promise<Cast> {
    return this.once(`cast ${k}`, async () => {
      const volume = this.volumeSeenBy(k);
      const labels = await this.labels(volume);
      return this.castThrough(k, occupied(labels));
    });
  }

  castThrough(k: number, ids: Uint16Array): Cast {
    const { grid, cameras } = this.scene;
    const camera: Camera = cameras[k];
    if (grid) return castBox(ids, grid, camera);
    return castFrustum(ids, camera.frustum.size, camera.width, camera.height);
  }

  /** The object in whose box a world point is, of those of one class if it is given; -1 if there is none near. */
  objectAt(point: Vec3, className?: string, margin = 0.06): number {
    let best = -1;
    let least = margin;
    this.scene.objects.forEach((item, n) => {
      if (className !== undefined && item.class !== className) return;
      const distance = outside(item, this.toObject[n], point);
      if (distance < least || (distance <= 0 && least <= 0 && best >= 0 && smaller(item, this.scene.objects[best]))) {
        best = n;
        least = distance;
      }
    });
    return best;
  }

  close(): void {
    this.abort.abort();
  }
}

/** What the server is asked for: of the room's grid, of a camera's frustum, of a grid with a name. */
const pathOf = (volume: Volume, box: string, frustum: string, grid: string): string => {
  if (volume === "box") return box;
  return typeof volume === "number" ? `${frustum}/${volume}` : `${grid}/${gridOf(volume)}`;
};

/** Ids that are 1 where a cell is occupied. */
export function occupied(labels: Labels): Uint16Array {
  const ids = new Uint16Array(labels.cells);
  const { bytes, bytesPerCell } = labels;
  for (let n = 0; n < bytes.length; n++) if (bytes[n]) ids[bytesPerCell === 1 ? n : Math.floor(n / bytesPerCell)] = 1;
  return ids;
}

/** How far a point is outside an object's box, in metres; at most 0 inside. */
function outside(item: PlacedObject, toObject: Mat4, point: Vec3): number {
  const [x, y, z] = transform(toObject, point);
  const [w, d, h] = item.size;
  const size = Math.hypot(item.matrix[0][0], item.matrix[1][0], item.matrix[2][0]);
  return Math.max(Math.abs(x) - w / 2, Math.abs(y) - d / 2, -z, z - h) * size;
}

const smaller = (a: PlacedObject, b: PlacedObject): boolean =>
  a.size[0] * a.size[1] * a.size[2] < b.size[0] * b.size[1] * b.size[2];
