// In an exported page no kernel answers: what the page holds stands in for it.

/**
 * What the page holds of the open input, method and place.
 * @param {any} model @param {number} index @param {string} method
 */
export function carriedAnswers(model, index, method) {
  const [carried, place] = [model.get("carried"), model.get("place")];
  // Another layer of Grad-CAM comes with the terms of one place.
  const own = model.get("details") ?? {};
  const isOwn = own.method === method && own.index === index && String(own.place) === String(place);
  const stored = carried.details[`${method} ${index} ${place.join(",")}`];
  const fits = stored && (method !== "grad_cam" || stored.layer === model.get("layer") && model.get("relu") === model.get("cam").relu);
  const missing = { missing: true };
  const cam = model.get("cam");
  return {
    details: !place.length ? {} : isOwn ? own : fits ? stored : missing,
    path: carried.path[index] ?? {},
    cam: cam.index === index ? cam : carried.cam[index] ?? {},
    checks: carried.checks[`${method} ${index}`] ?? {},
  };
}
