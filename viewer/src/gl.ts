// Drawing with WebGL 2: merged faces of voxels, lines of any width, and a photograph behind them. It draws when it is
// told to, never in a loop.

import { h } from "./dom";
import { type Mesh, VERTEX_BYTES } from "./mesher";
import type { Drawing, Line, Painter } from "./painter";

const FACES_VERTEX = `#version 300 es
uniform mat4 uView;
layout(location = 0) in vec3 aPosition;
layout(location = 1) in vec4 aColor;
layout(location = 2) in vec2 aCell;
out vec3 vColor;
out vec2 vCell;
void main() {
  gl_Position = uView * vec4(aPosition, 1.0);
  vColor = aColor.rgb * aColor.a;
  vCell = aCell;
}`;
const FACES_FRAGMENT = `#version 300 es
precision mediump float;
precision highp int;
uniform float uOpacity;
uniform float uEdges;
in highp vec2 vCell;
in vec3 vColor;
out vec4 color;
void main() {
  highp vec2 width = fwidth(vCell);
  highp vec2 place = abs(fract(vCell - 0.5) - 0.5);
  vec2 line = smoothstep(width * 0.4, width * 1.3, place);
  float fade = uEdges * smoothstep(0.34, 0.1, max(width.x, width.y));
  float edge = 1.0 - 0.26 * fade * (1.0 - min(line.x, line.y));
  color = vec4(vColor * edge * uOpacity, uOpacity);
}`;
const LINES_VERTEX = `#version 300 es
uniform mat4 uView;
uniform vec2 uSize;
uniform float uWidth;
layout(location = 0) in vec2 aCorner;
layout(location = 1) in vec3 aFrom;
layout(location = 2) in vec3 aTo;
layout(location = 3) in vec4 aColor;
out vec4 vColor;
void main() {
  vec4 a = uView * vec4(aFrom, 1.0);
  vec4 b = uView * vec4(aTo, 1.0);
  float near = 1e-3;
  vColor = aColor;
  if (a.w < near && b.w < near) { gl_Position = vec4(2.0, 2.0, 2.0, 1.0); return; }
  if (a.w < near) a = mix(b, a, (b.w - near) / (b.w - a.w));
  if (b.w < near) b = mix(a, b, (a.w - near) / (a.w - b.w));
  vec2 pa = a.xy / a.w * uSize;
  vec2 pb = b.xy / b.w * uSize;
  vec2 along = pb - pa;
  float span = length(along);
  vec2 across = span > 0.0 ? vec2(-along.y, along.x) / span : vec2(0.0, 1.0);
  vec4 end = aCorner.x > 0.5 ? b : a;
  end.xy += across * aCorner.y * uWidth / uSize * end.w;
  end.z -= 1e-4 * end.w;
  gl_Position = end;
}`;
const LINES_FRAGMENT = `#version 300 es
precision mediump float;
in vec4 vColor;
out vec4 color;
void main() { color = vec4(vColor.rgb * vColor.a, vColor.a); }`;
const PHOTO_VERTEX = `#version 300 es
layout(location = 0) in vec2 aCorner;
out vec2 vPlace;
void main() {
  vPlace = vec2(aCorner.x, 0.5 - 0.5 * aCorner.y);
  gl_Position = vec4(aCorner.x * 2.0 - 1.0, aCorner.y, 0.9999, 1.0);
}`;
const PHOTO_FRAGMENT = `#version 300 es
precision mediump float;
uniform sampler2D uPhoto;
in vec2 vPlace;
out vec4 color;
void main() { color = vec4(texture(uPhoto, vPlace).rgb, 1.0); }`;

interface Buffers {
  array: WebGLVertexArrayObject;
  buffers: WebGLBuffer[];
  count: number;
  /** Whether edges between cells are drawn. */
  cells: boolean;
}

const MOST_IDLE = 2;
/** As many as a page has stages. */
const idle: WebGlPainter[] = [];

export class WebGlPainter implements Painter {
  private readonly gl: WebGL2RenderingContext;
  private readonly programs: Record<"faces" | "lines" | "photo", WebGLProgram>;
  private readonly corners: WebGLBuffer;
  private readonly photoArray: WebGLVertexArrayObject;
  private readonly places = new Map<WebGLProgram, Map<string, WebGLUniformLocation | null>>();
  private readonly meshes = new Map<string, Buffers>();
  private readonly lines = new Map<string, Buffers>();
  private texture: WebGLTexture | null = null;
  readonly canvas = h("canvas", { class: "stage-canvas" });

  /** One that is not in use, with its canvas; null when there is none. */
  static kept(): WebGlPainter | null {
    const kept = idle.pop();
    return kept && !kept.gl.isContextLost() ? kept : null;
  }

  /** A new context, which takes a tenth of a second, and the browser's first one up to a whole second. An Error when
   *  the browser has no WebGL 2. */
  constructor() {
    const gl = this.canvas.getContext("webgl2", { antialias: true, alpha: true, premultipliedAlpha: true });
    if (!gl) throw new Error("This browser shows no WebGL 2.");
    this.gl = gl;
    this.programs = {
      faces: this.link(FACES_VERTEX, FACES_FRAGMENT),
      lines: this.link(LINES_VERTEX, LINES_FRAGMENT),
      photo: this.link(PHOTO_VERTEX, PHOTO_FRAGMENT),
    };
    this.corners = gl.createBuffer();
    gl.bindBuffer(gl.ARRAY_BUFFER, this.corners);
    gl.bufferData(gl.ARRAY_BUFFER, Float32Array.of(0, -1, 1, -1, 0, 1, 1, 1), gl.STATIC_DRAW);
    this.photoArray = gl.createVertexArray();
    gl.bindVertexArray(this.photoArray);
    gl.enableVertexAttribArray(0);
    gl.vertexAttribPointer(0, 2, gl.FLOAT, false, 0, 0);
  }

  private link(vertex: string, fragment: string): WebGLProgram {
    const gl = this.gl;
    const program = gl.createProgram();
    for (const [kind, text] of [
      [gl.VERTEX_SHADER, vertex],
      [gl.FRAGMENT_SHADER, fragment],
    ] as const) {
      const shader = gl.createShader(kind) as WebGLShader;
      gl.shaderSource(shader, text);
      gl.compileShader(shader);
      gl.attachShader(program, shader);
    }
    gl.linkProgram(program);
    if (!gl.getProgramParameter(program, gl.LINK_STATUS)) {
      throw new Error(`WebGL refuses a shader: ${gl.getProgramInfoLog(program)}`);
    }
    return program;
  }

  private at(program: WebGLProgram, name: string): WebGLUniformLocation | null {
    let found = this.places.get(program);
    if (!found) this.places.set(program, (found = new Map()));
    if (!found.has(name)) found.set(name, this.gl.getUniformLocation(program, name));
    return found.get(name) ?? null;
  }

  setMesh(name: string, mesh: Mesh | null): void {
    this.free(this.meshes, name);
    if (!mesh?.indices.length) return;
    const gl = this.gl;
    const array = gl.createVertexArray();
    gl.bindVertexArray(array);
    const vertices = gl.createBuffer();
    gl.bindBuffer(gl.ARRAY_BUFFER, vertices);
    gl.bufferData(gl.ARRAY_BUFFER, mesh.vertices, gl.STATIC_DRAW);
    const indices = gl.createBuffer();
    gl.bindBuffer(gl.ELEMENT_ARRAY_BUFFER, indices);
    gl.bufferData(gl.ELEMENT_ARRAY_BUFFER, mesh.indices, gl.STATIC_DRAW);
    for (const [place, size, kind, normalized, offset] of [
      [0, 3, gl.FLOAT, false, 0],
      [1, 4, gl.UNSIGNED_BYTE, true, 12],
      [2, 2, gl.UNSIGNED_SHORT, false, 16],
    ] as const) {
      gl.enableVertexAttribArray(place);
      gl.vertexAttribPointer(place, size, kind, normalized, VERTEX_BYTES, offset);
    }
    this.meshes.set(name, { array, buffers: [vertices, indices], count: mesh.indices.length, cells: mesh.cells });
  }

  setLines(name: string, lines: readonly Line[]): void {
    this.free(this.lines, name);
    if (!lines.length) return;
    const gl = this.gl;
    const data = new Float32Array(lines.length * 10);
    lines.forEach(({ from, to, color, alpha }, n) => {
      data.set([...from, ...to, color[0] / 255, color[1] / 255, color[2] / 255, alpha], 10 * n);
    });
    const array = gl.createVertexArray();
    gl.bindVertexArray(array);
    gl.bindBuffer(gl.ARRAY_BUFFER, this.corners);
    gl.enableVertexAttribArray(0);
    gl.vertexAttribPointer(0, 2, gl.FLOAT, false, 0, 0);
    const buffer = gl.createBuffer();
    gl.bindBuffer(gl.ARRAY_BUFFER, buffer);
    gl.bufferData(gl.ARRAY_BUFFER, data, gl.STATIC_DRAW);
    for (const [place, size, offset] of [
      [1, 3, 0],
      [2, 3, 12],
      [3, 4, 24],
    ] as const) {
      gl.enableVertexAttribArray(place);
      gl.vertexAttribPointer(place, size, gl.FLOAT, false, 40, offset);
      gl.vertexAttribDivisor(place, 1);
    }
    this.lines.set(name, { array, buffers: [buffer], count: lines.length, cells: false });
  }

  setPhoto(image: HTMLImageElement | null): void {
    const gl = this.gl;
    gl.deleteTexture(this.texture);
    this.texture = null;
    if (!image) return;
    this.texture = gl.createTexture();
    gl.bindTexture(gl.TEXTURE_2D, this.texture);
    gl.texImage2D(gl.TEXTURE_2D, 0, gl.RGBA, gl.RGBA, gl.UNSIGNED_BYTE, image);
    gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_MIN_FILTER, gl.LINEAR);
    gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_MAG_FILTER, gl.LINEAR);
    gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_WRAP_S, gl.CLAMP_TO_EDGE);
    gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_WRAP_T, gl.CLAMP_TO_EDGE);
  }

  private free(table: Map<string, Buffers>, name: string): void {
    const old = table.get(name);
    if (!old) return;
    this.gl.deleteVertexArray(old.array);
    for (const buffer of old.buffers) this.gl.deleteBuffer(buffer);
    table.delete(name);
  }

  draw(drawing: Drawing): void {
    const gl = this.gl;
    gl.disable(gl.SCISSOR_TEST);
    gl.viewport(0, 0, this.canvas.width, this.canvas.height);
    gl.clearColor(0, 0, 0, 0);
    gl.clear(gl.COLOR_BUFFER_BIT | gl.DEPTH_BUFFER_BIT);
    gl.viewport(...drawing.viewport);
    gl.enable(gl.SCISSOR_TEST);
    gl.scissor(...drawing.viewport);
    gl.enable(gl.DEPTH_TEST);
    gl.depthFunc(gl.LEQUAL);
    gl.blendFunc(gl.ONE, gl.ONE_MINUS_SRC_ALPHA);
    if (drawing.photo && this.texture) {
      gl.disable(gl.BLEND);
      gl.depthMask(false);
      gl.useProgram(this.programs.photo);
      gl.bindTexture(gl.TEXTURE_2D, this.texture);
      gl.bindVertexArray(this.photoArray);
      gl.drawArrays(gl.TRIANGLE_STRIP, 0, 4);
      gl.depthMask(true);
    }
    this.drawFaces(drawing);
    this.drawLines(drawing);
    gl.bindVertexArray(null);
  }

  private drawFaces(drawing: Drawing): void {
    const gl = this.gl;
    const program = this.programs.faces;
    if (drawing.opacity <= 0) return;
    gl.useProgram(program);
    gl.uniformMatrix4fv(this.at(program, "uView"), true, drawing.view);
    gl.uniform1f(this.at(program, "uOpacity"), drawing.opacity);
    const clear = drawing.opacity < 1;
    // See-through faces show the nearest one alone: first their depth, then their colour.
    for (const pass of clear ? ["depth", "color"] : ["color"]) {
      gl.colorMask(pass === "color", pass === "color", pass === "color", pass === "color");
      if (clear && pass === "color") gl.enable(gl.BLEND);
      else gl.disable(gl.BLEND);
      for (const mesh of this.meshes.values()) {
        gl.uniform1f(this.at(program, "uEdges"), mesh.cells ? 1 : 0);
        if (mesh.cells) gl.enable(gl.CULL_FACE);
        else gl.disable(gl.CULL_FACE); // models may be open
        gl.bindVertexArray(mesh.array);
        gl.drawElements(gl.TRIANGLES, mesh.count, gl.UNSIGNED_INT, 0);
      }
    }
    gl.disable(gl.CULL_FACE);
  }

  private drawLines(drawing: Drawing): void {
    const gl = this.gl;
    const program = this.programs.lines;
    if (!this.lines.size) return;
    gl.useProgram(program);
    gl.uniformMatrix4fv(this.at(program, "uView"), true, drawing.view);
    gl.uniform2f(this.at(program, "uSize"), drawing.viewport[2], drawing.viewport[3]);
    gl.uniform1f(this.at(program, "uWidth"), drawing.lineWidth);
    gl.enable(gl.BLEND);
    gl.depthMask(false);
    for (const lines of this.lines.values()) {
      gl.bindVertexArray(lines.array);
      gl.drawArraysInstanced(gl.TRIANGLE_STRIP, 0, 4, lines.count);
    }
    gl.depthMask(true);
  }

  /** Give the memory back, and keep the context for the next scene. */
  close(): void {
    for (const name of [...this.meshes.keys()]) this.free(this.meshes, name);
    for (const name of [...this.lines.keys()]) this.free(this.lines, name);
    this.setPhoto(null);
    this.gl.disable(this.gl.SCISSOR_TEST);
    this.gl.clear(this.gl.COLOR_BUFFER_BIT);
    this.canvas.remove();
    if (idle.length < MOST_IDLE) idle.push(this);
    else this.gl.getExtension("WEBGL_lose_context")?.loseContext();
  }
}
