// Controls to compare runs with the truth: what is shown, which run, and the threshold with IoU beside it.

import type { RunInfo } from "./api";
import { h, Segmented, s } from "./dom";
import { css, VERDICT_NAMES, verdictColors } from "./palette";
import { type Curves, runThreshold, STEPS } from "./predictions";
import { state, update } from "./state";

const MODES = [
  { value: "truth", label: "Truth", title: "The labels" },
  { value: "prediction", label: "Prediction", title: "What the run predicts" },
  { value: "errors", label: "Errors", title: "Right, false and missing voxels (E)" },
  { value: "side", label: "Side by side", title: "Two views with one camera (S)" },
];
const [WIDE, HIGH] = [150, 30];

/** The threshold in hundredths that the state asks for. */
export function thresholdOf(run: RunInfo): number {
  return Math.round((state.threshold >= 0 ? state.threshold : runThreshold(run)) * STEPS);
}

export class CompareBar {
  readonly element: HTMLElement;
  readonly keys = h("div", { class: "stage-keys", hidden: true });
  private readonly modes = new Segmented("Compare", MODES, (compare) => update({ compare }));
  private readonly run: HTMLSelectElement;
  private readonly other: HTMLSelectElement;
  private readonly range: HTMLInputElement;
  private readonly threshold: HTMLElement;
  private readonly value = h("output", { class: "number" });
  private readonly score = h("output", { class: "score" });
  private readonly curve = s("polyline", { class: "curve" });
  private readonly mark = s("line", { class: "curve-mark", y1: 0, y2: HIGH });

  constructor(private readonly runs: readonly RunInfo[]) {
    this.run = h(
      "select",
      { "aria-label": "Run", onchange: () => update({ run: Number(this.run.value) }) },
      ...runs.map((run, n) => h("option", { value: n }, run.name)),
    );
    this.other = h(
      "select",
      { "aria-label": "Beside it", onchange: () => update({ other: Number(this.other.value) }) },
      h("option", { value: -1 }, "beside truth"),
      ...runs.map((run, n) => h("option", { value: n }, `beside ${run.name}`)),
    );
    this.range = h("input", {
      type: "range",
      min: 0,
      max: 1,
      step: 0.01,
      "aria-label": "Threshold",
      oninput: () => update({ threshold: Number(this.range.value) }),
    });
    this.threshold = h(
      "label",
      {
        class: "threshold",
        title: "From which probability on a voxel counts as predicted; double-click for the run's own",
      },
      "Threshold",
      h(
        "span",
        { class: "curve-frame" },
        s(
          "svg",
          { viewBox: `0 0 ${WIDE} ${HIGH}`, preserveAspectRatio: "none", "aria-hidden": "true" },
          this.curve,
          this.mark,
        ),
        this.range,
      ),
      this.value,
    );
    this.threshold.addEventListener("dblclick", () => update({ threshold: -1 }));
    this.element = h(
      "div",
      { class: "bar bar-compare" },
      this.modes.element,
      runs.length > 1 ? this.run : h("span", { class: "run-name" }, runs[0].name),
      this.other,
      h("span", { class: "grow" }),
      this.threshold,
      this.score,
    );
  }

  get chosen(): RunInfo {
    return this.runs[state.run] ?? this.runs[0];
  }

  get chosenIndex(): number {
    return this.runs[state.run] ? state.run : 0;
  }

  /** Bring the controls in line with the state; `curves` are those of the scene, once they are known. */
  show(curves: Curves | null): void {
    const run = this.chosen;
    const threshold = thresholdOf(run);
    this.modes.value = state.compare;
    this.run.value = String(this.chosenIndex);
    this.other.value = String(state.other);
    this.other.hidden = state.compare !== "side" || this.runs.length < 2;
    this.threshold.hidden = run.kind === "labels";
    this.range.value = String(threshold / STEPS);
    this.value.textContent = (threshold / STEPS).toFixed(2);
    const iou = curves?.overall[run.kind === "labels" ? 0 : threshold];
    this.score.textContent = iou === undefined ? "IoU …" : Number.isNaN(iou) ? "IoU –" : `IoU ${iou.toFixed(3)}`;
    if (curves && curves.overall.length > 1) {
      const top = Math.max(...[...curves.overall].filter((value) => !Number.isNaN(value)), 0.01);
      const place = (value: number, n: number): string =>
        `${((n / STEPS) * WIDE).toFixed(1)},${(HIGH - 2 - ((value || 0) / top) * (HIGH - 4)).toFixed(1)}`;
      this.curve.setAttribute("points", Array.from(curves.overall, place).join(" "));
    }
    const x = (threshold / STEPS) * WIDE;
    this.mark.setAttribute("x1", String(x));
    this.mark.setAttribute("x2", String(x));
    this.keys.hidden = state.compare !== "errors" && !(state.compare === "side" && state.other >= 0);
    this.keys.replaceChildren(
      ...VERDICT_NAMES.map((name, n) =>
        h("span", { class: "key" }, h("i", { class: "swatch", style: `background:${css(verdictColors()[n])}` }), name),
      ),
    );
  }
}
