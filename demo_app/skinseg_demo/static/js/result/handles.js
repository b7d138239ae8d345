// The points of an outline that can be moved, by dragging or with the arrow keys.
import { t } from "../common.js";
import { placeOf } from "./drawing.js";

/** @typedef {import("./geometry.js").Point} Point */

const SVG = "http://www.w3.org/2000/svg";
const STEP = 0.005; // of the photo's shorter side; ten times as much with Shift
const KEYS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
const TOUCH_PX = 22; // radius of what a finger hits
const SEEN_PX = 7;

/** The handles of all outlines on a canvas. */
export class Handles {
  /**
   * @param {SVGSVGElement} canvas
   * @param {SVGGElement} group where they are put
   * @param {{onGrab: () => void, onMove: (outline: number, index: number, by: Point) => void}} hooks
   */
  constructor(canvas, group, hooks) {
    Object.assign(this, { canvas, group, hooks });
  }

  /**
   * Show handles; the one that had the focus keeps it.
   * @param {{outline: number, index: number, at: Point}[]} places
   */
  show(places) {
    const { width, height } = this.canvas.viewBox.baseVal;
    const isSame = this.group.childElementCount === places.length;
    const marks = isSame ? [...this.group.children] : places.map((place, i) => this.#make(place, i, places.length));
    marks.forEach((mark, i) => {
      const [x, y] = places[i].at;
      mark.setAttribute("transform", `translate(${(x * width).toFixed(1)} ${(y * height).toFixed(1)})`);
    });
    if (!isSame) this.group.replaceChildren(...marks);
  }

  clear() {
    this.group.replaceChildren();
  }

  #make({ outline, index }, number, count) {
    const mark = document.createElementNS(SVG, "g");
    const perPx = this.canvas.viewBox.baseVal.width / this.canvas.getBoundingClientRect().width;
    for (const [name, radius] of [["reach", TOUCH_PX], ["dot", SEEN_PX]]) {
      const circle = document.createElementNS(SVG, "circle");
      circle.setAttribute("class", name);
      circle.setAttribute("r", (radius * perPx).toFixed(1));
      mark.append(circle);
    }
    mark.setAttribute("class", "handle");
    mark.setAttribute("tabindex", "0");
    mark.setAttribute("role", "button");
    mark.setAttribute("aria-label", t("js.edit.point", { number: number + 1, count }));
    this.#listen(mark, outline, index);
    return mark;
  }

  #listen(mark, outline, index) {
    let last = /** @type {Point | null} */ (null);
    mark.addEventListener("pointerdown", (event) => {
      mark.setPointerCapture(event.pointerId);
      last = placeOf(this.canvas, event);
      this.hooks.onGrab();
    });
    mark.addEventListener("pointermove", (event) => {
      if (!last) return;
      const now = placeOf(this.canvas, event);
      this.hooks.onMove(outline, index, [now[0] - last[0], now[1] - last[1]]);
      last = now;
    });
    for (const name of ["pointerup", "pointercancel"]) mark.addEventListener(name, () => (last = null));
    mark.addEventListener("keydown", (event) => {
      const way = KEYS[event.key];
      if (!way) return;
      event.preventDefault(); // the page would scroll
      this.hooks.onGrab();
      this.hooks.onMove(outline, index, this.#stepFor(way, event.shiftKey));
    });
  }

  /** @returns {Point} */
  #stepFor([x, y], isLarge) {
    const { width, height } = this.canvas.viewBox.baseVal;
    const px = Math.min(width, height) * STEP * (isLarge ? 10 : 1);
    return [(x * px) / width, (y * px) / height];
  }
}
