// On the page that stands in while the box is out of reach: looks for the box, and loads the page asked for once it answers.
const EVERY_MS = 2000;

async function answers() {
  try {
    return (await fetch("/healthz", { cache: "no-store" })).ok;
  } catch {
    return false;
  }
}

async function look() {
  if (await answers()) return location.reload();
  setTimeout(look, EVERY_MS);
}

document.getElementById("again").addEventListener("click", () => location.reload());
if (location.pathname !== "/offline") setTimeout(look, EVERY_MS);
