// The page of a result: its layers, the way to correct it, and how long it took.
import { t } from "../common.js";
import { Editor } from "./editor.js";
import { legs, timesOf } from "./times.js";

const by = (id) => document.getElementById(id);
const result = by("result");
const [drawn, viewing, canvas] = ["drawn", "viewing", "canvas"].map(by);

function showLayers() {
  drawn.classList.toggle("off", !by("show-outline").checked);
  drawn.style.opacity = by("opacity").value;
  by("opacity").disabled = !by("show-outline").checked;
  by("band").classList.toggle("on", Boolean(by("show-band")?.checked));
}

function showTimes() {
  const times = timesOf(result.dataset.id);
  if (times) by("legs").textContent = `${t("js.result.legs", legs(times, JSON.parse(result.dataset.ms)))}.`;
}

const editor = new Editor(
  { result, canvas, outlines: JSON.parse(result.dataset.outlines) },
  {
    onSaved: () => location.reload(),
    onClosed: () => {
      viewing.hidden = false;
      result.classList.remove("edited");
      by("correct").focus();
    },
  },
);

by("correct").addEventListener("click", () => {
  viewing.hidden = true;
  result.classList.add("edited");
  by("show-outline").checked = true;
  by("opacity").value = "1";
  if (by("show-band")) by("show-band").checked = false;
  showLayers();
  editor.open();
});
for (const id of ["show-outline", "opacity", "show-band"]) by(id)?.addEventListener("input", showLayers);
showLayers();
showTimes();
