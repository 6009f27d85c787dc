// What Python sent, as typed arrays.

import { typedArray } from "../../kit/js/typed_arrays.js";

/** Half floats, as multiples of a scale. @param {DataView} view @param {number} scale */
function halfFloats(view, scale) {
  return Float32Array.from(typedArray(view, "uint16"), (bits) => {
    const [exponent, fraction] = [(bits >> 10) & 31, bits & 1023];
    if (exponent === 31) return NaN;
    const size = exponent ? (1 + fraction / 1024) * 2 ** (exponent - 15) : fraction * 2 ** -24;
    return (bits & 0x8000 ? -size : size) * scale;
  });
}

/** The strongest shade of a color. */
export const STRONGEST = 127;

/** Maps that are only looked at, as shades. @param {DataView} view */
export function decodeShades(view) {
  return Float32Array.from(typedArray(view, "int8"), (shade) => (shade === -128 ? NaN : shade));
}

function mapValues(object, call) {
  return Object.fromEntries(Object.entries(object ?? {}).map(([name, value]) => [name, call(value)]));
}

/** One map. @param {{values: DataView, scale: number}} one */
function decodeMap({ values, scale }) {
  return scale ? halfFloats(values, scale) : typedArray(values, "float32");
}

/** The scene: all inputs, in small pictures or in rows. @param {any} raw */
export function decodeScene(raw) {
  if (raw.kind !== "image") {
    const lists = (maps) => mapValues(maps, (list) => list.map((values) => typedArray(values, "float64")));
    return { ...raw, maps: lists(raw.maps), strengths: lists(raw.strengths) };
  }
  const { thumbnails } = raw;
  const floats = (maps) => mapValues(maps, (values) => typedArray(values, "float32"));
  return { ...raw, thumbnails: thumbnails && { ...thumbnails, input: typedArray(thumbnails.input, "uint8"), maps: floats(thumbnails.maps), strengths: floats(thumbnails.strengths) } };
}

/** The input that is open. @param {any} raw */
export function decodeOpened(raw) {
  if (!raw.input) return raw;
  const maps = { ...raw.maps, ...(raw.cells ? { grad_cam: raw.cells } : {}) };
  return { ...raw, input: typedArray(raw.input, "uint8"), maps: mapValues(maps, decodeMap), strengths: mapValues(raw.strengths, decodeMap) };
}

/** The path of integrated gradients. @param {any} raw */
function decodePath(raw) {
  const doubles = (values) => typedArray(values, "float64");
  return { ...raw, alphas: doubles(raw.alphas), scores: doubles(raw.scores), running: doubles(raw.running), baseline: raw.baseline ? typedArray(raw.baseline, "uint8") : null };
}

/** What is shown of the open method: the terms of the marked number, the path, layers and channels. @param {any} details @param {any} path @param {any} cam */
export function decodeAnswers(details, path, cam) {
  return {
    details: details.along instanceof DataView ? { ...details, along: typedArray(details.along, "float64") } : details,
    path: path.alphas ? decodePath(path) : null,
    cam: cam.maps ? { ...cam, maps: decodeShades(cam.maps) } : null,
  };
}
