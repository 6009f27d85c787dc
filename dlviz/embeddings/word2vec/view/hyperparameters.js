// Controls for the objective, the learning rate, and the axes of the map.

const LEARNING_RATES = [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1];
const SIZES = [2, 3, 4, 6, 8, 12, 16, 24, 32, 48];

/** @param {{model: any, messages: Record<string, string>, on: any, scene: any}} options */
export function addControls({ model, messages, on, scene }) {
  if (!model.get("live")) return;
  const choice = (trait, values) => on.controls.choice({ label: messages[`control.${trait}`], options: values.map((value) => [value, messages[`${trait}.${value}`] ?? value]), get: () => model.get(trait), set: (value) => on.save(trait, value) });
  const oneOf = (trait, known) => {
    const values = () => [...new Set([...known, model.get(trait)])].sort((a, b) => a - b);
    on.controls.range({ label: messages[`control.${trait}`], max: () => values().length - 1, get: () => values().indexOf(model.get(trait)), set: (index) => on.save(trait, values()[index]), text: (index) => String(values()[index]) });
  };
  const integer = (trait, max) => on.controls.range({ label: messages[`control.${trait}`], min: 1, max: () => Math.max(max, model.get(trait)), get: () => model.get(trait), set: (value) => on.save(trait, value) });
  choice("kind", ["skip-gram", "cbow"]);
  choice("loss", ["negative", "softmax"]);
  oneOf("lr", LEARNING_RATES);
  integer("window", 8);
  if (scene.loss === "negative") integer("negatives", 15);
  if (scene.trains) oneOf("vector_size", SIZES);
  choice("axes", ["aligned", "fixed"]);
}
