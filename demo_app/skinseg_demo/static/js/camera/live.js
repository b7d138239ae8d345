// The outline while a person aims: small frames go to the box, one at a time, and what comes late is not shown.
import { Refused, send } from "../common.js";

const EVERY_MS = 250;
const LATE_MS = 1500; // an older outline would lie beside the lesion
const GIVE_UP_MS = 4000;
const SIDE = 320; // px, the longer one
const QUALITY = 0.7;

/**
 * @typedef {object} Told
 * @property {[number, number][][]} outlines x and y in 0..1 of the frame
 * @property {{name: string, sentence: string, is_blocking?: boolean}[]} hints about the picture
 * @property {number} at when the frame was taken, ms
 */

/** Sends frames of a video as long as it runs. */
export class LiveOutline {
  #canvas = document.createElement("canvas");
  #timer = 0;
  #flight = /** @type {AbortController | null} */ (null);
  #pauseUntil = 0;

  /**
   * @param {HTMLVideoElement} video
   * @param {string} address
   * @param {{onTold: (told: Told) => void, onSilent: (error: Refused) => void, onTick: (now: number) => void}} hooks
   */
  constructor(video, address, hooks) {
    Object.assign(this, { video, address, hooks });
  }

  start() {
    this.stop();
    this.#timer = setInterval(() => this.#tick(), EVERY_MS);
  }

  stop() {
    clearInterval(this.#timer);
    this.#flight?.abort();
    this.#flight = null;
  }

  #tick() {
    if (this.video.readyState < HTMLMediaElement.HAVE_CURRENT_DATA) return;
    const now = performance.now();
    this.hooks.onTick(now);
    if (!this.#flight && now >= this.#pauseUntil) this.#sendOne(now);
  }

  /** @param {number} at */
  async #sendOne(at) {
    const flight = new AbortController();
    this.#flight = flight;
    const timer = setTimeout(() => flight.abort(), GIVE_UP_MS);
    try {
      const body = await this.#frame();
      const headers = { "Content-Type": "image/jpeg" };
      const answer = await send(this.address, { body, headers, signal: flight.signal });
      const told = await answer.json();
      const isLate = performance.now() - at > LATE_MS || flight.signal.aborted;
      if (!isLate) this.hooks.onTold({ ...told, at });
    } catch (error) {
      if (error instanceof Refused) this.#rest(error);
    } finally {
      clearTimeout(timer);
      if (this.#flight === flight) this.#flight = null;
    }
  }

  /** A busy box dropped the frame: pictures go first. */
  #rest(error) {
    this.#pauseUntil = performance.now() + (error.retryAfterS ?? 1) * 1000;
    this.hooks.onSilent(error);
  }

  /** @returns {Promise<Blob>} */
  #frame() {
    const { videoWidth, videoHeight } = this.video;
    const scale = SIDE / Math.max(videoWidth, videoHeight);
    this.#canvas.width = Math.round(videoWidth * scale);
    this.#canvas.height = Math.round(videoHeight * scale);
    this.#canvas.getContext("2d").drawImage(this.video, 0, 0, this.#canvas.width, this.#canvas.height);
    return new Promise((resolve) => this.#canvas.toBlob(resolve, "image/jpeg", QUALITY));
  }
}
