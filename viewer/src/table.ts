// What is known of every scene, in arrays of numbers: a hundred thousand scenes take a few megabytes.

import { type DatasetAnswer, getJson, isExported, type RowsAnswer } from "./api";
import { numbers, type State } from "./state";

const EVERY_MS = 2000;
const SOON_MS = 150;

/** An array of numbers that grows. */
class Growing {
  values: Float32Array = new Float32Array(1024);
  length = 0;

  push(more: readonly (number | null)[]): void {
    const length = this.length + more.length;
    if (length > this.values.length) {
      const wider = new Float32Array(Math.max(length, this.values.length * 2));
      wider.set(this.values);
      this.values = wider;
    }
    for (let n = 0; n < more.length; n++) this.values[this.length + n] = more[n] ?? Number.NaN;
    this.length = length;
  }
}

export class Table {
  readonly index = new Growing();
  readonly objects = new Growing();
  readonly total = new Growing();
  readonly seen = new Growing();
  readonly occupied = new Growing();
  readonly seconds = new Growing();
  /** Run number 0's IoU by position, of the worst camera where it has several; NaN where it has none. */
  iou = new Float32Array();
  private scores = new Map<number, number>();
  readonly models: Uint32Array[] = [];
  readonly licences: Uint32Array[] = [];
  /** Why there are no more rows, in one line; "" when there is no such reason. */
  problem = "";
  readonly damage = new Map<number, string>();
  readonly faults = new Map<number, string[]>();
  modelNames: string[] = [];
  licenceNames: string[] = [];
  complete = false;
  private readonly listeners = new Set<() => void>();
  private timer = 0;

  constructor(private readonly dataset: DatasetAnswer) {}

  get count(): number {
    return this.index.length;
  }

  get classes(): number {
    return this.dataset.classes.length;
  }

  listen(listener: () => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  /** Read how well a run predicts each scene. */
  async readScores(run: number): Promise<void> {
    const scores = new Map<number, number>();
    for (const [index, , iou] of await getJson<[number, number | null, number | null][]>(`runs/${run}`)) {
      if (iou !== null) scores.set(index, Math.min(iou, scores.get(index) ?? 1));
    }
    this.scores = scores;
    this.scoreRows();
    for (const listener of this.listeners) listener();
  }

  private scoreRows(): void {
    this.iou = Float32Array.from({ length: this.count }, (_, n) => this.scores.get(this.index.values[n]) ?? Number.NaN);
  }

  /** Read what there is, and then what is new, for as long as the page is open. */
  async follow(): Promise<void> {
    let wait = EVERY_MS;
    try {
      const answer = await getJson<RowsAnswer>(`rows/${this.count}`);
      const before = this.complete;
      const cured = this.problem !== "";
      this.problem = "";
      this.add(answer);
      if (cured || answer.index.length || before !== this.complete) for (const listener of this.listeners) listener();
      wait = this.count < answer.known ? 0 : answer.complete ? EVERY_MS : SOON_MS;
    } catch (error) {
      // The server has ended, or the data set is gone: another look finds out whether it is back.
      this.problem = error instanceof Error ? error.message : String(error);
      for (const listener of this.listeners) listener();
    }
    if (!isExported()) this.timer = window.setTimeout(() => void this.follow(), wait);
  }

  close(): void {
    window.clearTimeout(this.timer);
  }

  private add(answer: RowsAnswer): void {
    const classes = this.classes;
    this.index.push(answer.index);
    this.objects.push(answer.objects);
    this.seen.push(answer.seen);
    this.occupied.push(answer.occupied);
    this.seconds.push(answer.seconds);
    this.total.push(
      answer.index.map((_, n) => answer.objects.slice(n * classes, (n + 1) * classes).reduce((a, b) => a + b, 0)),
    );
    for (const row of answer.models) this.models.push(Uint32Array.from(row));
    for (const row of answer.licences) this.licences.push(Uint32Array.from(row));
    for (const [index, text] of Object.entries(answer.damage)) this.damage.set(Number(index), text);
    for (const [index, texts] of Object.entries(answer.faults)) this.faults.set(Number(index), texts);
    if (this.scores.size) this.scoreRows();
    this.modelNames = answer.modelNames;
    this.licenceNames = answer.licenceNames;
    this.complete = answer.complete && this.count >= answer.known;
  }

  /** "train", "validation" or "test": of training data every tenth scene validates. */
  splitOf(position: number): string {
    if (this.dataset.split !== "train") return this.dataset.split;
    return this.index.values[position] % 10 === 9 ? "validation" : "train";
  }

  countOf(position: number, c: number): number {
    return this.objects.values[position * this.classes + c];
  }

  /** The positions of the scenes that the filters of a state let through, in its order. */
  chosen(shown: State): Uint32Array {
    const classes = numbers(shown.classes);
    const search = shown.search.trim().toLowerCase();
    const models = search && !/^\d+$/.test(search) ? this.modelsLike(search) : null;
    const model = shown.model ? this.modelNames.indexOf(shown.model) : -1;
    const licence = shown.licence ? this.licenceNames.indexOf(shown.licence) : -1;
    const out = new Uint32Array(this.count);
    let count = 0;
    for (let n = 0; n < this.count; n++) {
      const index = this.index.values[n];
      if (models && !this.models[n].some((id) => models.has(id))) continue;
      if (search && !models && !String(index).startsWith(String(Number(search)))) continue;
      if (classes.some((c) => !this.countOf(n, c))) continue;
      const total = this.total.values[n];
      if (total < shown.least || (shown.most > 0 && total > shown.most)) continue;
      if (shown.model && !this.models[n].includes(model)) continue;
      if (shown.licence && !this.licences[n].includes(licence)) continue;
      if (shown.split && this.splitOf(n) !== shown.split) continue;
      if (shown.slow > 0 && !(this.seconds.values[n] >= shown.slow)) continue;
      if (shown.faults && !this.damage.has(index) && !this.faults.has(index)) continue;
      out[count++] = n;
    }
    return this.sorted(out.subarray(0, count), shown.sort);
  }

  private modelsLike(search: string): Set<number> {
    const found = new Set<number>();
    this.modelNames.forEach((name, id) => {
      if (name.toLowerCase().includes(search)) found.add(id);
    });
    return found;
  }

  private sorted(positions: Uint32Array, sort: string): Uint32Array {
    const name = sort.replace(/^-/, "");
    const down = sort.startsWith("-") ? -1 : 1;
    const columns: Record<string, Float32Array> = {
      objects: this.total.values,
      occupied: this.occupied.values,
      seen: this.seen.values,
      seconds: this.seconds.values,
      iou: this.iou,
    };
    const values = columns[name] ?? this.index.values;
    const index = this.index.values;
    // What has no value comes last.
    const key = (n: number): number =>
      Number.isNaN(values[n] ?? Number.NaN) ? Number.POSITIVE_INFINITY : down * values[n];
    return positions.sort((a, b) => key(a) - key(b) || index[a] - index[b]);
  }
}
