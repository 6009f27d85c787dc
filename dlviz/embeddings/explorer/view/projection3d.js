// Places as pixels: fitted to the picture, turned, and seen from a little way off.

/** How far the eye stands from the middle, in halves of the picture's shorter side. */
const FAR = 4;
/** About how much larger the nearest points look. */
const LOOM = 1.12;
/** How a map in space is tilted first, in radians. */
export const TILT = 0.35;

/**
 * Fit all moments into one picture, so that what moves has really moved.
 * @param {{places: Float32Array, components: number, rows: number, targets: number[][], own: boolean, solid: boolean}} scene moments × rows ×
 *   components; targets: one place a moment that is no row's
 * @param {number} width @param {number} height the room in pixels
 * @returns {{half: number[], at: (moment: number) => Float32Array}} half the size in pixels; and of a moment three numbers a row, from the
 *   middle of the picture, then those of its target, NaN without one
 */
export function fitted({ places, components, rows, targets, own, solid }, width, height) {
  const dims = solid ? 3 : 2;
  const low = [Infinity, Infinity, Infinity];
  const high = [-Infinity, -Infinity, -Infinity];
  const grow = (d, value) => {
    if (value < low[d]) low[d] = value;
    if (value > high[d]) high[d] = value;
  };
  for (let k = 0; k < places.length; k += 1) grow(k % components, places[k]);
  for (const target of targets) target.forEach((value, d) => grow(d, value));
  const middle = low.map((value, d) => (low[d] + high[d]) / 2);
  const span = low.map((value, d) => high[d] - value || 1);
  const units = !solid ? flat(span, own, width, height) : own ? turning(span, width, height) : round(places, components, middle, width, height);
  return {
    half: units.map((unit, d) => (d < dims ? (unit * span[d]) / 2 : 0)),
    at(moment) {
      const base = new Float32Array(3 * (rows + 1));
      const from = moment * rows * components;
      for (let row = 0; row < rows; row += 1) for (let d = 0; d < dims; d += 1) base[3 * row + d] = (places[from + row * components + d] - middle[d]) * units[d];
      for (let d = 0; d < 3; d += 1) base[3 * rows + d] = targets[moment] ? (d < dims ? (targets[moment][d] - middle[d]) * units[d] : 0) : NaN;
      return base;
    },
  };
}

/** Pixels of a unit along each axis: one unit is as long upwards as sideways, unless the first axis has a unit of its own. */
function flat(span, own, width, height) {
  return own ? [width / span[0], height / span[1], 0] : Array(3).fill(Math.min(width / span[0], height / span[1]));
}

/** In space, the first axis with a unit of its own. */
function turning(span, width, height) {
  const side = 0.8 * Math.min(width, height);
  return [side / span[0], ...Array(2).fill(side / Math.max(span[1], span[2]))];
}

/** In space: turned round, everything stays in the picture, as long as it is not tilted much. */
function round(places, components, middle, width, height) {
  let [aside, tall] = [1e-9, 1e-9];
  for (let k = 0; k < places.length; k += components) {
    const far = Math.hypot(places[k] - middle[0], places[k + 2] - middle[2]);
    aside = Math.max(aside, far);
    tall = Math.max(tall, Math.abs(places[k + 1] - middle[1]) * Math.cos(TILT) + far * Math.sin(TILT));
  }
  return Array(3).fill(Math.min(width / aside, height / tall) / 2 / LOOM);
}

/**
 * Where places lie on the screen, and how near to the eye.
 * @param {ArrayLike<number>} base three numbers a place, in pixels from the middle
 * @param {{x: number, y: number, zoom: number, yaw: number, pitch: number}} sight
 * @param {{x: Float32Array, y: Float32Array, z: Float32Array}} out
 */
export function project(base, sight, wide, high, out) {
  const [cosYaw, sinYaw, cosPitch, sinPitch] = [Math.cos(sight.yaw), Math.sin(sight.yaw), Math.cos(sight.pitch), Math.sin(sight.pitch)];
  const far = (FAR * Math.min(wide, high)) / 2;
  const [middleX, middleY] = [wide / 2 + sight.x, high / 2 + sight.y];
  for (let k = 0; k < out.x.length; k += 1) {
    const [across, up, near] = [base[3 * k], base[3 * k + 1], base[3 * k + 2]];
    const aside = across * cosYaw + near * sinYaw;
    const deep = near * cosYaw - across * sinYaw;
    const tall = up * cosPitch - deep * sinPitch;
    const depth = up * sinPitch + deep * cosPitch;
    const scale = (sight.zoom * far) / (far - depth);
    out.x[k] = middleX + aside * scale;
    out.y[k] = middleY - tall * scale;
    out.z[k] = depth;
  }
  return out;
}

/** Room for the places of so many rows on the screen. */
export function screen(count) {
  return { x: new Float32Array(count), y: new Float32Array(count), z: new Float32Array(count) };
}

/**
 * Rows from the farthest to the nearest, in layers of depth.
 * @returns {{order: Uint32Array, ends: number[]}} ends: where each layer ends in the order
 */
export function layered(z, rows, layers) {
  const order = new Uint32Array(rows);
  const ends = Array(layers).fill(0);
  let [low, high] = [Infinity, -Infinity];
  for (let row = 0; row < rows; row += 1) {
    if (z[row] < low) low = z[row];
    if (z[row] > high) high = z[row];
  }
  const scale = high > low ? (layers * 0.9999) / (high - low) : 0;
  for (let row = 0; row < rows; row += 1) ends[((z[row] - low) * scale) | 0] += 1;
  for (let layer = 1; layer < layers; layer += 1) ends[layer] += ends[layer - 1];
  const next = [0, ...ends.slice(0, -1)];
  for (let row = 0; row < rows; row += 1) order[next[((z[row] - low) * scale) | 0]++] = row;
  return { order, ends };
}
