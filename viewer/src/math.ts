// Vectors and matrices. Matrices are row-major arrays of 16 numbers; cameras follow OpenCV (x right, y down, z forward).

export type Vec3 = [number, number, number];
export type Mat4 = Float64Array;

export function mat4(rows: readonly (readonly number[])[]): Mat4 {
  return Float64Array.from(rows.flat());
}

export function multiply(a: Mat4, b: Mat4): Mat4 {
  const out = new Float64Array(16);
  for (let r = 0; r < 4; r++) {
    for (let c = 0; c < 4; c++) {
      let sum = 0;
      for (let k = 0; k < 4; k++) sum += a[4 * r + k] * b[4 * k + c];
      out[4 * r + c] = sum;
    }
  }
  return out;
}

/** A point through an affine matrix. */
export function transform(m: Mat4, [x, y, z]: Vec3): Vec3 {
  return [
    m[0] * x + m[1] * y + m[2] * z + m[3],
    m[4] * x + m[5] * y + m[6] * z + m[7],
    m[8] * x + m[9] * y + m[10] * z + m[11],
  ];
}

/** The inverse of an affine matrix. */
export function inverse(m: Mat4): Mat4 {
  const [a, b, c, , d, e, f, , g, h, i] = m;
  const det = a * (e * i - f * h) - b * (d * i - f * g) + c * (d * h - e * g);
  const r = [
    (e * i - f * h) / det,
    (c * h - b * i) / det,
    (b * f - c * e) / det,
    (f * g - d * i) / det,
    (a * i - c * g) / det,
    (c * d - a * f) / det,
    (d * h - e * g) / det,
    (b * g - a * h) / det,
    (a * e - b * d) / det,
  ];
  const [x, y, z] = [m[3], m[7], m[11]];
  return Float64Array.of(
    ...r.slice(0, 3),
    -(r[0] * x + r[1] * y + r[2] * z),
    ...r.slice(3, 6),
    -(r[3] * x + r[4] * y + r[5] * z),
    ...r.slice(6, 9),
    -(r[6] * x + r[7] * y + r[8] * z),
    0,
    0,
    0,
    1,
  );
}

export const add = (a: Vec3, b: Vec3): Vec3 => [a[0] + b[0], a[1] + b[1], a[2] + b[2]];
export const subtract = (a: Vec3, b: Vec3): Vec3 => [a[0] - b[0], a[1] - b[1], a[2] - b[2]];
export const scale = (a: Vec3, s: number): Vec3 => [a[0] * s, a[1] * s, a[2] * s];
export const cross = (a: Vec3, b: Vec3): Vec3 => [
  a[1] * b[2] - a[2] * b[1],
  a[2] * b[0] - a[0] * b[2],
  a[0] * b[1] - a[1] * b[0],
];
export const length = (a: Vec3): number => Math.hypot(a[0], a[1], a[2]);
export const unit = (a: Vec3): Vec3 => scale(a, 1 / (length(a) || 1));

/** World to camera for an eye that looks at a target, up is +z. */
export function lookAt(eye: Vec3, target: Vec3): Mat4 {
  const forward = unit(subtract(target, eye));
  const right = unit(cross(forward, [0, 0, 1]));
  const down = cross(forward, right);
  const row = (axis: Vec3): number[] => [...axis, -(axis[0] * eye[0] + axis[1] * eye[1] + axis[2] * eye[2])];
  return mat4([row(right), row(down), row(forward), [0, 0, 0, 1]]);
}

/** Camera coordinates to clip space: pixel (0, 0) of an image is its top-left corner. */
export function projection(k: readonly number[][], width: number, height: number, near: number, far: number): Mat4 {
  return mat4([
    [(2 * k[0][0]) / width, (2 * k[0][1]) / width, (2 * k[0][2]) / width - 1, 0],
    [0, (-2 * k[1][1]) / height, 1 - (2 * k[1][2]) / height, 0],
    [0, 0, (far + near) / (far - near), (-2 * far * near) / (far - near)],
    [0, 0, 1, 0],
  ]);
}
