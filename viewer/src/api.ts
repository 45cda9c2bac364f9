// What the server answers, and where the answers come from: the server, or this very page when it was exported.

import type { Vec3 } from "./math";

export interface GridSpec {
  origin: Vec3;
  voxel_size: number;
  shape: Vec3;
}

export interface FrustumSpec {
  near: number;
  far: number;
  size: Vec3;
  hfov_deg: number;
}

export interface Camera {
  name: string;
  width: number;
  height: number;
  K: number[][];
  world_to_camera: number[][];
  frustum: FrustumSpec;
}

export interface PlacedObject {
  id: number;
  class: string;
  asset: string;
  parent: number | null;
  matrix: number[][];
  bbox: { min: Vec3; max: Vec3 };
  size: Vec3;
  visible_pixels: number[];
}

export interface Credit {
  asset: string;
  title: string;
  author: string;
  licence: string;
  source: string;
}

export interface Street {
  length: number;
  road_width: number;
  pavement_width: number;
  crossings: number[];
}

export interface Scene {
  index: number;
  seed: number;
  preset: string;
  split: string;
  classes: string[];
  grid: GridSpec | null;
  room: Vec3 | null;
  cameras: Camera[];
  objects: PlacedObject[];
  skipped: { class: string; asset: string; attempts: number; reason: string }[];
  credits?: Credit[];
  street?: Street;
}

export interface SceneAnswer {
  scene: Scene;
  maps: boolean;
  objects: boolean;
  visibility: boolean;
  grids: NamedGrid[];
  /** Whether the library has its models. */
  mesh: boolean;
  /** What `scenegen verify` found. */
  faults: string[];
}

/** A box grid beside the room's; `frame` takes its axes to the world, null where they are the world's. */
export interface NamedGrid {
  name: string;
  grid: GridSpec;
  frame: number[][] | null;
}

export interface ClassInfo {
  name: string;
  color: Vec3;
}

export interface RunInfo {
  name: string;
  family: string;
  kind: "occupancy" | "masks" | "labels";
  threshold: number | null;
  /** Whether it predicts cameras' frusta, not the room's grid. */
  frustum: boolean;
}

export interface DatasetAnswer {
  name: string;
  preset: string;
  split: string;
  seed: number;
  asked: number;
  views: number;
  packed: boolean;
  maps: boolean;
  depthUnit: number;
  classes: ClassInfo[];
  grid: GridSpec | null;
  version: string;
  runs: RunInfo[];
}

export interface RowsAnswer {
  start: number;
  known: number;
  complete: boolean;
  index: number[];
  objects: number[];
  models: number[][];
  licences: number[][];
  seen: (number | null)[];
  occupied: (number | null)[];
  seconds: (number | null)[];
  damage: Record<string, string>;
  faults: Record<string, string[]>;
  modelNames: string[];
  licenceNames: string[];
}

type Embedded = Record<string, { kind: string; content: string }>;

let embedded: Embedded | null = null;

/** Read what an exported page holds. */
export function readEmbedded(): void {
  const text = document.getElementById("embedded")?.textContent?.trim();
  embedded = text && text !== "null" ? (JSON.parse(text) as Embedded) : null;
}

export const isExported = (): boolean => embedded !== null;

/** Bytes by path; an Error says in one line why there are none. */
export async function getBytes(path: string, signal?: AbortSignal): Promise<ArrayBuffer> {
  if (embedded) return unpack(path, embedded);
  let response: Response;
  try {
    response = await fetch(`api/${path}`, { signal });
  } catch (error) {
    if (signal?.aborted) throw error;
    throw new Error("The server does not answer: `scenegen view` has ended. Start it again, then reload this page.");
  }
  if (!response.ok) throw new Error(await reason(response));
  return response.arrayBuffer();
}

export async function getJson<T>(path: string, signal?: AbortSignal): Promise<T> {
  return JSON.parse(new TextDecoder().decode(await getBytes(path, signal))) as T;
}

/** An address for <img>. */
export function imageAddress(path: string): string {
  if (!embedded) return `api/${path}`;
  const found = embedded[path];
  return found ? `data:${found.kind};base64,${found.content}` : "data:,";
}

export const has = (path: string): boolean => !embedded || path in embedded;

async function reason(response: Response): Promise<string> {
  const text = await response.text();
  try {
    return (JSON.parse(text) as { error: string }).error;
  } catch {
    return text || `The server answered ${response.status}.`;
  }
}

async function unpack(path: string, from: Embedded): Promise<ArrayBuffer> {
  const found = from[path];
  if (!found) throw new Error("This page was exported without it.");
  const bytes = Uint8Array.from(atob(found.content), (letter) => letter.charCodeAt(0));
  if (found.kind !== "application/gzip") return bytes.buffer;
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  return new Response(stream).arrayBuffer();
}
