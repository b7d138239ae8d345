// How long a picture took from phone to phone: measured here, kept for the page of its result, gone with the tab.

const KEY = "skinseg.times.";

/** @param {import("../capture/upload.js").Answer} answer */
export function keepTimes({ result, upMs, wholeMs }) {
  try {
    sessionStorage.setItem(KEY + result.id, JSON.stringify({ upMs, wholeMs }));
  } catch {
    // a private window may refuse; the page then shows the box's own times alone
  }
}

/**
 * @param {string} pictureId
 * @returns {{upMs: number, wholeMs: number} | null}
 */
export function timesOf(pictureId) {
  try {
    return JSON.parse(sessionStorage.getItem(KEY + pictureId) ?? "null");
  } catch {
    return null;
  }
}

/**
 * Split the whole into the ways and the box's share. What the box spent on receiving is part of the way up.
 * @param {{upMs: number, wholeMs: number}} times
 * @param {{receive?: number, whole: number}} box
 */
export function legs({ upMs, wholeMs }, box) {
  const inBox = Math.max(0, box.whole - (box.receive ?? 0));
  return { up: Math.round(upMs), box: Math.round(inBox), down: Math.round(Math.max(0, wholeMs - upMs - inBox)) };
}
