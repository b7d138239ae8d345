// Places a lesion on the drawn body by a tap; the list below the drawing says the same, and moves the mark too.
import { t } from "./common.js";

const bodies = document.getElementById("bodies");
const list = document.getElementById("site");
const placed = document.getElementById("placed");
const fields = { x: document.getElementById("body-x"), y: document.getElementById("body-y") };

/** Return where an event happened on a drawing, in the drawing's own units. */
function pointOf(event, drawing) {
  return new DOMPoint(event.clientX, event.clientY).matrixTransform(drawing.getScreenCTM().inverse());
}

/** Put the mark on the drawing of a view, x and y in 0..1, and take it off the other one. */
function mark(view, x, y) {
  for (const drawing of bodies.querySelectorAll("svg")) {
    const sign = drawing.querySelector(".place");
    const { width, height } = drawing.viewBox.baseVal;
    const isHere = drawing.dataset.view === view;
    sign.setAttribute("visibility", isHere ? "visible" : "hidden");
    if (isHere) sign.setAttribute("transform", `translate(${x * width} ${y * height})`);
  }
  fields.x.value = view ? x : "";
  fields.y.value = view ? y : "";
  placed.textContent = view ? t("js.body.placed", { place: list.selectedOptions[0].text }) : "";
}

bodies.addEventListener("click", (event) => {
  const part = event.target.closest("[data-site]");
  if (!part) return;
  const drawing = part.ownerSVGElement;
  const point = pointOf(event, drawing);
  const { width, height } = drawing.viewBox.baseVal;
  list.value = part.dataset.site;
  mark(drawing.dataset.view, point.x / width, point.y / height);
});

list.addEventListener("change", () => {
  const { view, x, y } = list.selectedOptions[0].dataset;
  mark(view ?? "", Number(x), Number(y));
});
