// What can be set: the objective, the rate, and how the map is turned.

const RATES = [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1];
const SIZES = [2, 3, 4, 6, 8, 12, 16, 24, 32, 48];

/** @param {{model: any, messages: Record<string, string>, on: any, scene: any}} options */
export function offer({ model, messages, on, scene }) {
  if (!model.get("live")) return;
  const choice = (trait, values) => on.controls.choice({ label: messages[`knob.${trait}`], options: values.map((value) => [value, messages[`${trait}.${value}`] ?? value]), get: () => model.get(trait), set: (value) => on.save(trait, value) });
  const among = (trait, known) => {
    const values = () => [...new Set([...known, model.get(trait)])].sort((a, b) => a - b);
    on.controls.range({ label: messages[`knob.${trait}`], max: () => values().length - 1, get: () => values().indexOf(model.get(trait)), set: (place) => on.save(trait, values()[place]), text: (place) => String(values()[place]) });
  };
  const whole = (trait, most) => on.controls.range({ label: messages[`knob.${trait}`], min: 1, max: () => Math.max(most, model.get(trait)), get: () => model.get(trait), set: (value) => on.save(trait, value) });
  choice("kind", ["skip-gram", "cbow"]);
  choice("loss", ["negative", "softmax"]);
  among("rate", RATES);
  whole("window", 8);
  if (scene.loss === "negative") whole("negatives", 15);
  if (scene.own) among("size", SIZES);
  choice("axes", ["aligned", "fixed"]);
}
