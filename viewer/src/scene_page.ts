// The page of one scene: the 3D view, the images with overlays, the objects.

import type { DatasetAnswer } from "./api";
import { byClass, byObject, bySight, type Cells, cellsPerClass, classOfCells } from "./cells";
import { CompareBar, thresholdOf } from "./compare";
import { h, Segmented, Toggle } from "./dom";
import { ImageTile, OVERLAYS, type Pointed } from "./images";
import { streetMap } from "./map";
import type { Vec3 } from "./math";
import type { Mesh } from "./mesher";
import { modelMesh } from "./models";
import { type Pose, poseFromText, poseText } from "./orbit";
import type { Line } from "./painter";
import { classColors, css, objectColor, SEEN, SEEN_NAMES } from "./palette";
import { predictedCells, predictedClass, verdictCells } from "./predictions";
import { gridOf, type SceneData, type Volume } from "./scene_data";
import { axisLines, boxLines, cameraLines, latticeLines, roomLines } from "./shapes";
import { type Hit, Stage } from "./stage";
import { listen, numbers, type State, state, update } from "./state";
import { boxSize, creditOf, hideTooltip, objectFacts, showTooltip } from "./tooltip";

const COLORINGS = [
  { value: "class", label: "Class", title: "Voxels in the colours of their classes (C)" },
  { value: "instance", label: "Object", title: "Voxels in a colour for each object (I)" },
  { value: "visibility", label: "Visibility", title: "Which voxels a camera sees (V)" },
];
const OWN = { value: "own", label: "Own", title: "Models in their own colours" };
const MOST_BUTTONS = 6;
const MOST_FRUSTA = 60;
/** Cameras with a button each; more are chosen from a list. */

export class ScenePage {
  readonly element: HTMLElement;
  private readonly stage: Stage;
  private readonly second: Stage | null = null;
  private readonly compare: CompareBar | null = null;
  private readonly names = [h("div", { class: "stage-name" }), h("div", { class: "stage-name" })];
  private readonly tiles: ImageTile[];
  private readonly stop: () => void;
  private readonly coloring: Segmented;
  private readonly overlays = new Segmented("Show over the images", OVERLAYS, (overlay) => update({ overlay }));
  private readonly boxes = new Toggle("Boxes", "The objects' boxes (B)", "boxes", () =>
    update({ boxes: !state.boxes }),
  );
  private readonly axes = new Toggle("Axes", "The objects' axes (A)", "axes", () => update({ axes: !state.axes }));
  private readonly frusta = new Toggle("Cameras", "Where the cameras stand (F)", "frusta", () =>
    update({ frusta: !state.frusta }),
  );
  private readonly mesh = new Toggle("Models", "The models instead of the voxels (M)", "mesh", () =>
    update({ mesh: !state.mesh }),
  );
  private readonly legend = h("div", { class: "legend", role: "group", "aria-label": "Classes" });
  private readonly keys = h("div", { class: "stage-keys", hidden: true });
  private readonly views: HTMLElement;
  private readonly slices: HTMLElement;
  private readonly opacity: HTMLElement;
  private readonly status = h("div", { class: "stage-status", role: "status" });
  private readonly list: HTMLElement;
  private readonly volumes: HTMLElement | null;
  private marked = -1;
  private latest = 0;
  private counts: number[] = [];

  constructor(
    readonly data: SceneData,
    private readonly dataset: DatasetAnswer,
  ) {
    const { scene, faults } = data;
    const colorings = data.hasMesh ? [...COLORINGS, OWN] : COLORINGS;
    this.coloring = new Segmented("Colour voxels by", colorings, (color) =>
      update(color === OWN.value ? { color, mesh: true } : { color }),
    );
    const newStage = (): Stage =>
      new Stage(
        `Voxels of scene ${scene.index} in 3D; drag to turn, use the wheel to come nearer`,
        (pose, ended) => this.onPose(pose, ended),
        (hit, event) => this.onStageHover(hit, event),
        (hit) => update({ object: hit && hit.object >= 0 && hit.object !== state.object ? hit.object : -1 }),
      );
    this.stage = newStage();
    this.stage.element.append(this.names[0]);
    if (dataset.runs.length) {
      this.second = newStage();
      this.second.element.append(this.names[1]);
      this.compare = new CompareBar(dataset.runs);
      this.stage.element.append(this.compare.keys);
    }
    this.tiles = scene.cameras.map(
      (_, k) =>
        new ImageTile(
          data,
          k,
          dataset.classes,
          dataset.depthUnit,
          (pointed, event) => this.onImageHover(pointed, event),
          () => this.lookThrough(state.through === k ? -1 : k),
        ),
    );
    this.stage.element.append(this.keys);
    this.views = this.viewButtons();
    this.slices = this.sliceControls();
    this.opacity = this.opacityControl();
    this.stage.element.append(this.opacity);
    this.list = this.objectList();
    this.volumes = this.volumeChoice();
    const map =
      scene.street || scene.cameras.length > MOST_BUTTONS
        ? streetMap(scene, dataset.classes, (k) => this.lookThrough(k))
        : null;
    this.element = h(
      "main",
      { class: "scene-page", "data-scene": scene.index },
      h(
        "section",
        { class: "stage-area", "aria-label": "Voxels in 3D" },
        faults.length > 0 && h("div", { class: "faults", role: "alert" }, ...faults.map((text) => h("p", {}, text))),
        h(
          "div",
          { class: "bar bar-top" },
          this.coloring.element,
          this.volumes,
          h("span", { class: "grow" }),
          this.views,
        ),
        this.compare?.element,
        h("div", { class: "stages" }, this.stage.element, this.second?.element),
        this.status,
        h(
          "div",
          { class: "bar bar-bottom" },
          this.boxes.element,
          this.axes.element,
          this.frusta.element,
          data.hasMesh && this.mesh.element,
          h("span", { class: "rule" }),
          this.slices,
        ),
        this.legend,
      ),
      h(
        "aside",
        { class: "side" },
        h(
          "section",
          { class: "images-area", "aria-label": "Images" },
          h("div", { class: "bar" }, this.overlays.element),
          h(
            "div",
            { class: scene.cameras.length > 3 ? "tiles many" : "tiles" },
            ...this.tiles.map((tile) => tile.element),
          ),
        ),
        map && h("section", { class: "panel" }, h("h2", {}, "Map"), map),
        h("section", { class: "panel" }, h("h2", {}, `${scene.objects.length} objects`), this.list),
        this.facts(),
      ),
    );
    this.stop = listen((changed) => this.refresh(changed));
    this.refresh(null);
  }

  private get volume(): Volume {
    if (state.volume === "box" && this.data.scene.grid) return "box";
    const named = gridOf(state.volume);
    if (named >= 0 && named < this.data.grids.length) return `grid:${named}`;
    const k = state.volume === "" ? -1 : Number(state.volume);
    if (Number.isInteger(k) && k >= 0 && k < this.data.scene.cameras.length) return k;
    if (this.hasFrustaAlone && state.through >= 0 && state.through < this.data.scene.cameras.length)
      return state.through;
    return this.data.firstVolume;
  }

  /** Whether there is no box to see: then looking through a camera shows its frustum. */
  private get hasFrustaAlone(): boolean {
    return !this.data.scene.grid && !this.data.grids.length;
  }

  private get hidden(): Set<number> {
    return new Set(numbers(state.hidden));
  }

  private lookThrough(k: number): void {
    update({ through: k });
  }

  /** Bring everything in line with the state; `changed` null: all of it. */
  private refresh(changed: Set<keyof State> | null): void {
    if (state.scene !== this.data.index) return;
    const any = (...keys: (keyof State)[]): boolean => !changed || keys.some((key) => changed.has(key));
    const newVolume = any("volume") || (this.hasFrustaAlone && any("through"));
    if (
      any("mesh", "color", "hidden", "palette", "slice", "at", "only", "compare", "run", "other", "threshold") ||
      newVolume
    ) {
      void this.colorCells(newVolume);
    }
    if (any("boxes", "axes", "frusta", "object", "hidden", "palette", "through") || newVolume) this.drawLines();
    if (any("through", "opacity")) void this.placeCamera();
    if (any("orbit") || (newVolume && !state.orbit)) {
      const pose = poseFromText(state.orbit) ?? Stage.fit(this.data, this.volume);
      for (const stage of this.stages) stage.setPose(pose);
    }
    if (any("overlay", "object", "hidden", "palette")) this.showOverlays();
    if (any("hidden", "palette", "color", "compare", "other")) this.drawLegend();
    this.coloring.value = state.color;
    this.overlays.value = state.overlay;
    this.boxes.on = state.boxes;
    this.axes.on = state.axes;
    this.frusta.on = state.frusta;
    this.mesh.on = state.mesh;
    for (const [k, tile] of this.tiles.entries()) tile.chosen = state.through === k;
    this.showControls();
  }

  private get stages(): Stage[] {
    return this.second ? [this.stage, this.second] : [this.stage];
  }

  private async colorCells(fresh: boolean): Promise<void> {
    const ticket = ++this.latest;
    const volume = this.volume;
    const side = this.compare !== null && state.compare === "side";
    if (this.second) this.second.element.hidden = !side;
    this.compare?.show(null);
    try {
      const [left, right] = await this.shown(volume);
      if (ticket !== this.latest) return;
      const axis = "xyz".indexOf(state.slice || "-");
      const slice = { axis, at: state.at, only: state.only };
      this.stage.setCells(this.data, volume, left, slice);
      if (right) this.second?.setCells(this.data, volume, right, slice);
      const truth = !this.compare || state.compare === "truth";
      const models = truth && state.mesh && this.data.hasMesh ? await this.models() : null;
      if (ticket !== this.latest) return;
      this.stage.setModels(models);
      this.status.textContent = "";
      if (fresh) this.drawLegend();
      this.element.dataset.ready = `${this.data.index} ${volume} ${state.color}${this.compare ? ` ${state.compare}` : ""}`;
      this.element.dispatchEvent(new CustomEvent("drawn", { bubbles: true }));
    } catch (error) {
      if (ticket !== this.latest) return;
      this.stage.setCells(this.data, volume, null, { axis: -1, at: 0, only: false });
      this.status.textContent = error instanceof Error ? error.message : String(error);
      this.element.dataset.ready = "failed";
      this.element.dispatchEvent(new CustomEvent("drawn", { bubbles: true }));
    }
  }

  /** The cells of the view, and side by side of the second one. */
  private async shown(volume: Volume): Promise<[Cells, Cells | null]> {
    const compare = this.compare;
    if (!compare || state.compare === "truth") {
      this.name("", "");
      void this.score(volume);
      return [await this.cells(volume), null];
    }
    const run = compare.chosenIndex;
    await this.score(volume);
    if (state.compare !== "side") {
      this.name(this.dataset.runs[run].name, "");
      return [await this.answer(run, volume, state.compare === "errors"), null];
    }
    const other = this.dataset.runs[state.other] ? state.other : -1;
    this.name(other < 0 ? "truth" : this.dataset.runs[other].name, this.dataset.runs[run].name);
    const left = other < 0 ? await this.cells(volume) : await this.answer(other, volume, true);
    return [left, await this.answer(run, volume, other >= 0)];
  }

  private name(...names: string[]): void {
    names.forEach((name, n) => {
      this.names[n].textContent = name;
      this.names[n].hidden = !name;
    });
  }

  /** What a run answers, in the colours of classes or of its errors. */
  private async answer(run: number, volume: Volume, errors: boolean): Promise<Cells> {
    const info = this.dataset.runs[run];
    if (info.frustum !== (typeof volume === "number") || gridOf(volume) >= 0) {
      throw new Error(
        `${info.name} predicts ${info.frustum ? "cameras' frusta: choose one above" : "the room grid: choose it above"}`,
      );
    }
    const { classes } = this.dataset;
    const prediction = await this.data.prediction(run, info, volume);
    const threshold = thresholdOf(info);
    if (!errors) return predictedCells(predictedClass(prediction, threshold, classes.length, this.hidden), classes);
    return verdictCells(prediction, await this.data.labels(volume), threshold, classes.length, this.hidden);
  }

  /** Show the run's IoU of this scene. */
  private async score(volume: Volume): Promise<void> {
    const compare = this.compare;
    if (!compare || compare.chosen.frustum !== (typeof volume === "number") || gridOf(volume) >= 0) return;
    try {
      const curves = await this.data.curves(compare.chosenIndex, compare.chosen, volume);
      if (volume === this.volume) compare.show(curves);
    } catch {
      // A scene without a prediction says so where the prediction is shown.
    }
  }

  private async cells(volume: Volume): Promise<Cells> {
    const labels = await this.data.labels(volume);
    this.counts = cellsPerClass(labels, this.dataset.classes.length);
    const classOf = classOfCells(labels, this.dataset.classes.length, this.hidden);
    if (state.color === "instance") return byObject(this.data, volume, classOf);
    if (state.color === "visibility") return bySight(this.data, volume, classOf);
    return byClass(classOf, this.dataset.classes);
  }

  /** The models of classes that are not hidden, in colours of classes, of objects, or their own. */
  private async models(): Promise<Mesh> {
    const { scene } = this.data;
    const colors = classColors(this.dataset.classes);
    const classOf = scene.objects.map((item) => scene.classes.indexOf(item.class));
    return modelMesh(
      await this.data.models(),
      (n) => !this.hidden.has(classOf[n]),
      (n) => (state.color === "class" ? colors[classOf[n]] : state.color === "instance" ? objectColor(n) : null),
    );
  }

  private drawLines(): void {
    const setLines = (name: string, lines: Line[]): void => {
      for (const stage of this.stages) stage.setLines(name, lines);
    };
    const { scene } = this.data;
    const light = document.documentElement.dataset.theme === "light";
    const ink: Vec3 = light ? [70, 78, 96] : [150, 160, 184];
    const through = state.through >= 0;
    const colors = classColors(this.dataset.classes);
    const shown = scene.objects.filter((item) => !this.hidden.has(scene.classes.indexOf(item.class)));
    const chosen = scene.objects[state.object];
    const marked = scene.objects[this.marked];
    const outline = this.volume === "box" ? [] : latticeLines(this.data.lattice(this.volume), ink, 0.5);
    setLines("room", through ? [] : [...roomLines(scene, ink), ...outline]);
    setLines(
      "boxes",
      state.boxes ? shown.flatMap((item) => boxLines(item, colors[scene.classes.indexOf(item.class)])) : [],
    );
    setLines("axes", state.axes ? shown.flatMap(axisLines) : []);
    const size = scene.room ? 0.32 : 1.4;
    const accent: Vec3 = light ? [32, 96, 214] : [122, 170, 255];
    setLines(
      "frusta",
      state.frusta && !through
        ? scene.cameras.flatMap((camera, k) =>
            cameraLines(camera, size, k === this.volume ? accent : ink, scene.cameras.length > 40 ? 0.5 : 0.95),
          )
        : [],
    );
    setLines("marked", marked ? boxLines(marked, light ? [20, 24, 32] : [255, 255, 255], 0.65) : []);
    setLines("chosen", chosen ? [...boxLines(chosen, accent), ...axisLines(chosen)] : []);
  }

  private async placeCamera(): Promise<void> {
    const k = state.through;
    if (k < 0 || k >= this.data.scene.cameras.length) {
      for (const stage of this.stages) stage.setThrough(-1, null, 1);
      return;
    }
    let photo: HTMLImageElement | null = null;
    try {
      photo = await this.data.image(k);
    } catch (error) {
      this.status.textContent = error instanceof Error ? error.message : String(error);
    }
    if (state.through === k) for (const stage of this.stages) stage.setThrough(k, photo, state.opacity);
  }

  private showOverlays(): void {
    const key = `${state.hidden}|${state.palette}`;
    const marked = this.marked >= 0 ? this.marked : state.object;
    for (const tile of this.tiles) tile.show(state.overlay, marked, this.hidden, key);
  }

  private onPose(pose: Pose, ended: boolean): void {
    hideTooltip();
    for (const stage of this.stages) stage.setPose(pose);
    if (ended) update({ orbit: poseText(pose) });
  }

  private mark(object: number): void {
    if (this.marked === object) return;
    this.marked = object;
    this.drawLines();
    this.showOverlays();
    for (const row of this.list.querySelectorAll<HTMLElement>("[data-object]")) {
      row.classList.toggle("marked", Number(row.dataset.object) === object);
    }
  }

  private onStageHover(hit: Hit | null, event: PointerEvent): void {
    if (!hit) {
      hideTooltip();
      this.mark(-1);
      return;
    }
    this.mark(hit.object);
    if (hit.object >= 0) showTooltip(event, ...objectFacts(this.data.scene, hit.object, this.dataset.classes));
    else showTooltip(event, h("strong", {}, this.data.scene.classes[hit.classIndex] ?? ""));
  }

  private onImageHover(pointed: Pointed | null, event: PointerEvent): void {
    if (!pointed || pointed.object < 0) {
      hideTooltip();
      this.mark(-1);
      return;
    }
    this.mark(pointed.object);
    showTooltip(event, ...objectFacts(this.data.scene, pointed.object, this.dataset.classes, pointed.camera));
  }

  private drawLegend(): void {
    const { classes } = this.dataset;
    const hidden = this.hidden;
    const colors = classColors(classes);
    const objects = classes.map((item) => this.data.scene.objects.filter((o) => o.class === item.name).length);
    const chips = classes.map((item, c) =>
      h(
        "button",
        {
          type: "button",
          class: objects[c] || this.counts[c] ? "chip" : "chip empty",
          "data-class": item.name,
          "aria-pressed": String(!hidden.has(c)),
          title: `${this.counts[c] ?? 0} voxels; click to show or hide, double-click for this class alone`,
          onclick: () => {
            const next = new Set(hidden);
            if (!next.delete(c)) next.add(c);
            update({ hidden: [...next].sort((a, b) => a - b).join(",") });
          },
          ondblclick: () => {
            const others = classes.map((_, n) => n).filter((n) => n !== c);
            const alone = others.every((n) => this.hidden.has(n));
            update({ hidden: alone ? "" : others.join(",") });
          },
        },
        h("i", { class: "swatch", style: `background:${css(colors[c])}` }),
        item.name,
        h("span", { class: "count" }, String(objects[c])),
      ),
    );
    // Where a camera's cells are shown, the numbers are still of all objects: say so.
    const whole = this.volume === "box" ? "" : `Objects in the whole ${this.data.scene.street ? "street" : "scene"}`;
    this.legend.replaceChildren(...(whole ? [h("span", { class: "legend-name" }, whole)] : []), ...chips);
    const truth = !this.compare || state.compare === "truth" || (state.compare === "side" && state.other < 0);
    this.keys.hidden = state.color !== "visibility" || !truth;
    this.keys.replaceChildren(
      ...SEEN_NAMES.slice(0, this.data.hasVisibility ? 4 : 3).map((name, n) =>
        h("span", { class: "key" }, h("i", { class: "swatch", style: `background:${css(SEEN[n])}` }), name),
      ),
    );
  }

  private viewButtons(): HTMLElement {
    const { cameras } = this.data.scene;
    if (cameras.length > MOST_BUTTONS) {
      const select = h(
        "select",
        { "aria-label": "Look through", onchange: () => update({ through: Number(select.value) }) },
        h("option", { value: "-1" }, "Orbit"),
        ...cameras.map((camera, k) => h("option", { value: k }, camera.name.replaceAll("_", " "))),
      );
      return select;
    }
    const choices = [
      { value: "-1", label: "Orbit", title: "From anywhere (0)" },
      ...cameras.map((camera, k) => ({
        value: String(k),
        label: `Camera ${k + 1}`,
        title: `Through ${camera.name.replaceAll("_", " ")}, with its photograph behind (${k + 1})`,
      })),
    ];
    const segmented = new Segmented("Look through", choices, (value) => update({ through: Number(value) }));
    this.showView = () => (segmented.value = String(state.through));
    return segmented.element;
  }

  private showView = (): void => {
    (this.views as HTMLSelectElement).value = String(state.through);
  };

  /** The room's grid, those with names, or a camera's frustum, where there are several. */
  private volumeChoice(): HTMLElement | null {
    const { grids, scene } = this.data;
    const frusta = scene.cameras.length > MOST_FRUSTA ? [] : scene.cameras;
    if ((!scene.grid || !frusta.length) && !grids.length) return null;
    const first = String(this.data.firstVolume);
    const select = h(
      "select",
      { "aria-label": "Which labels", onchange: () => update({ volume: select.value === first ? "" : select.value }) },
      scene.grid && h("option", { value: "box" }, "Room grid"),
      ...grids.map((grid, n) => h("option", { value: `grid:${n}` }, `Grid ${grid.name}`)),
      ...frusta.map((_, k) => h("option", { value: k }, `Frustum ${k + 1}`)),
    );
    return select;
  }

  private sliceControls(): HTMLElement {
    const lengths = (): Vec3 => this.data.lattice(this.volume).shape;
    const axis = new Segmented(
      "Cut along an axis",
      ["", "x", "y", "z"].map((value) => ({ value, label: value ? value.toUpperCase() : "Whole" })),
      (value) => update({ slice: value, at: value ? Math.floor(lengths()["xyz".indexOf(value)] / 2) : 0 }),
    );
    const range = h("input", {
      type: "range",
      min: 0,
      "aria-label": "Layer",
      oninput: () => update({ at: Number(range.value) }),
    });
    const value = h("output", { class: "number" });
    const only = new Toggle("One layer", "This layer alone", "only", () => update({ only: !state.only }));
    this.showSlice = () => {
      axis.value = state.slice;
      const cut = state.slice !== "";
      for (const element of [range, value, only.element]) element.style.visibility = cut ? "" : "hidden";
      if (!cut) return;
      range.max = String(lengths()["xyz".indexOf(state.slice)] - 1);
      range.value = String(state.at);
      value.textContent = String(state.at);
      only.on = state.only;
    };
    return h("div", { class: "slices" }, axis.element, range, value, only.element);
  }

  private showSlice: () => void = () => {};

  private opacityControl(): HTMLElement {
    const range = h("input", {
      type: "range",
      min: 0,
      max: 1,
      step: 0.01,
      "aria-label": "How solid the voxels are over the photograph",
      oninput: () => update({ opacity: Number(range.value) }),
    });
    this.showOpacity = () => {
      range.value = String(state.opacity);
    };
    return h("label", { class: "opacity" }, "Photo", range, "Voxels");
  }

  private showOpacity: () => void = () => {};

  private showControls(): void {
    this.showView();
    this.showSlice();
    this.showOpacity();
    this.opacity.hidden = state.through < 0;
    if (this.volumes) (this.volumes as HTMLSelectElement).value = String(this.volume);
    for (const row of this.list.querySelectorAll<HTMLElement>("[data-object]")) {
      row.setAttribute("aria-pressed", String(Number(row.dataset.object) === state.object));
    }
    for (const map of this.element.querySelectorAll<HTMLElement>("[data-map-camera]")) {
      map.classList.toggle("chosen", Number(map.dataset.mapCamera) === state.through);
    }
  }

  private objectList(): HTMLElement {
    const { scene } = this.data;
    const rows = scene.objects.map((item, n) => {
      const pixels = item.visible_pixels.reduce((a, b) => a + b, 0);
      const row = h(
        "button",
        {
          type: "button",
          class: "object",
          "data-object": n,
          title: `${creditOf(scene, item.asset)?.title ?? item.asset}, ${boxSize(item)}`,
          onclick: () => update({ object: state.object === n ? -1 : n }),
          onpointerenter: () => this.mark(n),
          onpointerleave: () => this.mark(-1),
        },
        h("i", { class: "swatch", style: `background:${css(objectColor(n))}` }),
        h("span", { class: "object-class" }, item.class),
        h("span", { class: "object-model" }, item.asset),
        h("span", { class: "number faint" }, item.visible_pixels.length ? `${pixels.toLocaleString("en")} px` : ""),
      );
      return row;
    });
    return h("div", { class: "objects" }, ...rows);
  }

  private facts(): HTMLElement {
    const { scene } = this.data;
    const grid = scene.grid;
    const facts: [string, string][] = [
      ["preset", scene.preset],
      ["split", scene.split],
      ["seed", String(scene.seed)],
      ["grid", grid ? `${grid.shape.join(" × ")} of ${+(grid.voxel_size * 100).toFixed(2)} cm` : "none"],
      [
        "frustum",
        scene.cameras.length
          ? `${scene.cameras[0].frustum.size.join(" × ")}, ${scene.cameras[0].frustum.near} to ${scene.cameras[0].frustum.far} m`
          : "none",
      ],
      [
        "images",
        scene.cameras.length
          ? `${scene.cameras.length} of ${scene.cameras[0].width} × ${scene.cameras[0].height}`
          : "none",
      ],
      ["no place for", scene.skipped.map((item) => item.class).join(", ")],
    ];
    return h(
      "section",
      { class: "panel" },
      h("h2", {}, "Scene"),
      h("dl", { class: "facts" }, ...facts.filter(([, v]) => v).flatMap(([k, v]) => [h("dt", {}, k), h("dd", {}, v)])),
    );
  }

  /** The theme has changed. */
  retheme(): void {
    this.drawLines();
  }

  close(): void {
    this.stop();
    for (const stage of this.stages) stage.close();
    hideTooltip();
  }
}
