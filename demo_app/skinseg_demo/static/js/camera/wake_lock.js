// Keeps the screen on while a person aims, where the browser can; elsewhere nothing happens.

let lock = /** @type {WakeLockSentinel | null} */ (null);

export async function stayAwake() {
  try {
    lock = (await navigator.wakeLock?.request("screen")) ?? null;
  } catch {
    lock = null; // a phone that saves its battery may refuse
  }
}

export function maySleep() {
  lock?.release().catch(() => {});
  lock = null;
}
