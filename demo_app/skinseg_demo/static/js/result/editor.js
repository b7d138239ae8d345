// "The outline is wrong": move its points, draw it anew, or mark the picture as unusable; then tell the box.
import { Refused, send, t } from "../common.js";
import { listenForStrokes } from "./drawing.js";
import { area, circleAt, clipped, nudged, pathOf, perimeter, resampled } from "./geometry.js";
import { Handles } from "./handles.js";

/** @typedef {import("./geometry.js").Point} Point */

const POINTS = 160; // of one outline; far finer than a finger, and 24 outlines stay below the box's limit
const HANDLE_PX = 46; // between two handles on the screen
const FEWEST = 6;
const MOST = 24;
const SMALLEST = 0.0004; // share of the photo that a drawn outline must hold

const by = (id) => document.getElementById(id);
const part = (name) => by(`edit-${name}`);

/** Edits the outlines of one picture. */
export class Editor {
  #outlines = /** @type {Point[][]} */ ([]);
  #past = /** @type {Point[][][]} */ ([]);
  #kind = "nudge";
  #stopStrokes = () => {};

  /**
   * @param {{result: HTMLElement, canvas: SVGSVGElement, outlines: Point[][]}} what
   * @param {{onSaved: () => void, onClosed: () => void}} hooks
   */
  constructor({ result, canvas, outlines }, hooks) {
    Object.assign(this, { canvas, hooks, given: outlines });
    this.address = result.dataset.corrections;
    this.size = [Number(result.dataset.columns), Number(result.dataset.rows)];
    this.handles = new Handles(canvas, by("editing"), {
      onGrab: () => this.#remember(),
      onMove: (outline, index, way) => this.#nudge(outline, index, way),
    });
    for (const choice of part("kinds").querySelectorAll("input")) {
      choice.addEventListener("change", () => this.#choose(choice.value));
    }
    part("undo").addEventListener("click", () => this.#undo());
    part("circle").addEventListener("click", () => this.#addCircle());
    part("cancel").addEventListener("click", () => this.#close());
    part("save").addEventListener("click", () => this.#save());
  }

  open() {
    by("editor").hidden = false;
    this.#outlines = this.given.map((outline) => resampled(outline, POINTS));
    this.#choose(this.#outlines.length ? "nudge" : "redraw");
    part("title").focus();
  }

  /** @param {string} kind */
  #choose(kind) {
    this.#kind = kind;
    this.#past = [];
    this.#tell("");
    part("kinds").querySelector(`[value="${kind}"]`).checked = true;
    for (const how of document.querySelectorAll("[data-how]")) how.hidden = how.dataset.how !== kind;
    this.#stopStrokes();
    this.canvas.classList.toggle("drawing", kind === "redraw");
    part("circle").hidden = kind !== "redraw";
    if (kind === "redraw") {
      this.#outlines = [];
      this.#stopStrokes = listenForStrokes(this.canvas, {
        onMove: (stroke) => this.#show([...this.#outlines, stroke]),
        onEnd: (stroke) => this.#addStroke(stroke),
      });
    } else {
      this.#outlines = this.given.map((outline) => resampled(outline, POINTS));
    }
    this.#show();
  }

  /** @param {Point[]} stroke */
  #addStroke(stroke) {
    const inside = stroke.map(clipped);
    if (inside.length < 3 || area(inside) < SMALLEST) {
      this.#tell(t("js.edit.small"));
      return this.#show();
    }
    this.#remember();
    this.#tell("");
    this.#outlines = [...this.#outlines, resampled(inside, POINTS)];
    this.#show();
  }

  /** For those who do not draw: a circle, whose points the keys can move. */
  #addCircle() {
    this.#remember();
    this.#stopStrokes();
    this.canvas.classList.remove("drawing");
    this.#outlines = [...this.#outlines, resampled(circleAt([0.5, 0.5], ...this.size), POINTS)];
    this.#show();
    this.#showHandles();
    by("editing").lastElementChild?.focus();
  }

  #nudge(outline, index, way) {
    const every = POINTS / this.#handlesOf(this.#outlines[outline]);
    this.#outlines = this.#outlines.map((each, i) => (i === outline ? nudged(each, index, way, every * 1.5) : each));
    this.#show();
    if (this.#kind === "redraw") this.#showHandles();
  }

  /** @param {Point[][]} outlines */
  #show(outlines = this.#outlines) {
    const path = this.#kind === "unusable" ? "" : pathOf(outlines, ...this.size);
    for (const each of this.canvas.querySelectorAll(".outline, .halo")) each.setAttribute("d", path);
    part("undo").disabled = !this.#past.length;
    if (this.#kind === "nudge") this.#showHandles();
    else if (this.canvas.classList.contains("drawing") || this.#kind === "unusable") this.handles.clear();
  }

  #showHandles() {
    const places = this.#outlines.flatMap((points, outline) => {
      const count = this.#handlesOf(points);
      return Array.from({ length: count }, (_, i) => {
        const index = Math.round((i * POINTS) / count) % POINTS;
        return { outline, index, at: points[index] };
      });
    });
    this.handles.show(places);
  }

  /** As many as a finger can tell apart; counted on the outline as it was given, so that none appears amid a drag. */
  #handlesOf(points) {
    const key = this.#outlines.indexOf(points);
    const first = this.#past[0]?.[key] ?? points;
    const { width } = this.canvas.getBoundingClientRect();
    const onScreen = first.map(([x, y]) => [x * width, (y * width * this.size[1]) / this.size[0]]);
    return Math.min(MOST, Math.max(FEWEST, Math.floor(perimeter(onScreen) / HANDLE_PX)));
  }

  #remember() {
    this.#past.push(this.#outlines);
    part("undo").disabled = false;
  }

  #undo() {
    this.#outlines = this.#past.pop() ?? this.#outlines;
    this.handles.clear();
    this.#show();
  }

  async #save() {
    const polygons = this.#kind === "unusable" ? [] : this.#outlines;
    if (this.#kind !== "unusable" && !polygons.length) return this.#tell(t("js.edit.empty"));
    part("save").disabled = true;
    part("status").textContent = t("js.edit.saving");
    try {
      const rounded = polygons.map((outline) => outline.map((xy) => xy.map((value) => Number(value.toFixed(5)))));
      await send(this.address, { json: { kind: this.#kind, polygons: rounded } });
      this.hooks.onSaved();
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      this.#tell(error.message); // what was drawn stays; Save tries again
    } finally {
      part("save").disabled = false;
      part("status").textContent = "";
    }
  }

  #close() {
    this.#stopStrokes();
    this.canvas.classList.remove("drawing");
    this.handles.clear();
    for (const each of this.canvas.querySelectorAll(".outline, .halo")) {
      each.setAttribute("d", pathOf(this.given, ...this.size));
    }
    by("editor").hidden = true;
    this.hooks.onClosed();
  }

  /** @param {string} message */
  #tell(message) {
    part("failed").textContent = message;
    part("failed").hidden = !message;
  }
}
