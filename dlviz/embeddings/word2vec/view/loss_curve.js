// The losses so far, each point the mean of a block of steps, with the current step and the changes of the learning rate.

import { h, fillIn } from "../../../kit/js/dom.js";
import { format } from "../../../kit/js/numbers.js";
import { chart } from "../../../kit/js/chart.js";

/** @param {{messages: Record<string, string>, signal: AbortSignal, go: (step: number) => void}} options */
export function curve({ messages, signal, go }) {
  const plot = chart({ width: 230, height: 80, margin: { left: 42, right: 10, top: 8, bottom: 18 }, className: "word2vec-curve" });
  const caption = h("p", { class: "word2vec-axes" });
  const element = h("div", { class: "word2vec-losses" }, plot.element, caption);

  function draw({ snapshot: { curve: { block_size: block, means, lr_changes: changes }, last_step: lastStep, step } }) {
    const steps = Math.max(1, lastStep);
    const finite = Array.from(means).filter(Number.isFinite);
    const most = Math.max(...finite, 1e-9);
    const least = finite.length ? Math.min(...finite) : 0;
    // The axis begins at zero, unless all losses lie far above it.
    const low = least > 0.6 * most ? least - 0.5 * (most - least) : 0;
    const centers = Array.from(means, (_, k) => Math.min(steps, (k + 0.5) * block));
    const last = lastStep.toLocaleString("en");
    plot.draw({
      label: fillIn(messages.losses_alt, { steps: last, first: finite.length ? format(finite[0], 3) : "–", last: finite.length ? format(finite.at(-1), 3) : "–" }),
      x: { domain: [0, steps], ticks: [[steps, last]] },
      y: { domain: [low, Math.max(most, low + 1e-9)], ticks: finite.length ? [[low, format(low, 4)], [most, format(most, 4)]] : [] },
      content: () => [...changes.slice(1).map(([since]) => plot.vertical(since, "word2vec-changes")), plot.line(means, "word2vec-line", { xs: centers })],
    });
    plot.cursor(plot.vertical(Math.min(step, steps), "word2vec-now"));
    caption.textContent = fillIn(messages[block > 1 ? "losses" : "losses_each"], { block: block.toLocaleString("en") });
  }
  plot.element.addEventListener("click", (event) => go(Math.round(plot.valueAt(event))), { signal });
  return { element, draw };
}
