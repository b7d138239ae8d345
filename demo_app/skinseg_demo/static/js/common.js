// What every page's script uses: the words, the sign of our own page, and a request that fails in one sentence.

const words = JSON.parse(document.getElementById("strings")?.dataset.strings ?? "{}");

/** Return the words for a key such as "js.unreachable", with {placeholders} filled from values. */
export function t(key, values = {}) {
  return (words[key] ?? key).replace(/\{(\w+)\}/g, (whole, name) => values[name] ?? whole);
}

/** Return the CSRF token of this page. */
export function csrf() {
  return document.querySelector('meta[name="csrf"]')?.content ?? "";
}

/** Take the token of the session that this phone has now: it was paired anew meanwhile, perhaps in another tab. */
export async function renewCsrf() {
  const page = await fetch("/", { credentials: "same-origin", cache: "no-store" }).catch(() => null);
  if (!page?.ok) return;
  const found = new DOMParser().parseFromString(await page.text(), "text/html").querySelector('meta[name="csrf"]');
  const own = document.querySelector('meta[name="csrf"]');
  if (found?.content && own) own.content = found.content;
}

/** Return a sentence of the box as people write it: with a capital and a full stop. */
export function sentence(text) {
  return /[.!?]$/.test(text) ? text : `${text.charAt(0).toUpperCase()}${text.slice(1)}.`;
}

/** A request that was answered with no; message is a sentence for people. */
export class Refused extends Error {
  constructor(status, kind, message, retryAfterS) {
    super(sentence(message));
    Object.assign(this, { status, kind, retryAfterS });
  }
}

/** Send a request to the box as our own page. Throws Refused, with status 0 if the box cannot be reached. */
export async function send(address, { method = "POST", json, body, headers = {}, signal } = {}) {
  const all = { "X-CSRF-Token": csrf(), Accept: "application/json", ...headers };
  if (json !== undefined) all["Content-Type"] = "application/json";
  const options = { method, headers: all, body: json === undefined ? body : JSON.stringify(json), signal };
  let response;
  try {
    response = await fetch(address, { credentials: "same-origin", cache: "no-store", ...options });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Refused(0, "Unreachable", t("js.unreachable"));
  }
  if (response.ok) return response;
  const found = await response.json().catch(() => ({}));
  const wait = Number(response.headers.get("Retry-After")) || undefined;
  throw new Refused(response.status, found.error?.kind ?? "Fault", found.error?.message ?? response.statusText, wait);
}
