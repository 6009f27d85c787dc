// In an exported page no kernel answers: what the page holds stands in for it.

/**
 * What the page holds of the open input, method and place.
 * @param {any} model @param {number} index @param {string} method
 */
export function carriedAnswers(model, index, method) {
  const [carried, place] = [model.get("carried"), model.get("place")];
  const isChosen = ({ layer, relu }) => layer === model.get("layer") && relu === model.get("relu");
  // Another layer of Grad-CAM comes with the terms of the marked place, and with its channels.
  const [own, ownCam] = [model.get("details"), model.get("cam")];
  const isOwn = own.method === method && own.index === index && String(own.place) === String(place);
  const stored = carried.details[`${method} ${index} ${place.join(",")}`];
  const cams = [ownCam, carried.cam[index] ?? {}];
  return {
    details: !place.length ? {} : isOwn ? own : stored && (method !== "grad_cam" || isChosen(stored)) ? stored : { missing: true },
    path: carried.path[index] ?? {},
    cam: cams.find((one) => one.index === index && isChosen(one)) ?? {},
    checks: carried.checks[`${method} ${index}`] ?? {},
  };
}
