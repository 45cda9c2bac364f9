// All scenes as thumbnails, of which only those in sight are made.

import { type DatasetAnswer, imageAddress } from "./api";
import { h, icon } from "./dom";
import { classColors, css } from "./palette";
import { DEFAULTS, listen, numbers, type State, state, update } from "./state";
import type { Table } from "./table";

const WIDEST = 208;
const GAP = 14;
const CAPTION = 46;
const SETTLE_MS = 50;
/** A card that rushes past loads no image. */

const SORTS: [string, string][] = [
  ["index", "Index"],
  ["-objects", "Most objects"],
  ["objects", "Fewest objects"],
  ["-occupied", "Most occupied"],
  ["occupied", "Least occupied"],
  ["seen", "Least visible objects"],
  ["-seen", "Most visible objects"],
  ["-seconds", "Slowest to make"],
];

const RUN_SORTS: [string, string][] = [
  ["iou", "IoU, worst first"],
  ["-iou", "IoU, best first"],
];

interface Card {
  element: HTMLAnchorElement;
  image: HTMLImageElement;
  title: HTMLElement;
  dots: HTMLElement;
  fact: HTMLElement;
  position: number;
  timer: number;
}

let lastScroll = 0;

export class Overview {
  readonly element: HTMLElement;
  private readonly scroller: HTMLElement;
  private readonly canvas: HTMLElement;
  private readonly summary = h("p", { class: "summary", role: "status" });
  private readonly empty = h("div", { class: "nothing", hidden: true });
  private readonly filters: HTMLElement;
  private readonly used = new Map<number, Card>();
  private readonly spare: Card[] = [];
  private readonly stops: (() => void)[];
  private readonly sizes: ResizeObserver;
  private queued = 0;
  private columns = 1;
  private cardWidth = WIDEST;
  private resetFields: (() => void)[] = [];
  positions: Uint32Array = new Uint32Array();

  constructor(
    private readonly dataset: DatasetAnswer,
    private readonly table: Table,
  ) {
    this.canvas = h("div", { class: "grid", role: "list" });
    this.scroller = h("div", { class: "scroller", tabindex: "-1" }, this.canvas, this.empty);
    this.filters = this.filterPanel();
    const sort = h(
      "select",
      { "aria-label": "Order", onchange: () => update({ sort: sort.value }) },
      ...[...SORTS, ...(dataset.runs.length ? RUN_SORTS : [])].map(([value, label]) => h("option", { value }, label)),
    );
    this.resetFields.push(() => (sort.value = state.sort));
    this.element = h(
      "main",
      { class: "overview" },
      this.filters,
      h(
        "section",
        { class: "results", "aria-label": "Scenes" },
        h(
          "div",
          { class: "bar" },
          h(
            "button",
            {
              type: "button",
              class: "filters-button",
              onclick: () => this.filters.classList.toggle("open"),
            },
            icon("filter"),
            "Filters",
          ),
          this.summary,
          h("span", { class: "grow" }),
          h("label", { class: "sort" }, "Sort", sort),
        ),
        this.scroller,
      ),
    );
    this.scroller.addEventListener("scroll", () => this.draw(), { passive: true });
    this.sizes = new ResizeObserver(() => this.measure());
    this.sizes.observe(this.scroller);
    this.stops = [table.listen(() => this.choose()), listen((changed) => this.refresh(changed))];
    this.refresh(null);
    requestAnimationFrame(() => {
      this.scroller.scrollTop = lastScroll;
    });
  }

  private refresh(changed: Set<keyof State> | null): void {
    if (state.scene >= 0) return;
    if (changed && [...changed].some((key) => key !== "palette" && key !== "scene"))
      lastScroll = this.scroller.scrollTop = 0;
    for (const reset of this.resetFields) reset();
    if (changed?.has("palette") || changed?.has("sort")) this.redraw();
    this.choose();
  }

  /** Choose scenes again: filters, order or what is known have changed. */
  private choose(): void {
    this.positions = this.table.chosen(state);
    const [shown, known] = [this.positions.length, this.table.count];
    const scenes = (n: number): string => `${n.toLocaleString("en")} ${n === 1 ? "scene" : "scenes"}`;
    const counted = shown === known ? scenes(known) : `${shown.toLocaleString("en")} of ${scenes(known)}`;
    const asked = this.dataset.asked;
    const more = this.table.complete
      ? known < asked
        ? `, ${asked.toLocaleString("en")} asked for`
        : ""
      : ", reading more";
    this.summary.textContent = this.table.problem || counted + more;
    this.element.dataset.shown = String(shown);
    this.showEmpty(shown, known);
    this.measure();
  }

  private showEmpty(shown: number, known: number): void {
    this.empty.hidden = shown > 0;
    if (shown > 0) return;
    if (!this.table.complete) this.empty.replaceChildren(h("p", { class: "faint" }, "Reading the data set…"));
    else if (!known) {
      this.empty.replaceChildren(
        h("strong", {}, "No scenes yet"),
        h("p", {}, "Run `scenegen generate`: scenes appear here as they are made."),
      );
    } else {
      this.empty.replaceChildren(
        h("strong", {}, "No scene matches"),
        h("p", {}, "Every scene is left out by a filter."),
        h("button", { type: "button", class: "button", onclick: clearFilters }, "Clear filters"),
      );
    }
  }

  private measure(): void {
    const width = this.scroller.clientWidth - 2 * GAP;
    if (width <= 0) return;
    this.columns = Math.max(width < 520 ? 2 : 3, Math.floor((width + GAP) / (WIDEST + GAP)));
    this.cardWidth = (width - GAP * (this.columns - 1)) / this.columns;
    const rows = Math.ceil(this.positions.length / this.columns);
    this.canvas.dataset.columns = String(this.columns);
    this.canvas.style.height = `${rows * this.rowHeight + GAP}px`;
    this.draw(true);
  }

  private get rowHeight(): number {
    return Math.round(this.cardWidth) + CAPTION + GAP;
  }

  private redraw(): void {
    for (const [place, card] of this.used) {
      this.free(card);
      this.used.delete(place);
    }
  }

  private draw(now = false): void {
    if (now) this.drawNow();
    else if (!this.queued) {
      this.queued = requestAnimationFrame(() => {
        this.queued = 0;
        this.drawNow();
      });
    }
  }

  private drawNow(): void {
    const top = this.scroller.scrollTop;
    lastScroll = top;
    const first = Math.max(0, Math.floor(top / this.rowHeight) - 1) * this.columns;
    const last = Math.min(
      this.positions.length,
      (Math.ceil((top + this.scroller.clientHeight) / this.rowHeight) + 1) * this.columns,
    );
    for (const [place, card] of this.used) {
      if (place >= first && place < last && card.position === this.positions[place]) continue;
      this.free(card);
      this.used.delete(place);
    }
    for (let place = first; place < last; place++) {
      const card = this.used.get(place) ?? this.fill(place);
      const x = GAP + (place % this.columns) * (this.cardWidth + GAP);
      const y = GAP + Math.floor(place / this.columns) * this.rowHeight;
      card.element.style.transform = `translate(${x}px, ${y}px)`;
      card.element.style.width = `${this.cardWidth}px`;
      card.element.dataset.place = String(place);
    }
  }

  private free(card: Card): void {
    window.clearTimeout(card.timer);
    card.element.remove();
    card.image.removeAttribute("src");
    card.element.classList.remove("loaded", "damaged", "faulty");
    this.spare.push(card);
  }

  private fill(place: number): Card {
    const card = this.spare.pop() ?? makeCard();
    const position = this.positions[place];
    const index = this.table.index.values[position];
    card.position = position;
    card.element.href = `#/scene/${index}`;
    card.element.dataset.scene = String(index);
    card.element.onclick = (event) => {
      if (event.ctrlKey || event.metaKey || event.shiftKey) return;
      event.preventDefault();
      update({ scene: index }, true);
    };
    card.title.textContent = `Scene ${index}`;
    const damage = this.table.damage.get(index);
    card.element.classList.toggle("damaged", damage !== undefined);
    const faults = this.table.faults.get(index);
    card.element.classList.toggle("faulty", faults !== undefined);
    card.element.title = damage ?? faults?.join("\n") ?? "";
    card.image.alt = damage ? "" : this.words(position);
    const counted = faults && `${faults.length} ${faults.length === 1 ? "fault" : "faults"}`;
    card.fact.textContent = damage ? "damaged" : (counted ?? this.fact(position));
    const colors = classColors(this.dataset.classes);
    card.dots.replaceChildren(
      ...this.dataset.classes.flatMap((item, c) => {
        const count = this.table.countOf(position, c);
        const title = `${count} ${item.name}`;
        if (!count) return [];
        const dot = h("i", { class: "dot", style: `background:${css(colors[c])}`, title });
        return count > 1 ? [h("span", { class: "dots" }, dot, String(count))] : [h("span", { class: "dots" }, dot)];
      }),
    );
    card.timer = window.setTimeout(() => {
      card.image.src = imageAddress(`scenes/${index}/thumb`);
    }, SETTLE_MS);
    this.used.set(place, card);
    this.canvas.append(card.element);
    return card;
  }

  /** What a card says beside its index: that by which it is sorted. */
  private fact(position: number): string {
    const name = state.sort.replace(/^-/, "");
    const table = this.table;
    const of = (value: number, text: (n: number) => string): string => (Number.isNaN(value) ? "" : text(value));
    if (name === "occupied") return of(table.occupied.values[position], (n) => `${(100 * n).toFixed(1)}% full`);
    if (name === "seen") return of(table.seen.values[position], (n) => `${Math.round(100 * n)}% seen`);
    if (name === "seconds") return of(table.seconds.values[position], (n) => `${n.toFixed(1)} s`);
    if (name === "iou") return of(table.iou[position] ?? Number.NaN, (n) => `IoU ${n.toFixed(3)}`);
    const total = table.total.values[position];
    return `${total} ${total === 1 ? "object" : "objects"}`;
  }

  private words(position: number): string {
    const counts = this.dataset.classes
      .map((item, c) => ({ name: item.name, count: this.table.countOf(position, c) }))
      .filter((each) => each.count);
    return `Scene ${this.table.index.values[position]}: ${counts.map((each) => `${each.count} ${each.name}`).join(", ")}`;
  }

  private filterPanel(): HTMLElement {
    const search = h("input", {
      type: "search",
      id: "search",
      placeholder: "Scene number or model",
      autocomplete: "off",
      spellcheck: "false",
      oninput: () => update({ search: search.value }),
    });
    const chips = h("div", { class: "chips" });
    const number = (key: "least" | "most" | "slow", label: string, step = 1): HTMLInputElement => {
      const input = h("input", {
        type: "number",
        min: 0,
        step,
        "aria-label": label,
        placeholder: label,
        inputmode: "decimal",
        oninput: () => update({ [key]: Math.max(0, Number(input.value) || 0) }),
      });
      this.resetFields.push(() => {
        if (document.activeElement !== input) input.value = state[key] ? String(state[key]) : "";
      });
      return input;
    };
    const models = h("datalist", { id: "models" });
    const model = h("input", {
      list: "models",
      placeholder: "Any model",
      "aria-label": "Model",
      autocomplete: "off",
      onchange: () => update({ model: model.value.trim() }),
    });
    const licence = h("select", { "aria-label": "Licence", onchange: () => update({ licence: licence.value }) });
    const splits = this.dataset.split === "train" ? ["train", "validation"] : [this.dataset.split];
    const split = h(
      "select",
      { "aria-label": "Split", onchange: () => update({ split: split.value }) },
      h("option", { value: "" }, splits.length > 1 ? "Any split" : `All are ${splits[0]}`),
      ...(splits.length > 1 ? splits.map((name) => h("option", { value: name }, name)) : []),
    );
    split.disabled = splits.length < 2;
    const faults = h("input", { type: "checkbox", onchange: () => update({ faults: faults.checked }) });
    let listed = -1;
    this.resetFields.push(() => {
      if (document.activeElement !== search) search.value = state.search;
      model.value = state.model;
      split.value = state.split;
      faults.checked = state.faults;
      this.drawChips(chips);
      licence.value = state.licence;
    });
    this.table.listen(() => {
      if (listed === this.table.modelNames.length) return;
      listed = this.table.modelNames.length;
      models.replaceChildren(...[...this.table.modelNames].sort().map((value) => h("option", { value })));
      licence.replaceChildren(
        h("option", { value: "" }, "Any licence"),
        ...this.table.licenceNames.map((value) => h("option", { value }, value)),
      );
      licence.value = state.licence;
    });
    licence.append(h("option", { value: "" }, "Any licence"));
    const field = (label: string, ...content: Node[]): HTMLElement =>
      h(
        "div",
        { class: "field", role: "group", "aria-label": label },
        h("span", { class: "field-label" }, label),
        ...content,
      );
    return h(
      "aside",
      { class: "filters", "aria-label": "Filters" },
      h(
        "div",
        { class: "filters-head" },
        h("h2", {}, "Filters"),
        h("button", { type: "button", class: "text-button", onclick: clearFilters }, "Clear"),
      ),
      field("Search", search),
      field("Shows", chips),
      field("Objects", h("div", { class: "pair" }, number("least", "at least"), number("most", "at most"))),
      field("Model", model, models),
      field("Licence", licence),
      field("Split", split),
      field("Seconds to make", number("slow", "at least", 0.5)),
      h("label", { class: "check" }, faults, "With faults or damage only"),
    );
  }

  private drawChips(chips: HTMLElement): void {
    const chosen = new Set(numbers(state.classes));
    const colors = classColors(this.dataset.classes);
    chips.replaceChildren(
      ...this.dataset.classes.map((item, c) =>
        h(
          "button",
          {
            type: "button",
            class: "chip",
            "data-filter-class": item.name,
            "aria-pressed": String(chosen.has(c)),
            onclick: () => {
              const next = new Set(chosen);
              if (!next.delete(c)) next.add(c);
              update({ classes: [...next].sort((a, b) => a - b).join(",") });
            },
          },
          h("i", { class: "swatch", style: `background:${css(colors[c])}` }),
          item.name,
        ),
      ),
    );
  }

  /** The indices of the scenes shown, in their order. */
  get order(): number[] {
    return Array.from(this.positions, (position) => this.table.index.values[position]);
  }

  retheme(): void {}

  close(): void {
    for (const stop of this.stops) stop();
    this.sizes.disconnect();
    this.redraw();
  }
}

function makeCard(): Card {
  const image = h("img", { alt: "", decoding: "async", draggable: "false" });
  const title = h("span", { class: "card-title" });
  const dots = h("span", { class: "card-dots" });
  const fact = h("span", { class: "card-fact" });
  const element = h(
    "a",
    { class: "card", role: "listitem" },
    h("span", { class: "thumb" }, image, icon("warn")),
    h("span", { class: "card-line" }, title, fact),
    dots,
  );
  image.addEventListener("load", () => element.classList.add("loaded"));
  image.addEventListener("error", () => image.hasAttribute("src") && element.classList.add("damaged"));
  return { element, image, title, dots, fact, position: -1, timer: 0 };
}

function clearFilters(): void {
  const { search, classes, least, most, model, licence, split, slow, faults } = DEFAULTS;
  update({ search, classes, least, most, model, licence, split, slow, faults });
}
