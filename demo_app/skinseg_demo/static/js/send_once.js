// A form goes once: a second tap while the box works would make a second case. And who signs is asked where needed.
const sent = new Set();

addEventListener("submit", (event) => {
  if (event.target.method !== "post") return;
  if (sent.has(event.target)) event.preventDefault();
  sent.add(event.target);
});

// Back from the next page, the browser shows this one as it was left.
addEventListener("pageshow", () => sent.clear());

for (const box of document.querySelectorAll("[data-needs]")) {
  const needed = document.getElementById(box.dataset.needs);
  const all = document.querySelectorAll(`[data-needs="${box.dataset.needs}"]`);
  const ask = () => { needed.required = [...all].some((each) => each.checked); };
  box.addEventListener("change", ask);
  ask();
}
