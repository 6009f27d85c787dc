// Durations, bytes and operations with their units.

/** @param {number} value @param {string[]} units each 1000 times the one before it @param {number} [step] distance to values that must read differently */
function withUnit(value, units, step) {
  let k = 0;
  while (Math.abs(value) >= 999.5 && k < units.length - 1) {
    value /= 1000;
    k += 1;
  }
  const size = Math.abs(value);
  const plain = Number.isInteger(value) && k === 0 ? 0 : size < 9.995 ? 2 : size < 99.95 ? 1 : 0;
  const text = value.toFixed(step ? Math.max(0, -Math.floor(Math.log10(step / 1000 ** k) + 1e-9)) : plain);
  return text.replace("-", "−") + " " + units[k];
}

/** @param {number} microseconds @param {number} [step] of an axis, whose ticks must read differently */
export const timeText = (microseconds, step) => withUnit(microseconds, ["µs", "ms", "s"], step);
/** @param {number} bytes */
export const bytesText = (bytes) => withUnit(bytes, ["B", "kB", "MB", "GB", "TB"]);
/** @param {number} count */
export const flopsText = (count) => withUnit(count, ["FLOP", "kFLOP", "MFLOP", "GFLOP", "TFLOP"]);
