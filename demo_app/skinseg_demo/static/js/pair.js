// Hands the token of a scanned code to the box, once, after taking it out of the address.
import { send, t } from "./common.js";

const status = document.getElementById("pairing");
const failed = document.getElementById("failed");

function tokenFromAddress() {
  const token = new URLSearchParams(location.hash.slice(1)).get("k");
  history.replaceState(null, "", location.pathname);
  return token;
}

function show(message) {
  status.hidden = Boolean(message);
  failed.textContent = message;
  failed.hidden = !message;
}

async function pair() {
  const token = tokenFromAddress();
  if (!token) return show(t("js.pair.no_code"));
  show("");
  try {
    await send(status.dataset.pair, { json: { token } });
    location.replace(status.dataset.home);
  } catch (error) {
    show(error.message);
  }
}

// A second code opened in the same tab changes the part behind # only, and loads nothing.
addEventListener("hashchange", () => location.hash && pair());
pair();
