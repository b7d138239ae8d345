// Hands the token of a scanned code to the box, once, after taking it out of the address.
import { send, t } from "./common.js";

const status = document.getElementById("pairing");
const failed = document.getElementById("failed");

function tokenFromAddress() {
  const token = new URLSearchParams(location.hash.slice(1)).get("k");
  history.replaceState(null, "", location.pathname);
  return token;
}

function fail(message) {
  status.hidden = true;
  failed.textContent = message;
  failed.hidden = false;
}

const token = tokenFromAddress();
if (!token) {
  fail(t("js.pair.no_code"));
} else {
  try {
    await send(status.dataset.pair, { json: { token } });
    location.replace(status.dataset.home);
  } catch (error) {
    fail(error.message);
  }
}
