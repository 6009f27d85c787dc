// From coordinates to pixels: scaled to the picture, rotated, and seen in perspective.

/** Distance of the viewer from the center, in halves of the picture's shorter side. */
const VIEWER = 4;
/** About how much larger the nearest points look. */
const MAGNIFICATION = 1.12;
/** The first pitch of a map in three dimensions, in radians. */
export const PITCH = 0.35;

/**
 * Scale the coordinates of all snapshots to one picture.
 * @param {{coordinates: Float32Array, components: number, rows: number, targets: number[][], custom_axis: boolean, is3d: boolean}} scene snapshots × rows ×
 *   components; targets: for each snapshot the coordinates of b − a + c
 * @param {number} width @param {number} height the available pixels
 * @returns {{half: number[], at: (step: number) => Float32Array}} half the size in pixels; and for a snapshot three numbers a row, from the
 *   center of the picture, then those of its target, NaN without one
 */
export function fitScale({ coordinates, components, rows, targets, custom_axis: own, is3d }, width, height) {
  const dims = is3d ? 3 : 2;
  const low = [Infinity, Infinity, Infinity];
  const high = [-Infinity, -Infinity, -Infinity];
  const grow = (d, value) => {
    if (value < low[d]) low[d] = value;
    if (value > high[d]) high[d] = value;
  };
  for (let k = 0; k < coordinates.length; k += 1) grow(k % components, coordinates[k]);
  for (const target of targets) target.forEach((value, d) => grow(d, value));
  const center = low.map((value, d) => (low[d] + high[d]) / 2);
  const span = low.map((value, d) => high[d] - value || 1);
  const units = !is3d ? scaleFlat(span, own, width, height) : own ? scaleCustomAxis(span, width, height) : scaleRotating(coordinates, components, center, width, height);
  return {
    half: units.map((unit, d) => (d < dims ? (unit * span[d]) / 2 : 0)),
    at(step) {
      const base = new Float32Array(3 * (rows + 1));
      const from = step * rows * components;
      for (let row = 0; row < rows; row += 1) for (let d = 0; d < dims; d += 1) base[3 * row + d] = (coordinates[from + row * components + d] - center[d]) * units[d];
      for (let d = 0; d < 3; d += 1) base[3 * rows + d] = targets[step] ? (d < dims ? (targets[step][d] - center[d]) * units[d] : 0) : NaN;
      return base;
    },
  };
}

/** Pixels per unit along each axis: the same for all, unless the first axis has a unit of its own. */
function scaleFlat(span, own, width, height) {
  return own ? [width / span[0], height / span[1], 0] : Array(3).fill(Math.min(width / span[0], height / span[1]));
}

/** Pixels per unit in three dimensions, if the first axis has a unit of its own. */
function scaleCustomAxis(span, width, height) {
  const side = 0.8 * Math.min(width, height);
  return [side / span[0], ...Array(2).fill(side / Math.max(span[1], span[2]))];
}

/** Pixels per unit in three dimensions, so that everything stays in the picture when it is rotated around the vertical axis. */
function scaleRotating(coordinates, components, center, width, height) {
  let [aside, tall] = [1e-9, 1e-9];
  for (let k = 0; k < coordinates.length; k += components) {
    const far = Math.hypot(coordinates[k] - center[0], coordinates[k + 2] - center[2]);
    aside = Math.max(aside, far);
    tall = Math.max(tall, Math.abs(coordinates[k + 1] - center[1]) * Math.cos(PITCH) + far * Math.sin(PITCH));
  }
  return Array(3).fill(Math.min(width / aside, height / tall) / 2 / MAGNIFICATION);
}

/**
 * Compute pixels on the screen, and depth, larger nearer to the viewer.
 * @param {ArrayLike<number>} base three numbers a point, in pixels from the center
 * @param {{x: number, y: number, zoom: number, yaw: number, pitch: number}} viewport
 * @param {{x: Float32Array, y: Float32Array, z: Float32Array}} out
 */
export function project(base, viewport, wide, high, out) {
  const [cosYaw, sinYaw, cosPitch, sinPitch] = [Math.cos(viewport.yaw), Math.sin(viewport.yaw), Math.cos(viewport.pitch), Math.sin(viewport.pitch)];
  const far = (VIEWER * Math.min(wide, high)) / 2;
  const [middleX, middleY] = [wide / 2 + viewport.x, high / 2 + viewport.y];
  for (let k = 0; k < out.x.length; k += 1) {
    const [across, up, near] = [base[3 * k], base[3 * k + 1], base[3 * k + 2]];
    const aside = across * cosYaw + near * sinYaw;
    const deep = near * cosYaw - across * sinYaw;
    const tall = up * cosPitch - deep * sinPitch;
    const depth = up * sinPitch + deep * cosPitch;
    const scale = (viewport.zoom * far) / (far - depth);
    out.x[k] = middleX + aside * scale;
    out.y[k] = middleY - tall * scale;
    out.z[k] = depth;
  }
  return out;
}

/** Arrays for the positions of `count` points on the screen. */
export function screen(count) {
  return { x: new Float32Array(count), y: new Float32Array(count), z: new Float32Array(count) };
}

/**
 * Order rows from the farthest to the nearest, in layers of depth.
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
