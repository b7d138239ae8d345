// Registers the service worker where the connection is encrypted, and tells it the page's language.
async function register() {
  try {
    await navigator.serviceWorker.register("/sw.js", { scope: "/", updateViaCache: "none" });
    const { active } = await navigator.serviceWorker.ready;
    active?.postMessage({ language: document.documentElement.lang });
  } catch (error) {
    // A phone that does not trust the box yet may show its pages, yet refuses the worker: the demo goes on without.
    console.info(`without a service worker: ${error.message}`);
  }
}

if (location.protocol === "https:" && "serviceWorker" in navigator) register();
