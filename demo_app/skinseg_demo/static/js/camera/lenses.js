// Which of a phone's back lenses to use: the one that focuses nearest, where the phone tells.
import { closeCamera, openCamera } from "./stream.js";

const KEY = "skinseg.lens"; // the lens that was chosen on this phone
const BACK = /back|rear|environment|trase|arri[eè]re|r[uü]ck|posterior|nyuma|पीछे|पिछ/i;
const FRONT = /front|user|face|avant|frontal/i;

/** @returns {string | undefined} */
export function rememberedLens() {
  return localStorage.getItem(KEY) ?? undefined;
}

/** @param {string} deviceId */
export function rememberLens(deviceId) {
  localStorage.setItem(KEY, deviceId);
}

/**
 * Return the back cameras, or all where no name tells front from back. Names are there once the camera is allowed.
 * @returns {Promise<MediaDeviceInfo[]>}
 */
export async function backLenses() {
  const cameras = (await navigator.mediaDevices.enumerateDevices()).filter(({ kind }) => kind === "videoinput");
  const back = cameras.filter(({ label }) => BACK.test(label));
  return back.length ? back : cameras.filter(({ label }) => !FRONT.test(label));
}

/**
 * Return the least distance that a lens focuses at, m; Infinity where it does not tell.
 * @param {MediaStream} stream
 */
export function nearestFocus(stream) {
  const [track] = stream.getVideoTracks();
  return track.getCapabilities?.().focusDistance?.min ?? Infinity;
}

/**
 * Open each back lens in turn and return the id of the one that focuses nearest; undefined where nothing is to choose.
 * Phones that tell no distance for the open lens tell none for the others: then none is tried.
 * @param {MediaStream} opened the lens that is open; it is closed where others are tried
 * @param {number} patienceS
 */
export async function nearestLens(opened, patienceS) {
  const lenses = await backLenses();
  if (lenses.length < 2 || nearestFocus(opened) === Infinity) return undefined;
  closeCamera(opened); // many phones open one at a time
  const found = [];
  for (const { deviceId } of lenses) {
    const stream = await openCamera({ deviceId, patienceS });
    found.push({ deviceId, nearest: nearestFocus(stream) });
    closeCamera(stream);
  }
  found.sort((one, other) => one.nearest - other.nearest);
  return found[0].deviceId;
}
