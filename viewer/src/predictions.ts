// What a run predicted of a scene, beside the truth: cells in the colours of classes or of right, false and missing.

import type { ClassInfo, RunInfo } from "./api";
import type { Cells } from "./cells";
import type { Vec3 } from "./math";
import { classColors, verdictColors } from "./palette";
import type { Labels } from "./scene_data";

/** Hundredths of probability by channel, or of labels the class + 1 of every cell. */
export interface Prediction {
  kind: "occupancy" | "masks" | "labels";
  values: Uint8Array;
  cells: number;
}

export const STEPS = 100;
const NEUTRAL: Vec3 = [158, 168, 190];
/** Of a prediction that knows no classes. */

/** Whether a cell is truly of class c. */
function isTrue(labels: Labels, cell: number, c: number): boolean {
  if (!labels.isBits) return labels.bytes[cell] === c + 1;
  return ((labels.bytes[cell * labels.bytesPerCell + (c >> 3)] >> (c & 7)) & 1) === 1;
}

function isOccupied(labels: Labels, cell: number): boolean {
  for (let n = 0; n < labels.bytesPerCell; n++) if (labels.bytes[cell * labels.bytesPerCell + n]) return true;
  return false;
}

/** The likeliest predicted class + 1 of every cell that reaches the threshold (in hundredths), 0 for air. */
export function predictedClass(
  { kind, values, cells }: Prediction,
  threshold: number,
  classes: number,
  hidden: ReadonlySet<number>,
): Uint8Array {
  const out = new Uint8Array(cells);
  if (kind === "labels") {
    for (let cell = 0; cell < cells; cell++)
      if (values[cell] && !hidden.has(values[cell] - 1)) out[cell] = values[cell];
    return out;
  }
  if (kind === "occupancy") {
    for (let cell = 0; cell < cells; cell++) if (values[cell] >= threshold) out[cell] = classes + 1;
    return out;
  }
  const best = new Uint8Array(cells);
  for (let c = 0; c < classes; c++) {
    if (hidden.has(c)) continue;
    for (let cell = 0, at = c * cells; cell < cells; cell++, at++) {
      if (values[at] < threshold || (out[cell] && values[at] <= best[cell])) continue;
      out[cell] = c + 1;
      best[cell] = values[at];
    }
  }
  return out;
}

export function predictedCells(classOf: Uint8Array, classes: readonly ClassInfo[]): Cells {
  return { ids: Uint16Array.from(classOf), colors: [...classColors(classes), NEUTRAL], classOf };
}

/** Cells that are right (1: some class is both true and predicted), false (2) or missing (3). */
export function verdictCells(
  prediction: Prediction,
  labels: Labels,
  threshold: number,
  classes: number,
  hidden: ReadonlySet<number>,
): Cells {
  const { kind, values, cells } = prediction;
  const predicted = predictedClass(prediction, threshold, classes, hidden);
  const ids = new Uint16Array(cells);
  const classOf = new Uint8Array(cells);
  const shown = Array.from({ length: classes }, (_, c) => c).filter((c) => !hidden.has(c));
  for (let cell = 0; cell < cells; cell++) {
    const found = predicted[cell];
    const occupied = isOccupied(labels, cell);
    if (!found && !occupied) continue;
    let truth = 0;
    let right = false;
    if (occupied) {
      for (const c of shown) {
        if (!isTrue(labels, cell, c)) continue;
        truth = c + 1;
        right ||= kind === "masks" ? values[c * cells + cell] >= threshold : found === c + 1 || kind === "occupancy";
      }
    }
    if (truth && found && right) ids[cell] = 1;
    else if (found) ids[cell] = 2;
    else if (truth) ids[cell] = 3;
    classOf[cell] = truth || found;
  }
  return { ids, colors: verdictColors(), classOf };
}

/** IoU at the thresholds 0, .01, ... 1, over all classes together and of each; of labels one value each. */
export interface Curves {
  overall: Float64Array;
  classes: Float64Array[];
}

export function curvesOf({ kind, values, cells }: Prediction, labels: Labels, classes: number): Curves {
  const channels = kind === "occupancy" ? 1 : classes;
  const steps = kind === "labels" ? 1 : STEPS + 1;
  const sums = { hit: new Float64Array(steps), union: new Float64Array(steps) };
  const each: Float64Array[] = [];
  for (let c = 0; c < channels; c++) {
    const [hits, falses] = [new Float64Array(steps), new Float64Array(steps)];
    let truths = 0;
    for (let cell = 0; cell < cells; cell++) {
      const truth = kind === "occupancy" ? isOccupied(labels, cell) : isTrue(labels, cell, c);
      if (truth) truths++;
      if (kind === "labels") {
        if (values[cell] === c + 1) (truth ? hits : falses)[0]++;
      } else (truth ? hits : falses)[Math.min(values[c * cells + cell], STEPS)]++;
    }
    const iou = new Float64Array(steps);
    let [hit, wrong] = [0, 0];
    for (let step = steps - 1; step >= 0; step--) {
      hit += hits[step];
      wrong += falses[step];
      const union = truths + wrong;
      iou[step] = union ? hit / union : Number.NaN;
      sums.hit[step] += hit;
      sums.union[step] += union;
    }
    each.push(iou);
  }
  return { overall: sums.hit.map((hit, n) => (sums.union[n] ? hit / sums.union[n] : Number.NaN)), classes: each };
}

export const runThreshold = (run: RunInfo): number => run.threshold ?? 0.5;
