// Opens the camera, tells by name what went wrong, and gives up waiting where a person ignores the browser's question.
import { t } from "../common.js";

const IDEAL = { width: { ideal: 2560 }, height: { ideal: 1920 }, frameRate: { ideal: 30 } };

/** A camera that did not open; `name` as of the browser, message a sentence with what to do. */
export class CameraFailed extends Error {
  /** @param {string} name */
  constructor(name) {
    super(whatToDo(name));
    this.name = name;
  }
}

/**
 * Open a camera. `ideal` alone: an exact wish makes some phones refuse, and old ones fall back to 640 x 480.
 * @param {{deviceId?: string, patienceS: number}} wish
 * @returns {Promise<MediaStream>}
 */
export async function openCamera({ deviceId, patienceS }) {
  if (!navigator.mediaDevices?.getUserMedia) throw new CameraFailed("Insecure");
  const which = deviceId ? { deviceId: { ideal: deviceId } } : { facingMode: { ideal: "environment" } };
  const asked = navigator.mediaDevices.getUserMedia({ audio: false, video: { ...IDEAL, ...which } });
  try {
    return await beforeLong(asked, patienceS);
  } catch (error) {
    if (error instanceof CameraFailed) asked.then(closeCamera, () => {}); // an answer that comes too late
    throw error instanceof CameraFailed ? error : new CameraFailed(error.name);
  }
}

/** @param {MediaStream | null | undefined} stream */
export function closeCamera(stream) {
  for (const track of stream?.getTracks() ?? []) track.stop();
}

/** @template T @param {Promise<T>} asked @param {number} patienceS @returns {Promise<T>} */
function beforeLong(asked, patienceS) {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new CameraFailed("Ignored")), patienceS * 1000);
    asked.then(resolve, reject).finally(() => clearTimeout(timer));
  });
}

/** @param {string} name */
function whatToDo(name) {
  switch (name) {
    case "Insecure":
      return t("js.camera.insecure");
    case "Ignored":
      return t("js.camera.ignored");
    case "NotAllowedError":
    case "SecurityError":
      return isApple() ? t("js.camera.denied_ios") : t("js.camera.denied");
    case "NotFoundError":
      return t("js.camera.none");
    case "NotReadableError":
      return t("js.camera.busy");
    case "OverconstrainedError":
      return t("js.camera.overconstrained");
    case "AbortError":
      return t("js.camera.aborted");
    case "Ended":
      return t("js.camera.ended");
    default:
      return t("js.camera.failed", { name });
  }
}

function isApple() {
  return /iPhone|iPad/.test(navigator.userAgent) || (navigator.userAgent.includes("Macintosh") && navigator.maxTouchPoints > 1);
}
