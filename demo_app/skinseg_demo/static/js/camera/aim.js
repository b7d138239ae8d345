// What to tell the person who aims, and whether the moment is good: about the picture, never about the lesion.
import { t } from "../common.js";

/** @typedef {{tone: "good" | "mend" | "wait", words: string}} Hint */

const MIDDLE = 0.22; // how far the lesion's middle may lie from the picture's, of the shorter side
const SMALL = 0.12; // of the shorter side: smaller than this, a lesion should fill more of the circle
const STALE_MS = 2000; // how old an outline may be that is shown, and that the moment is judged by

/**
 * Return what the box told, or null where that is too old to hold for what the camera sees now.
 * @param {import("./live.js").Told | null} told
 * @param {number} now ms
 */
export function unlessStale(told, now) {
  return told && now - told.at <= STALE_MS ? told : null;
}

/**
 * Return what to say: the first thing that is in the way, else that all is well.
 * @param {import("./live.js").Told | null} told
 * @param {import("./steadiness.js").Steadiness} steady
 * @param {{width: number, height: number}} frame px
 * @param {boolean} isAuto whether the picture is taken by itself
 * @returns {Hint}
 */
export function hintFor(told, steady, frame, isAuto) {
  if (!told) return { tone: "wait", words: t("js.aim.waiting") };
  if (!told.outlines.length) return { tone: "mend", words: t("js.aim.nothing") };
  const shape = extent(largest(told.outlines, frame), frame);
  if (shape.offMiddle > MIDDLE) return { tone: "mend", words: t("js.aim.middle") };
  if (shape.size < SMALL) return { tone: "mend", words: t("js.aim.closer") };
  const [first] = told.hints;
  if (first) return { tone: "mend", words: wordsOf(first) };
  if (!steady.isStill) return { tone: "mend", words: t("js.aim.still") };
  if (!steady.isSharp) return { tone: "mend", words: t("js.aim.focus") };
  return { tone: "good", words: isAuto ? t("js.aim.good") : t("js.aim.take") };
}

/** Counts how long the hint has been good. */
export class GoodMoment {
  #since = /** @type {number | null} */ (null);

  /** @param {number} lastsMs how long it must last */
  constructor(lastsMs) {
    this.lastsMs = lastsMs;
  }

  /**
   * Return whether the picture should be taken now; it says so once for each good stretch.
   * @param {Hint} hint
   * @param {number} now ms
   */
  has(hint, now) {
    if (hint.tone !== "good") {
      this.#since = null;
      return false;
    }
    this.#since ??= now;
    const isTime = now - this.#since >= this.lastsMs;
    if (isTime) this.#since = Infinity;
    return isTime;
  }

  reset() {
    this.#since = null;
  }
}

/** @param {[number, number][][]} outlines @param {{width: number, height: number}} frame */
function largest(outlines, frame) {
  return outlines.reduce((best, each) => (extent(each, frame).size > extent(best, frame).size ? each : best));
}

/** Size and distance from the middle, both over the shorter side of the frame. */
function extent(outline, { width, height }) {
  const short = Math.min(width, height);
  const xs = outline.map(([x]) => x * width);
  const ys = outline.map(([, y]) => y * height);
  const [left, right, top, bottom] = [Math.min(...xs), Math.max(...xs), Math.min(...ys), Math.max(...ys)];
  const off = Math.hypot((left + right - width) / 2, (top + bottom - height) / 2);
  return { size: Math.max(right - left, bottom - top) / short, offMiddle: off / short };
}

/** The words for a finding in this language; one that has none is told as the gate does, less its numbers in brackets. */
function wordsOf({ name, sentence }) {
  const key = `js.finding.${name.replaceAll(" ", "_")}`;
  const known = t(key);
  if (known !== key) return known;
  const words = sentence.replace(/\s*\([^)]*\)/g, "");
  return words.charAt(0).toUpperCase() + words.slice(1);
}
