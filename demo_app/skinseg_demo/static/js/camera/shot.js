// Takes the picture: the sensor's own photo where the browser can, else the video's frame, saying how large it is.
import { t } from "../common.js";

const QUALITY = 0.95; // 1.0 would double the bytes and show no more
const PATIENCE_MS = 4000;

/** @typedef {{picture: Blob, about: string}} Shot */

/**
 * @param {HTMLVideoElement} video
 * @param {MediaStreamTrack} track
 * @returns {Promise<Shot>}
 */
export async function takeShot(video, track) {
  const photo = await sensorPhoto(track);
  if (photo) {
    const { width, height } = photo.size;
    return { picture: photo.blob, about: t("js.shot.photo", { columns: width, rows: height, mb: mb(photo.blob) }) };
  }
  const [columns, rows] = [video.videoWidth, video.videoHeight];
  const picture = await videoFrame(video);
  return { picture, about: t("js.shot.frame", { columns, rows, mb: mb(picture) }) };
}

/** @param {Blob} blob */
function mb(blob) {
  return (blob.size / 1e6).toFixed(1);
}

/** @param {MediaStreamTrack} track */
async function sensorPhoto(track) {
  if (!("ImageCapture" in window) || track.readyState !== "live") return null;
  try {
    const taken = new ImageCapture(track).takePhoto();
    const blob = await Promise.race([taken, new Promise((resolve) => setTimeout(resolve, PATIENCE_MS, null))]);
    if (!blob?.size) return null;
    const bitmap = await createImageBitmap(blob); // a photo that this browser cannot read is not trusted
    const size = { width: bitmap.width, height: bitmap.height };
    bitmap.close();
    return { blob, size };
  } catch {
    return null;
  }
}

/** @param {HTMLVideoElement} video @returns {Promise<Blob>} */
function videoFrame(video) {
  const canvas = Object.assign(document.createElement("canvas"), { width: video.videoWidth, height: video.videoHeight });
  canvas.getContext("2d").drawImage(video, 0, 0);
  return new Promise((resolve) => canvas.toBlob(resolve, "image/jpeg", QUALITY));
}
