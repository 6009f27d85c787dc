// The scene's bytes as numbers.

import { typedArray } from "../../kit/js/typed_arrays.js";

const FLOATS = ["noise", "d_fake", "logits_fake", "gradients", "heat", "heat_logits", "heat_gradients", "warp", "d_real", "norms"];
const SAMPLES = ["real", "fakes"];
const SERIES = ["d_loss", "g_loss", "energy", "modes", "quality"];

/** @param {any} scene */
export function decode(scene) {
  const found = { ...scene };
  for (const name of FLOATS) if (scene[name]) found[name] = typedArray(scene[name], "float32");
  for (const name of SAMPLES) found[name] = typedArray(scene[name], scene.plane ? "float32" : "uint8");
  found.snapshots = { labels: scene.snapshots.labels };
  for (const name of SERIES) found.snapshots[name] = typedArray(scene.snapshots[name], "float64");
  if (scene.curves) found.curves = Object.fromEntries(Object.entries(scene.curves).map(([name, values]) => [name, typedArray(values, "float32")]));
  return found;
}
