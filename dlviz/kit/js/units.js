// Durations, bytes and operations with their units.

/** @param {number} value @param {string[]} units each 1000 times the one before it */
function withUnit(value, units) {
  let k = 0;
  while (Math.abs(value) >= 999.5 && k < units.length - 1) {
    value /= 1000;
    k += 1;
  }
  const size = Math.abs(value);
  const text = value.toFixed(Number.isInteger(value) && k === 0 ? 0 : size < 9.995 ? 2 : size < 99.95 ? 1 : 0);
  return text.replace("-", "−") + " " + units[k];
}

/** @param {number} microseconds */
export const timeText = (microseconds) => withUnit(microseconds, ["µs", "ms", "s"]);
/** @param {number} bytes */
export const bytesText = (bytes) => withUnit(bytes, ["B", "kB", "MB", "GB", "TB"]);
/** @param {number} count */
export const flopsText = (count) => withUnit(count, ["FLOP", "kFLOP", "MFLOP", "GFLOP", "TFLOP"]);
