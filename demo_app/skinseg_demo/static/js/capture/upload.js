// Sends one picture to the box and tells how far it is. XMLHttpRequest, since fetch tells nothing while it sends.
import { Refused, csrf, t } from "../common.js";

/**
 * @typedef {object} Task
 * @property {string} address where pictures go
 * @property {string} role "closeup" or "overview"
 * @property {string} caseId empty for a picture that belongs to no case yet
 * @property {boolean} hasCard whether the scale card lies in the picture
 *
 * @typedef {object} Answer
 * @property {Record<string, any> & {id: string}} result as the box keeps it
 * @property {number} upMs from the first byte to the last one
 * @property {number} wholeMs from the first byte to the answer
 */

/**
 * Send a picture. The promise fails with Refused (status 0 where the box cannot be reached) or, after `signal`, with
 * an AbortError.
 * @param {Blob} picture
 * @param {Task} task
 * @param {(share: number) => void} onProgress 0 to 1; 1 is said when all is on its way to the box
 * @param {AbortSignal} signal
 * @returns {Promise<Answer>}
 */
export function upload(picture, task, onProgress, signal) {
  const request = new XMLHttpRequest();
  const began = performance.now();
  let upMs = 0;
  request.upload.addEventListener("progress", (event) => {
    if (event.lengthComputable) onProgress(event.loaded / event.total);
  });
  request.upload.addEventListener("load", () => {
    upMs = performance.now() - began;
    onProgress(1);
  });
  return new Promise((resolve, reject) => {
    const unreachable = () => reject(new Refused(0, "Unreachable", t("js.unreachable")));
    request.addEventListener("load", () => {
      const wholeMs = performance.now() - began;
      if (request.status === 201) resolve({ result: JSON.parse(request.responseText), upMs, wholeMs });
      else reject(refusalOf(request));
    });
    for (const name of ["error", "timeout"]) request.addEventListener(name, unreachable);
    request.addEventListener("abort", () => reject(new DOMException("stopped by hand", "AbortError")));
    signal.addEventListener("abort", () => request.abort());
    request.open("POST", task.address);
    request.setRequestHeader("X-CSRF-Token", csrf());
    request.setRequestHeader("Accept", "application/json");
    request.send(formOf(picture, task));
  });
}

/** @param {Blob} picture @param {Task} task */
function formOf(picture, task) {
  const form = new FormData();
  form.append("picture", picture, "picture"); // a name tells nothing: the box looks at the bytes
  form.append("role", task.role);
  if (task.caseId) form.append("case", task.caseId);
  form.append("card", task.hasCard ? "yes" : "no");
  return form;
}

/** @param {XMLHttpRequest} request */
function refusalOf(request) {
  let said;
  try {
    said = JSON.parse(request.responseText).error;
  } catch {
    said = { kind: "Fault", message: request.statusText || t("js.unreachable") };
  }
  const wait = Number(request.getResponseHeader("Retry-After")) || undefined;
  return new Refused(request.status, said.kind, said.message, wait);
}
