// The page: its head, and the overview or a scene below.

import { type DatasetAnswer, getJson, imageAddress, isExported, readEmbedded } from "./api";
import { afterPaint, h, iconButton } from "./dom";
import { onKey, showHelp } from "./keys";
import { Overview } from "./overview";
import { SceneData } from "./scene_data";
import { ScenePage } from "./scene_page";
import { DEFAULTS, fromAddress, LOST, listen, readAddress, state, update } from "./state";
import { Table } from "./table";

const KEPT = 6;
/** Scenes whose files stay in memory. */

/** A room's walls and ceiling hide all that stands in it, so at first they are off, as a click on their chips would do. */
function hideWalls(dataset: DatasetAnswer): void {
  const names = dataset.classes.map((item) => item.name);
  if (!["floor", "wall", "ceiling"].every((name) => names.includes(name))) return;
  DEFAULTS.hidden = [names.indexOf("wall"), names.indexOf("ceiling")].sort((a, b) => a - b).join(",");
}

interface FirstScene {
  index: number;
  data: Promise<SceneData>;
}

class App {
  private readonly content = h("div", { class: "content" });
  private readonly place = h("div", { class: "place" });
  private readonly table: Table;
  private readonly kept = new Map<number, Promise<SceneData>>();
  private page: Overview | ScenePage | { element: HTMLElement; close(): void; retheme(): void } | null = null;
  private shown = Number.NaN;
  private order: number[] = [];
  private begun = false;

  /** `first` is a scene that is being read already. */
  constructor(
    private readonly dataset: DatasetAnswer,
    first: FirstScene | null,
  ) {
    hideWalls(dataset);
    this.table = new Table(dataset);
    document.title = `${dataset.name} · scenegen`;
    document.body.replaceChildren(this.head(), this.content);
    this.table.listen(() => this.showPlace());
    if (first) this.kept.set(first.index, first.data);
    readAddress();
    listen((changed) => {
      if (changed.has("scene")) void this.show();
      if (changed.has("palette")) this.page?.retheme();
    });
    window.addEventListener("hashchange", readAddress);
    window.addEventListener("popstate", readAddress);
    document.addEventListener("keydown", (event) => onKey(event, this));
    this.content.addEventListener("drawn", () => this.begin());
    void this.show();
  }

  /** Read what the overview knows of all scenes: after the scene that the address names, which comes first. */
  private begin(): void {
    if (this.begun) return;
    this.begun = true;
    this.follow();
    afterPaint(() => document.documentElement.classList.remove("starting"));
  }

  private follow(): void {
    void this.table.follow();
    if (this.dataset.runs.length) this.table.readScores(0).catch(() => {});
  }

  private head(): HTMLElement {
    const { name, preset, split, packed } = this.dataset;
    return h(
      "header",
      { class: "head" },
      h(
        "a",
        { class: "brand", href: "#/", title: "All scenes (Esc)", onclick: (event: Event) => this.toOverview(event) },
        h("span", { class: "mark", "aria-hidden": "true" }),
        h("span", { class: "brand-name" }, name),
      ),
      h(
        "span",
        { class: "brand-facts" },
        [preset, split, packed ? "shards" : "", isExported() ? "exported" : ""].filter(Boolean).join(" · "),
      ),
      this.place,
      h("span", { class: "grow" }),
      iconButton("palette", "Colours: the paper's, or a palette for the colour-blind (P)", () => this.turnPalette()),
      iconButton("sun", "Dark or light (T)", () => this.turnTheme()),
      iconButton("help", "Keys (?)", showHelp),
    );
  }

  private toOverview(event?: Event): void {
    event?.preventDefault();
    this.leave();
  }

  leave(): void {
    if (state.scene >= 0) update({ scene: -1, object: -1 }, true);
  }

  turnPalette(): void {
    update({ palette: state.palette === "safe" ? "paper" : "safe" });
  }

  turnTheme(): void {
    setTheme(document.documentElement.dataset.theme === "light" ? "dark" : "light");
    this.page?.retheme();
  }

  /** The next scene (1) or the one before (-1), in the overview's order. */
  step(by: number): void {
    const next = this.neighbour(by);
    if (next !== null) update({ scene: next, object: -1, orbit: state.orbit });
  }

  private neighbour(by: number): number | null {
    const order = this.currentOrder();
    const at = order.indexOf(state.scene);
    return at < 0 ? null : (order[at + by] ?? null);
  }

  private currentOrder(): number[] {
    if (this.page instanceof Overview) return this.page.order;
    if (this.order.length !== this.table.count || !this.order.includes(state.scene)) {
      this.order = Array.from(this.table.chosen(state), (position) => this.table.index.values[position]);
    }
    return this.order;
  }

  private showPlace(): void {
    if (state.scene < 0) {
      this.place.replaceChildren();
      return;
    }
    const order = this.currentOrder();
    const at = order.indexOf(state.scene);
    const before = iconButton("back", "The scene before (←)", () => this.step(-1));
    const after = iconButton("next", "The next scene (→)", () => this.step(1));
    before.disabled = at <= 0;
    after.disabled = at < 0 || at >= order.length - 1;
    this.place.replaceChildren(
      h("a", { class: "crumb", href: "#/", onclick: (event: Event) => this.toOverview(event) }, "All scenes"),
      before,
      h("h1", {}, `Scene ${state.scene}`),
      after,
      h(
        "span",
        { class: "faint of" },
        at < 0 ? "" : `${(at + 1).toLocaleString("en")} of ${order.length.toLocaleString("en")}`,
      ),
    );
  }

  private replace(page: NonNullable<typeof this.page>): void {
    const old = this.page;
    this.page = page;
    this.content.replaceChildren(page.element);
    old?.close();
  }

  private async show(): Promise<void> {
    const index = state.scene;
    if (index === this.shown) return;
    if (this.page instanceof Overview) this.order = this.page.order;
    this.shown = index;
    this.showPlace();
    if (index < 0) this.begin();
    if (index === LOST) {
      this.replace(failed(null, `#${decoded(location.hash.slice(1))}: there is no such place; a scene is #/scene/3`));
      return;
    }
    if (index < 0) {
      this.replace(new Overview(this.dataset, this.table));
      return;
    }
    try {
      const data = await this.open(index);
      if (this.shown !== index) return;
      data.readFirst();
      const page = new ScenePage(data, this.dataset);
      page.element.addEventListener("drawn", () => this.prefetch(), { once: true });
      this.replace(page);
    } catch (error) {
      if (this.shown !== index) return;
      this.replace(failed(index, reasonOf(error)));
      this.begin();
    }
  }

  private open(index: number): Promise<SceneData> {
    let found = this.kept.get(index);
    if (found) this.kept.delete(index);
    else {
      found = SceneData.open(index);
      found.catch(() => this.kept.delete(index));
    }
    this.kept.set(index, found);
    for (const [old, data] of this.kept) {
      if (this.kept.size <= KEPT) break;
      if (old === state.scene) continue;
      this.kept.delete(old);
      void data.then((scene) => scene.close()).catch(() => {});
    }
    return found;
  }

  /** Read the scenes beside this one, so that they show at once. */
  private prefetch(): void {
    window.setTimeout(() => {
      for (const by of [1, -1]) {
        const next = this.neighbour(by);
        if (next === null) continue;
        this.open(next).then(
          (data) => data.readFirst(),
          () => {},
        );
      }
    }, 60);
  }
}

const reasonOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

function decoded(address: string): string {
  try {
    return decodeURIComponent(address);
  } catch {
    return address;
  }
}

/** Instead of scene `index`, or of what is no scene (null): why there is nothing to see. */
function failed(index: number | null, text: string): { element: HTMLElement; close(): void; retheme(): void } {
  const image = index === null ? null : h("img", { src: imageAddress(`scenes/${index}/thumb`), alt: "" });
  image?.addEventListener("error", () => image.remove());
  const element = h(
    "main",
    { class: "failed", "data-ready": "failed", "data-scene": index },
    h("strong", {}, index === null ? "Not found" : `Scene ${index} cannot be shown`),
    h("p", {}, text),
    image,
    h("button", { type: "button", class: "button", onclick: () => update({ scene: -1 }, true) }, "All scenes"),
  );
  return { element, close: () => {}, retheme: () => {} };
}

function setTheme(theme: string): void {
  document.documentElement.dataset.theme = theme;
  try {
    localStorage.setItem("scenegen-theme", theme);
  } catch {
    // A page that was opened from a file may not remember.
  }
}

function firstTheme(): string {
  try {
    const kept = localStorage.getItem("scenegen-theme");
    if (kept === "dark" || kept === "light") return kept;
  } catch {
    // As above.
  }
  return window.matchMedia("(prefers-color-scheme: light)").matches ? "light" : "dark";
}

async function start(): Promise<void> {
  setTheme(firstTheme());
  readEmbedded();
  const index = fromAddress(location.hash.slice(1)).scene ?? -1;
  const first = index >= 0 ? { index, data: SceneData.open(index) } : null;
  first?.data.then(
    (data) => data.readFirst(),
    () => {},
  );
  try {
    new App(await getJson<DatasetAnswer>("dataset"), first);
  } catch (error) {
    const text = error instanceof Error ? error.message : String(error);
    document.documentElement.classList.remove("starting");
    document.body.replaceChildren(
      h("main", { class: "failed" }, h("strong", {}, "This data set cannot be shown"), h("p", {}, text)),
    );
  }
}

void start();
