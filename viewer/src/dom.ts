// Small helpers to make elements.

type Child = Node | string | null | undefined | false;
type Props = Record<string, unknown>;

/** An element: keys that begin with "on" are listeners, "class" and "style" as in HTML, other values attributes. */
export function h<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  props: Props = {},
  ...children: Child[]
): HTMLElementTagNameMap[K] {
  const element = document.createElement(tag);
  assign(element, props);
  append(element, children);
  return element;
}

/** An SVG element. */
export function s<K extends keyof SVGElementTagNameMap>(
  tag: K,
  props: Props = {},
  ...children: Child[]
): SVGElementTagNameMap[K] {
  const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
  assign(element, props);
  append(element, children);
  return element;
}

function assign(element: Element, props: Props): void {
  for (const [key, value] of Object.entries(props)) {
    if (value === undefined || value === null || value === false) continue;
    if (key.startsWith("on")) element.addEventListener(key.slice(2), value as EventListener);
    else element.setAttribute(key, value === true ? "" : String(value));
  }
}

function append(element: Element, children: Child[]): void {
  for (const child of children) if (child) element.append(child);
}

const LONGEST_WAIT_MS = 1000;

/** Call once what was drawn is on the screen and nothing else is to do. */
export function afterPaint(action: () => void): void {
  const whenIdle = (): void => {
    if ("requestIdleCallback" in window) requestIdleCallback(action, { timeout: LONGEST_WAIT_MS });
    else setTimeout(action); // Safari
  };
  requestAnimationFrame(() => requestAnimationFrame(whenIdle));
}

const ICONS: Record<string, string> = {
  back: "M15 5l-7 7 7 7",
  next: "M9 5l7 7-7 7",
  sun: "M12 4V2m0 20v-2m8-8h2M2 12h2m13.7-5.7l1.4-1.4M4.9 19.1l1.4-1.4m0-11.4L4.9 4.9m14.2 14.2l-1.4-1.4M16 12a4 4 0 11-8 0 4 4 0 018 0z",
  moon: "M20 14.5A8.5 8.5 0 019.5 4a8.5 8.5 0 1010.5 10.5z",
  help: "M9 9a3 3 0 115 2.2c-1.2.9-2 1.5-2 2.8m0 3.2v.1M21 12a9 9 0 11-18 0 9 9 0 0118 0z",
  filter: "M4 6h16M7 12h10m-7 6h4",
  close: "M6 6l12 12M18 6L6 18",
  warn: "M12 9v4m0 3.5v.1M10.3 4.3L2.6 17.6A2 2 0 004.3 20.6h15.4a2 2 0 001.7-3L13.7 4.3a2 2 0 00-3.4 0z",
  eye: "M2.5 12S6 5.5 12 5.5 21.5 12 21.5 12 18 18.5 12 18.5 2.5 12 2.5 12zM15 12a3 3 0 11-6 0 3 3 0 016 0z",
  palette:
    "M12 3a9 9 0 000 18c1.4 0 2-.9 2-1.8 0-1.3-1-1.6-1-2.7 0-.9.7-1.5 1.6-1.5H17a4 4 0 004-4c0-4.4-4-8-9-8zM7.5 11.5v.1M11 7.5v.1M15.5 8.5v.1",
  camera:
    "M3 8.5A1.5 1.5 0 014.500 7H7l1.500-2.500h7L17 7h2.500A1.500 1.500 0 0121 8.500v9a1.500 1.500 0 01-1.500 1.500h-15A1.500 1.500 0 013 17.500zM15.500 13a3.500 3.500 0 11-7 0 3.500 3.500 0 017 0z",
  orbit:
    "M21 12c0 2.200-4 4-9 4s-9-1.800-9-4 4-4 9-4 9 1.800 9 4zM12 3c2.200 0 4 4 4 9s-1.800 9-4 9-4-4-4-9 1.800-9 4-9z",
  expand: "M9 4H4v5m11-5h5v5M9 20H4v-5m11 5h5v-5",
  link: "M10 14a4 4 0 005.700 0l3-3A4 4 0 0013 5.300l-1 1M14 10a4 4 0 00-5.700 0l-3 3A4 4 0 0011 18.700l1-1",
};

/** A line icon. */
export function icon(name: string): SVGSVGElement {
  return s(
    "svg",
    { viewBox: "0 0 24 24", class: "icon", "aria-hidden": "true" },
    s("path", { d: ICONS[name] }),
  ) as SVGSVGElement;
}

/** A button with an icon alone: its label is its name for screen readers and its tooltip. */
export function iconButton(name: string, label: string, onclick: (event: Event) => void): HTMLButtonElement {
  return h("button", { class: "icon-button", type: "button", title: label, "aria-label": label, onclick }, icon(name));
}

export interface Choice {
  value: string;
  label: string;
  title?: string;
  disabled?: boolean;
}

/** A row of choices of which one is chosen. */
export class Segmented {
  readonly element: HTMLDivElement;
  private readonly buttons = new Map<string, HTMLButtonElement>();

  constructor(label: string, choices: Choice[], onchange: (value: string) => void) {
    this.element = h("div", { class: "segmented", role: "radiogroup", "aria-label": label });
    for (const choice of choices) {
      const button = h(
        "button",
        {
          type: "button",
          role: "radio",
          title: choice.title,
          disabled: choice.disabled,
          "data-value": choice.value,
          onclick: () => onchange(choice.value),
        },
        choice.label,
      );
      this.buttons.set(choice.value, button);
      this.element.append(button);
    }
  }

  set value(value: string) {
    for (const [key, button] of this.buttons) button.setAttribute("aria-checked", String(key === value));
  }
}

/** A button that is on or off. */
export class Toggle {
  readonly element: HTMLButtonElement;

  constructor(label: string, title: string, name: string, onchange: () => void) {
    this.element = h(
      "button",
      { class: "toggle", type: "button", title, "data-toggle": name, "aria-pressed": "false", onclick: onchange },
      label,
    );
  }

  set on(value: boolean) {
    this.element.setAttribute("aria-pressed", String(value));
  }
}
