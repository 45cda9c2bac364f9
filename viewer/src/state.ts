// What is shown, in the address: whoever opens the same address sees the same.

export interface State {
  scene: number; // -1: the overview; LOST: the address is none of the page's
  // the overview
  search: string;
  sort: string;
  classes: string; // indices, comma-separated: scenes that show all of them
  least: number;
  most: number;
  model: string;
  licence: string;
  split: string;
  slow: number; // seconds that it took at least
  faults: boolean;
  // a scene
  color: string;
  hidden: string; // indices of classes, comma-separated
  overlay: string;
  through: number; // a camera's number; -1: the orbit
  volume: string; // "box", or a camera's number
  boxes: boolean;
  frusta: boolean;
  axes: boolean;
  mesh: boolean;
  opacity: number;
  slice: string;
  at: number;
  only: boolean;
  orbit: string;
  object: number;
  palette: string;
  // runs
  compare: string; // "truth", "prediction", "errors", "side"
  run: number;
  other: number; // the run on the left side; -1: the truth
  threshold: number; // -1: that of the run
}

export const LOST = -2;

export const DEFAULTS: State = {
  scene: -1,
  search: "",
  sort: "index",
  classes: "",
  least: 0,
  most: 0,
  model: "",
  licence: "",
  split: "",
  slow: 0,
  faults: false,
  color: "class",
  hidden: "",
  overlay: "none",
  through: -1,
  volume: "",
  boxes: false,
  frusta: true,
  axes: false,
  mesh: false,
  opacity: 0.65,
  slice: "",
  at: 0,
  only: false,
  orbit: "",
  object: -1,
  palette: "paper",
  compare: "truth",
  run: 0,
  other: -1,
  threshold: -1,
};

type Key = keyof State;
type Listener = (changed: Set<Key>) => void;

export const state: State = { ...DEFAULTS };
const listeners = new Set<Listener>();

export function listen(listener: Listener): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

/** Change what is shown. `step`: the browser's Back returns to what was shown before. */
export function update(change: Partial<State>, step = false): void {
  const changed = assign(change);
  if (!changed.size) return;
  const address = `#${toAddress(state)}`;
  if (step) history.pushState(null, "", address);
  else history.replaceState(null, "", address);
  for (const listener of [...listeners]) listener(changed);
}

/** Show what the address says. */
export function readAddress(): void {
  const changed = assign({ ...DEFAULTS, ...fromAddress(location.hash.slice(1)) });
  for (const listener of [...listeners]) listener(changed);
}

function assign(change: Partial<State>): Set<Key> {
  const changed = new Set<Key>();
  for (const key of Object.keys(change) as Key[]) {
    if (state[key] === change[key]) continue;
    (state as unknown as Record<string, unknown>)[key] = change[key];
    changed.add(key);
  }
  return changed;
}

export function toAddress(shown: State): string {
  const query = new URLSearchParams();
  for (const key of Object.keys(DEFAULTS) as Key[]) {
    if (key === "scene" || shown[key] === DEFAULTS[key]) continue;
    query.set(key, typeof shown[key] === "boolean" ? (shown[key] ? "1" : "0") : String(shown[key]));
  }
  const text = query.toString().replaceAll("%2C", ",");
  return `/${shown.scene < 0 ? "" : `scene/${shown.scene}`}${text ? `?${text}` : ""}`;
}

export function fromAddress(address: string): Partial<State> {
  const [path, query = ""] = address.split("?");
  const found: Record<string, unknown> = {};
  const match = /^\/?scene\/(\d{1,15})\/?$/.exec(path);
  if (match) found.scene = Number(match[1]);
  else if (path !== "" && path !== "/") found.scene = LOST;
  for (const [key, text] of new URLSearchParams(query)) {
    if (!(key in DEFAULTS) || key === "scene") continue;
    const kind = typeof DEFAULTS[key as Key];
    if (kind === "boolean") found[key] = text === "1";
    else if (kind === "string") found[key] = text;
    else if (text !== "" && Number.isFinite(Number(text))) found[key] = Number(text);
  }
  return found as Partial<State>;
}

export const numbers = (text: string): number[] =>
  text
    .split(",")
    .filter((part) => part !== "")
    .map(Number)
    .filter(Number.isInteger);
