// The traits with their bytes as numbers, and what is known of one step.

import { typedArray } from "../../kit/js/typed_arrays.js";

const floats = (bytes) => (bytes ? typedArray(bytes, "float32") : null);
const doubles = (bytes) => (bytes ? typedArray(bytes, "float64") : null);
const ints = (bytes) => (bytes ? typedArray(bytes, "int32") : null);

/** Points are numbers, images bytes. @param {any} scene */
const valuesOf = (scene) => (scene.kind === "plane" ? floats : (bytes) => (bytes ? typedArray(bytes, "uint8") : null));

export function decodeScene(scene) {
  const { snapshots, process } = scene;
  return {
    ...scene,
    labels: ints(scene.labels),
    ...Object.fromEntries(["signal", "noise", "log_snr", "own_signal", "own_noise", "own_log_snr"].map((name) => [name, doubles(scene[name])])),
    process: { times: process.times, x: valuesOf(scene)(process.x) },
    snapshots: { labels: snapshots.labels, loss: doubles(snapshots.loss) },
    size: scene.kind === "plane" ? 2 : scene.image.channels * scene.image.rows * scene.image.columns,
  };
}

const decodeGrid = (found) => ({ times: found.times, noise: floats(found.grid_noise), score: floats(found.grid_score), x0: floats(found.grid_x0) });

/** @param {any} found the trait `drawn_predictions` @param {any} scene */
export function decodePredictions(found, scene) {
  return { grid: decodeGrid(found), times: found.times, x0: valuesOf(scene)(found.x0), noise: valuesOf(scene)(found.noise), loss: doubles(found.loss) };
}

/** @param {any} walk the trait `drawn_walk` @param {any} scene */
export function decodeWalk(walk, scene) {
  const values = valuesOf(scene);
  return { ...walk, labels: ints(walk.labels), path: values(walk.path), x0: values(walk.x0), noise: values(walk.noise), grid: walk.predictions ? decodeGrid(walk.predictions) : null };
}

/** @param {any} curve the trait `drawn_curve` */
export function decodeCurve(curve) {
  return curve.n ? { ...curve, ddim: doubles(curve.ddim), ddpm: doubles(curve.ddpm) } : null;
}

/** Part number `k` of values that hold parts of equal size; null where there is none. @param {any} values */
export function part(values, k, size) {
  return values && k >= 0 && (k + 1) * size <= values.length ? values.subarray(k * size, (k + 1) * size) : null;
}

/** The number of a step as a subscript: x₁₂. @param {number} k */
export function subscript(k) {
  return String(k).replace(/\d/g, (digit) => "₀₁₂₃₄₅₆₇₈₉"[Number(digit)]);
}
