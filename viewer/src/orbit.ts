// Turning around a point: mouse, pen, touch and wheel.

import { add, lookAt, type Mat4, multiply, projection, scale, type Vec3 } from "./math";

export interface Pose {
  azimuth: number;
  elevation: number;
  distance: number;
  target: Vec3;
}

const FIELD = 34;
/** Degrees, from top to bottom. */

export function eyeOf(pose: Pose): Vec3 {
  const [a, e] = [(pose.azimuth * Math.PI) / 180, (pose.elevation * Math.PI) / 180];
  return add(pose.target, scale([Math.cos(a) * Math.cos(e), Math.sin(a) * Math.cos(e), Math.sin(e)], pose.distance));
}

export function kOf(width: number, height: number): number[][] {
  const focal = Math.min(height, width) / 2 / Math.tan((FIELD * Math.PI) / 360);
  return [
    [focal, 0, width / 2],
    [0, focal, height / 2],
    [0, 0, 1],
  ];
}

export function viewOf(pose: Pose, width: number, height: number): Mat4 {
  const near = pose.distance / 60;
  return multiply(
    projection(kOf(width, height), width, height, near, pose.distance * 12),
    lookAt(eyeOf(pose), pose.target),
  );
}

export const poseText = (pose: Pose): string =>
  [pose.azimuth, pose.elevation, pose.distance, ...pose.target].map((n) => Number(n.toFixed(2))).join("_");

export function poseFromText(text: string): Pose | null {
  const parts = text.split("_").map(Number);
  if (parts.length !== 6 || !parts.every(Number.isFinite) || parts[2] <= 0) return null;
  return { azimuth: parts[0], elevation: parts[1], distance: parts[2], target: [parts[3], parts[4], parts[5]] };
}

/** Change a pose by dragging (turn; with Shift or the right button, move), pinching and the wheel (come nearer). */
export function control(
  canvas: HTMLElement,
  signal: AbortSignal,
  get: () => Pose,
  set: (pose: Pose, ended: boolean) => void,
): void {
  const pointers = new Map<number, { x: number; y: number }>();
  const turn = (pose: Pose, dx: number, dy: number): Pose => ({
    ...pose,
    azimuth: ((((pose.azimuth - dx * 0.4 + 540) % 360) + 360) % 360) - 180,
    elevation: Math.min(Math.max(pose.elevation + dy * 0.4, -89), 89),
  });
  const move = (pose: Pose, dx: number, dy: number): Pose => {
    const m = lookAt(eyeOf(pose), pose.target);
    const perPixel = (pose.distance * 2 * Math.tan((FIELD * Math.PI) / 360)) / canvas.clientHeight;
    const shift = add(scale([m[0], m[1], m[2]], -dx * perPixel), scale([m[4], m[5], m[6]], -dy * perPixel));
    return { ...pose, target: add(pose.target, shift) };
  };
  const nearer = (pose: Pose, factor: number): Pose => ({
    ...pose,
    distance: Math.min(Math.max(pose.distance * factor, 0.2), 400),
  });

  canvas.addEventListener(
    "pointerdown",
    (event) => {
      canvas.setPointerCapture(event.pointerId);
      pointers.set(event.pointerId, { x: event.clientX, y: event.clientY });
    },
    { signal },
  );
  canvas.addEventListener(
    "pointermove",
    (event) => {
      const last = pointers.get(event.pointerId);
      if (!last) return;
      const [dx, dy] = [event.clientX - last.x, event.clientY - last.y];
      if (!dx && !dy) return;
      const before = spread([...pointers.values()]);
      pointers.set(event.pointerId, { x: event.clientX, y: event.clientY });
      if (pointers.size === 1) {
        const moving = event.shiftKey || (event.buttons & 6) !== 0;
        set((moving ? move : turn)(get(), dx, dy), false);
      } else {
        const after = spread([...pointers.values()]);
        set(move(nearer(get(), before / after || 1), dx / 2, dy / 2), false);
      }
    },
    { signal },
  );
  const end = (event: PointerEvent): void => {
    if (pointers.delete(event.pointerId)) set(get(), true);
  };
  canvas.addEventListener("pointerup", end, { signal });
  canvas.addEventListener("pointercancel", end, { signal });
  canvas.addEventListener("contextmenu", (event) => event.preventDefault(), { signal });
  canvas.addEventListener(
    "wheel",
    (event) => {
      event.preventDefault();
      set(nearer(get(), Math.exp(event.deltaY * 0.0012)), true);
    },
    { passive: false, signal },
  );
}

function spread(points: { x: number; y: number }[]): number {
  if (points.length < 2) return 1;
  return Math.hypot(points[0].x - points[1].x, points[0].y - points[1].y) || 1;
}
