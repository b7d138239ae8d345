// The panel of a picture on its way: what it is, how far it is, and, where the box is away, that it is kept here.
import { renewCsrf, t } from "../common.js";
import { keepTimes } from "../result/times.js";
import { upload } from "./upload.js";

const WAITS_S = [2, 4, 8, 15, 30]; // between tries by itself; the last one goes on
const PASSING = new Set([0, 429, 502, 503, 504]); // what another try may mend
const LOGGED_OFF = new Set([401, 403]); // and what pairing the phone anew may

const part = (name) => document.getElementById(name ? `sending-${name}` : "sending");

/** Sends one picture at a time; `onDropped` is called when a person gives it up. */
export class Sending {
  #picture = /** @type {Blob | null} */ (null);
  #stop = new AbortController();
  #timer = 0;
  #tries = 0;
  #wasLoggedOff = false;

  /** @param {{onDropped: () => void, hasCard: () => boolean}} hooks */
  constructor({ onDropped, hasCard }) {
    this.hooks = { onDropped, hasCard };
    part("again").addEventListener("click", () => this.#try());
    part("drop").addEventListener("click", () => this.#drop());
    addEventListener("online", () => this.#timer && this.#try());
    addEventListener("beforeunload", (event) => this.#picture && event.preventDefault());
  }

  /**
   * Show a picture and send it.
   * @param {Blob} picture
   * @param {string} about what is known of it, such as its size
   */
  start(picture, about) {
    this.#picture = picture;
    this.#tries = 0;
    part("picture").src = URL.createObjectURL(picture);
    part("about").textContent = about;
    part().hidden = false;
    part("title").focus();
    this.#try();
  }

  async #try() {
    if (!this.#picture) return;
    clearTimeout(this.#timer);
    this.#timer = 0;
    this.#stop = new AbortController();
    this.#show({ status: t("js.sending.up") });
    if (this.#wasLoggedOff) await renewCsrf();
    const { address, caseId, role } = this.#task();
    try {
      const task = { address, caseId, role, hasCard: this.hooks.hasCard() };
      this.#arrived(await upload(this.#picture, task, (share) => this.#progress(share), this.#stop.signal));
    } catch (error) {
      if (error.name !== "AbortError") this.#failed(error);
    }
  }

  #task() {
    const { pictures, case: caseId, role } = part().dataset;
    return { address: pictures, caseId, role };
  }

  /** @param {number} share */
  #progress(share) {
    part("progress").value = share;
    if (share >= 1) this.#show({ status: t("js.sending.outlining") });
  }

  /** @param {import("./upload.js").Answer} answer */
  #arrived(answer) {
    keepTimes(answer);
    this.#picture = null; // the box has it: leaving loses nothing
    location.assign(part().dataset.result.replace("ID", answer.result.id));
  }

  /** @param {import("../common.js").Refused} error */
  #failed(error) {
    const mayPass = PASSING.has(error.status);
    this.#wasLoggedOff = LOGGED_OFF.has(error.status);
    this.#show({ failed: error.message, isKept: mayPass || this.#wasLoggedOff });
    part("again").hidden = false;
    if (!mayPass) return;
    const waitS = error.retryAfterS ?? WAITS_S[Math.min(this.#tries, WAITS_S.length - 1)];
    this.#tries += 1;
    part("status").textContent = t("js.sending.retry", { seconds: waitS });
    this.#timer = setTimeout(() => this.#try(), waitS * 1000);
  }

  /** @param {{status?: string, failed?: string, isKept?: boolean}} what */
  #show({ status = "", failed = "", isKept = false }) {
    part("status").textContent = status;
    part("failed").textContent = failed;
    part("failed").hidden = !failed;
    part("kept").hidden = !isKept;
    part("again").hidden = true;
    part("progress").hidden = Boolean(failed);
  }

  #drop() {
    clearTimeout(this.#timer);
    this.#timer = 0;
    this.#stop.abort();
    URL.revokeObjectURL(part("picture").src);
    part("picture").removeAttribute("src");
    part("progress").value = 0;
    this.#picture = null;
    part().hidden = true;
    this.hooks.onDropped();
  }
}
