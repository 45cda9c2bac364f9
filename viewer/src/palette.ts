// Colours: the paper's, which previews and reports share, and a palette that the colour-blind can tell apart.

import type { ClassInfo } from "./api";
import type { Vec3 } from "./math";
import { state } from "./state";

/** Okabe and Ito (2008), then greys and browns of other brightness for more classes. */
const SAFE: Vec3[] = [
  [213, 94, 0],
  [0, 114, 178],
  [0, 158, 115],
  [240, 228, 66],
  [204, 121, 167],
  [86, 180, 233],
  [230, 159, 0],
  [153, 153, 153],
  [102, 76, 50],
  [225, 225, 225],
  [90, 60, 130],
  [60, 80, 60],
];

export const SEEN: Vec3[] = [
  [72, 190, 168],
  [238, 158, 62],
  [122, 126, 142],
  [170, 214, 250],
];
export const SEEN_NAMES = [
  "seen by a camera",
  "in view, but hidden",
  "outside every view",
  "seen through: partly free",
];

export const VERDICT: Vec3[] = [
  [120, 190, 132],
  [232, 84, 74],
  [86, 140, 245],
];
export const VERDICT_SAFE: Vec3[] = [
  [170, 176, 186],
  [230, 120, 0],
  [40, 120, 220],
];
export const VERDICT_NAMES = ["right", "false: predicted, but not there", "missing: there, but not predicted"];

export const classColors = (classes: readonly ClassInfo[]): Vec3[] =>
  classes.map((item, n) => (state.palette === "safe" ? SAFE[n % SAFE.length] : item.color));

export const verdictColors = (): Vec3[] => (state.palette === "safe" ? VERDICT_SAFE : VERDICT);

/** Object n's own colour: hues that turn by the golden angle, in three brightnesses. */
export function objectColor(n: number): Vec3 {
  const hue = (n * 137.508) % 360;
  return fromHsl(hue, 0.62, [0.58, 0.7, 0.48][n % 3]);
}

function fromHsl(hue: number, saturation: number, lightness: number): Vec3 {
  const chroma = saturation * Math.min(lightness, 1 - lightness);
  const part = (n: number): number => {
    const k = (n + hue / 30) % 12;
    return Math.round(255 * (lightness - chroma * Math.max(-1, Math.min(k - 3, 9 - k, 1))));
  };
  return [part(0), part(8), part(4)];
}

export const css = (color: Vec3): string => `rgb(${color[0]} ${color[1]} ${color[2]})`;

const DEPTHS: Vec3[] = [
  [252, 253, 191],
  [254, 187, 129],
  [248, 118, 92],
  [211, 67, 110],
  [148, 44, 128],
  [81, 18, 124],
  [20, 14, 54],
];

/** Near (0) bright, far (1) dark; the previews' ramp, which rises in brightness and so suits every eye. */
export function depthColor(place: number): Vec3 {
  const at = Math.min(Math.max(place, 0), 1) * (DEPTHS.length - 1);
  const low = Math.min(Math.floor(at), DEPTHS.length - 2);
  const part = at - low;
  const mix = (c: number): number => DEPTHS[low][c] * (1 - part) + DEPTHS[low + 1][c] * part;
  return [mix(0), mix(1), mix(2)];
}
