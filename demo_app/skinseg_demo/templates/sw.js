// Keeps the static shell of the pages, and one page for when the box cannot be reached. Nothing else is ever kept.
const SHELL = "skinseg-shell-{{ version }}";
const STATIC = new Set({{ kept|safe }});
const OFFLINE = "{{ offline }}";

addEventListener("install", (event) => {
  event.waitUntil(fill().then(() => skipWaiting()));
});

addEventListener("activate", (event) => {
  event.waitUntil(forgetOlder().then(() => clients.claim()));
});

addEventListener("message", (event) => {
  event.waitUntil(followLanguage(event.data?.language));
});

addEventListener("fetch", (event) => {
  const { request } = event;
  if (request.method !== "GET") return;
  if (request.mode === "navigate") return event.respondWith(fetch(request).catch(offlinePage));
  const address = new URL(request.url);
  if (address.origin === location.origin && STATIC.has(address.pathname)) event.respondWith(asset(request));
});

async function fill() {
  const shell = await caches.open(SHELL);
  await shell.addAll([...STATIC, offlineIn("*")]);
}

// Asked for as nobody in particular: what is kept holds no sign of a session.
function offlineIn(language) {
  return new Request(OFFLINE, { credentials: "omit", headers: { "Accept-Language": language } });
}

async function forgetOlder() {
  const names = await caches.keys();
  await Promise.all(names.filter((name) => name !== SHELL).map((name) => caches.delete(name)));
}

async function followLanguage(language) {
  const shell = await caches.open(SHELL);
  const kept = await shell.match(OFFLINE);
  if (!language || kept?.headers.get("Content-Language") === language) return;
  await shell.add(offlineIn(language)).catch(() => {}); // out of reach: the other language will do
}

// The box has the newest version; what is kept serves where it is out of reach.
async function asset(request) {
  try {
    return await fetch(request);
  } catch (error) {
    const kept = await (await caches.open(SHELL)).match(request, { ignoreSearch: true });
    if (kept) return kept;
    throw error;
  }
}

async function offlinePage() {
  const kept = await (await caches.open(SHELL)).match(OFFLINE);
  return kept ?? Response.error();
}
