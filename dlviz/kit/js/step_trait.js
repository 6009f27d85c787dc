// One player for two sequences: its step is another trait while a condition holds.

/**
 * The same model, whose `step` is the trait `other` while `isOther` returns true.
 * @param {any} model @param {string} other @param {() => boolean} isOther
 */
export function withStepTrait(model, other, isOther) {
  const name = (trait) => (trait === "step" && isOther() ? other : trait);
  const events = (event) => (event === "change:step" ? [event, `change:${other}`] : [event]);
  return {
    get: (trait) => model.get(name(trait)),
    set: (trait, value) => model.set(name(trait), value),
    save_changes: () => model.save_changes(),
    send: (message) => model.send(message),
    on: (event, listener) => events(event).forEach((each) => model.on(each, listener)),
    off: (event, listener) => events(event).forEach((each) => model.off(each, listener)),
  };
}
