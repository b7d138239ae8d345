// Whether the camera is held still and sharp, told on the phone from small grey pictures.

const SIDE = 64; // px; enough for a hand that moves, and quick on any phone
const STILL = 6; // mean difference of two pictures, levels of 255; a hand on a patient stays under 4
const SHARP_SHARE = 0.7; // of the sharpest of late: while a lens hunts for focus it falls below
const MEMORY_MS = 4000;
// As the box's quality gate sees it: the lesion and a quarter of its size around it, at one size.
const CLOSE_UP = 256; // px
const MARGIN = 0.25;

/** @typedef {{isStill: boolean, isSharp: boolean}} Steadiness */

/** Looks at one picture after another. */
export class SteadinessWatch {
  #canvas = Object.assign(document.createElement("canvas"), { width: SIDE, height: SIDE });
  #before = /** @type {Float32Array | null} */ (null);
  #sharpest = /** @type {{at: number, value: number}[]} */ ([]);

  #closeUp = document.createElement("canvas");

  /** @param {number} least sharpness of a close-up that the quality gate lets pass */
  constructor(least) {
    this.least = least;
  }

  /**
   * Look at the middle of the video, and at the lesion where one is outlined.
   * @param {HTMLVideoElement} video
   * @param {number} now ms
   * @param {[number, number][] | undefined} outline x and y in 0..1
   * @returns {Steadiness}
   */
  look(video, now, outline) {
    const grey = this.#middleOf(video);
    const motion = this.#before ? meanDifference(grey, this.#before) : Infinity;
    this.#before = grey;
    const value = sharpness(grey, SIDE);
    this.#sharpest = this.#sharpest.filter(({ at }) => now - at < MEMORY_MS);
    this.#sharpest.push({ at: now, value });
    const best = Math.max(...this.#sharpest.map((each) => each.value));
    const isSharp = value >= SHARP_SHARE * best && (!outline || this.#sharpnessOf(video, outline) >= this.least);
    return { isStill: motion < STILL, isSharp };
  }

  /** @param {HTMLVideoElement} video @param {[number, number][]} outline */
  #sharpnessOf(video, outline) {
    const [left, top, right, bottom] = closeUpBox(outline, video.videoWidth, video.videoHeight);
    const [width, height] = [right - left, bottom - top];
    const scale = CLOSE_UP / Math.max(width, height);
    this.#closeUp.width = Math.max(3, Math.round(width * scale));
    this.#closeUp.height = Math.max(3, Math.round(height * scale));
    const context = this.#closeUp.getContext("2d", { willReadFrequently: true });
    context.imageSmoothingQuality = "high";
    context.drawImage(video, left, top, width, height, 0, 0, this.#closeUp.width, this.#closeUp.height);
    const { data } = context.getImageData(0, 0, this.#closeUp.width, this.#closeUp.height);
    return sharpness(greyFrom(data), this.#closeUp.width);
  }

  /** @param {HTMLVideoElement} video */
  #middleOf(video) {
    const side = Math.min(video.videoWidth, video.videoHeight) * 0.8;
    const context = this.#canvas.getContext("2d", { willReadFrequently: true });
    const [x, y] = [(video.videoWidth - side) / 2, (video.videoHeight - side) / 2];
    context.drawImage(video, x, y, side, side, 0, 0, SIDE, SIDE);
    return greyFrom(context.getImageData(0, 0, SIDE, SIDE).data);
  }
}

/** Return left, top, right and bottom of the lesion with its margin, px. */
function closeUpBox(outline, columns, rows) {
  const xs = outline.map(([x]) => x * columns);
  const ys = outline.map(([, y]) => y * rows);
  const box = [Math.min(...xs), Math.min(...ys), Math.max(...xs), Math.max(...ys)];
  const margin = MARGIN * Math.max(box[2] - box[0], box[3] - box[1]);
  return [
    Math.max(0, box[0] - margin),
    Math.max(0, box[1] - margin),
    Math.min(columns, box[2] + margin),
    Math.min(rows, box[3] + margin),
  ];
}

/** @param {Uint8ClampedArray} rgba */
export function greyFrom(rgba) {
  const grey = new Float32Array(rgba.length / 4);
  for (let i = 0; i < grey.length; i++) {
    grey[i] = 0.299 * rgba[4 * i] + 0.587 * rgba[4 * i + 1] + 0.114 * rgba[4 * i + 2];
  }
  return grey;
}

/** @param {Float32Array} one @param {Float32Array} other */
export function meanDifference(one, other) {
  return one.reduce((sum, value, i) => sum + Math.abs(value - other[i]), 0) / one.length;
}

/**
 * Return the mean square of the Laplacian, as blur measures do.
 * @param {Float32Array} grey
 * @param {number} columns
 */
export function sharpness(grey, columns) {
  let sum = 0;
  for (let i = columns + 1; i < grey.length - columns - 1; i++) {
    sum += (4 * grey[i] - grey[i - 1] - grey[i + 1] - grey[i - columns] - grey[i + columns]) ** 2;
  }
  return sum / grey.length;
}
