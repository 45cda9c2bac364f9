// Keys, and the page that lists them.

import { h } from "./dom";
import { OVERLAYS } from "./images";
import { state, update } from "./state";

const KEYS: [string, string][] = [
  ["← →", "the scene before, the next one"],
  ["Esc", "all scenes"],
  ["/", "search"],
  ["0", "orbit"],
  ["1 to 9", "look through a camera"],
  ["C  I  V", "colour by class, object, visibility"],
  ["E  S", "a run's errors; truth and run side by side"],
  ["O", "the next overlay on the images"],
  ["B  A  F", "boxes, axes, cameras"],
  ["M", "models instead of voxels, where the library is at hand"],
  ["X  Y  Z", "cut along an axis"],
  ["[  ]", "move the cut"],
  ["L", "one layer"],
  ["R", "the first view again"],
  ["P", "the paper's colours, or those for the colour-blind"],
  ["T", "dark or light"],
  ["?", "this list"],
];

interface Target {
  step(by: number): void;
  leave(): void;
  turnPalette(): void;
  turnTheme(): void;
}

export function onKey(event: KeyboardEvent, app: Target): void {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const typing =
    event.target instanceof Element &&
    event.target.matches("input:not([type=range], [type=checkbox]), select, textarea");
  if (event.key === "Escape") {
    if (typing) (event.target as HTMLElement).blur();
    else if (!document.querySelector("dialog[open]")) app.leave();
    return;
  }
  if (typing) return;
  const action = (state.scene < 0 ? overviewKey : sceneKey)(event.key, app) ?? anyKey(event.key, app);
  if (!action) return;
  event.preventDefault();
  action();
}

type Action = (() => void) | undefined;

function anyKey(key: string, app: Target): Action {
  if (key === "?") return showHelp;
  if (key === "t") return () => app.turnTheme();
  if (key === "p") return () => app.turnPalette();
  return undefined;
}

function overviewKey(key: string): Action {
  if (key === "/") return () => document.getElementById("search")?.focus();
  const cards = [...document.querySelectorAll<HTMLElement>(".card")].sort(
    (a, b) => Number(a.dataset.place) - Number(b.dataset.place),
  );
  const at = cards.indexOf(document.activeElement as HTMLElement);
  const columns = Number(document.querySelector<HTMLElement>(".grid")?.dataset.columns) || 1;
  const by = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: columns, ArrowUp: -columns }[key];
  if (by === undefined || !cards.length) return undefined;
  return () => (cards[at < 0 ? 0 : at + by] ?? cards[at])?.focus();
}

function sceneKey(key: string, app: Target): Action {
  if (key === "ArrowRight") return () => app.step(1);
  if (key === "ArrowLeft") return () => app.step(-1);
  if (/^[0-9]$/.test(key)) return () => update({ through: Number(key) - 1 });
  const coloring = { c: "class", i: "instance", v: "visibility" }[key];
  if (coloring) return () => update({ color: coloring });
  if (key === "e" || key === "s") {
    const compare = key === "e" ? "errors" : "side";
    return () => update({ compare: state.compare === compare ? "truth" : compare });
  }
  if (key === "b") return () => update({ boxes: !state.boxes });
  if (key === "a") return () => update({ axes: !state.axes });
  if (key === "f") return () => update({ frusta: !state.frusta });
  if (key === "m") return () => document.querySelector<HTMLElement>("[data-toggle=mesh]")?.click();
  if (key === "l") return () => update({ only: !state.only });
  if (key === "r") return () => update({ orbit: "", through: -1 });
  if (["x", "y", "z"].includes(key)) {
    return () =>
      document.querySelector<HTMLElement>(`.slices [data-value="${state.slice === key ? "" : key}"]`)?.click();
  }
  if (key === "[" || key === "]") {
    const range = document.querySelector<HTMLInputElement>(".slices input");
    const at = Math.min(Math.max(state.at + (key === "]" ? 1 : -1), 0), Number(range?.max ?? 0));
    return state.slice ? () => update({ at }) : undefined;
  }
  if (key === "o") {
    const at = OVERLAYS.findIndex((overlay) => overlay.value === state.overlay);
    return () => update({ overlay: OVERLAYS[(at + 1) % OVERLAYS.length].value });
  }
  return undefined;
}

export function showHelp(): void {
  const dialog = h(
    "dialog",
    { class: "help", "aria-label": "Keys" },
    h("h2", {}, "Keys"),
    h(
      "dl",
      {},
      ...KEYS.flatMap(([key, what]) => [
        h("dt", {}, ...key.split("  ").map((k) => h("kbd", {}, k))),
        h("dd", {}, what),
      ]),
    ),
    h(
      "p",
      { class: "faint" },
      "In 3D: drag to turn, Shift and drag to move, the wheel to come nearer; two fingers do both.",
    ),
    h("form", { method: "dialog" }, h("button", { class: "button" }, "Close")),
  );
  dialog.addEventListener("close", () => dialog.remove());
  dialog.addEventListener("click", (event) => event.target === dialog && dialog.close());
  document.body.append(dialog);
  dialog.showModal();
}
