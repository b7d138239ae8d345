// Drawing an outline with a finger, a pen or a mouse: one stroke, one closed outline.

/** @typedef {import("./geometry.js").Point} Point */

/**
 * Return where a pointer is on the photo, in 0..1.
 * @param {SVGSVGElement} canvas
 * @param {PointerEvent} event
 * @returns {Point}
 */
export function placeOf(canvas, event) {
  const { x, y } = new DOMPoint(event.clientX, event.clientY).matrixTransform(canvas.getScreenCTM().inverse());
  const { width, height } = canvas.viewBox.baseVal;
  return [x / width, y / height];
}

/**
 * Call `onMove` while a stroke goes on and `onEnd` when it ends; return what stops listening.
 * @param {SVGSVGElement} canvas
 * @param {{onMove: (stroke: Point[]) => void, onEnd: (stroke: Point[]) => void}} hooks
 * @returns {() => void}
 */
export function listenForStrokes(canvas, { onMove, onEnd }) {
  let stroke = /** @type {Point[] | null} */ (null);
  const stop = new AbortController();
  const on = (name, act) => canvas.addEventListener(name, act, { signal: stop.signal });
  on("pointerdown", (event) => {
    if (!event.isPrimary) return;
    canvas.setPointerCapture(event.pointerId);
    stroke = [placeOf(canvas, event)];
  });
  on("pointermove", (event) => {
    if (!stroke || !event.isPrimary) return;
    stroke.push(placeOf(canvas, event));
    onMove(stroke);
  });
  on("pointerup", () => {
    if (stroke) onEnd(stroke);
    stroke = null;
  });
  on("pointercancel", () => (stroke = null));
  return () => stop.abort();
}
