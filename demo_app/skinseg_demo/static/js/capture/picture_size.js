// What is known of a picture before the box has seen it: its size in pixels, where this browser can read it, and in MB.
import { t } from "../common.js";

/**
 * @param {Blob} picture
 * @returns {Promise<string>}
 */
export async function aboutPicture(picture) {
  const mb = (picture.size / 1e6).toFixed(1);
  const hw = await pictureHw(picture);
  return hw ? t("js.picture.about", { columns: hw[1], rows: hw[0], mb }) : t("js.picture.unread", { mb });
}

/**
 * Return rows and columns, upright; null where this browser cannot read it (such as HEIC on Android).
 * @param {Blob} picture
 * @returns {Promise<[number, number] | null>}
 */
export async function pictureHw(picture) {
  try {
    const bitmap = await createImageBitmap(picture);
    const hw = /** @type {[number, number]} */ ([bitmap.height, bitmap.width]);
    bitmap.close();
    return hw;
  } catch {
    return null;
  }
}
