// Closed outlines as lists of [x, y]: their paths, lengths, areas, and points spread evenly along them.

/** @typedef {[number, number]} Point */

/** @param {Point[][]} outlines @param {number} columns @param {number} rows */
export function pathOf(outlines, columns, rows) {
  const text = ([x, y]) => `${(x * columns).toFixed(1)} ${(y * rows).toFixed(1)}`;
  return outlines.map((outline) => `M${outline.map(text).join("L")}Z`).join("");
}

/** @param {Point} one @param {Point} other */
export function distance(one, other) {
  return Math.hypot(one[0] - other[0], one[1] - other[1]);
}

/** @param {Point[]} outline closed */
export function perimeter(outline) {
  return outline.reduce((sum, point, i) => sum + distance(point, outline[(i + 1) % outline.length]), 0);
}

/** @param {Point[]} outline closed */
export function area(outline) {
  const doubled = outline.reduce((sum, [x, y], i) => {
    const [nextX, nextY] = outline[(i + 1) % outline.length];
    return sum + x * nextY - nextX * y;
  }, 0);
  return Math.abs(doubled) / 2;
}

/**
 * Return `count` points, evenly spaced along a closed outline; the first stays first.
 * @param {Point[]} outline
 * @param {number} count
 * @returns {Point[]}
 */
export function resampled(outline, count) {
  const step = perimeter(outline) / count;
  const points = [];
  let [gone, corner] = [0, 0];
  for (let i = 0; i < count; i++) {
    let [from, to] = [outline[corner % outline.length], outline[(corner + 1) % outline.length]];
    while (corner < outline.length && gone + distance(from, to) < i * step) {
      gone += distance(from, to);
      corner += 1;
      [from, to] = [outline[corner % outline.length], outline[(corner + 1) % outline.length]];
    }
    const share = (i * step - gone) / (distance(from, to) || 1);
    points.push(/** @type {Point} */ ([from[0] + share * (to[0] - from[0]), from[1] + share * (to[1] - from[1])]));
  }
  return points;
}

/**
 * Return the outline with one point moved, and its neighbours with it, less and less up to `reach` places away.
 * @param {Point[]} outline
 * @param {number} index
 * @param {Point} by
 * @param {number} reach
 * @returns {Point[]}
 */
export function nudged(outline, index, by, reach) {
  const half = outline.length / 2;
  return outline.map(([x, y], i) => {
    const apart = half - Math.abs(half - (Math.abs(i - index) % outline.length));
    if (apart >= reach) return /** @type {Point} */ ([x, y]);
    const weight = 0.5 + 0.5 * Math.cos((Math.PI * apart) / reach);
    return clipped([x + weight * by[0], y + weight * by[1]]);
  });
}

/** @param {Point} point @returns {Point} inside the photo */
export function clipped([x, y]) {
  return [Math.min(1, Math.max(0, x)), Math.min(1, Math.max(0, y))];
}

/** @param {Point} middle @param {number} columns @param {number} rows @returns {Point[]} a circle, a quarter of the photo wide */
export function circleAt([x, y], columns, rows) {
  const radius = Math.min(columns, rows) / 8;
  return Array.from({ length: 64 }, (_, i) => {
    const angle = (2 * Math.PI * i) / 64;
    return clipped([x + (radius * Math.cos(angle)) / columns, y + (radius * Math.sin(angle)) / rows]);
  });
}
