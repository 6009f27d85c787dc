// Requests to the kernel, one at a time: of those that wait, only the newest with each key is sent.

/** Milliseconds to wait for an answer before the next request is sent. */
const TIMEOUT = 1000;

/** @param {string} [answer] event of the answer @returns {(key: string, message: any) => void} sends the message, or what a function returns as it is sent, or queues it while an answer is pending */
export function requestQueue(model, signal, answer = "change:scene") {
  const waiting = new Map();
  let timer = 0;
  function next() {
    clearTimeout(timer);
    timer = 0;
    const [first] = waiting;
    if (!first) return;
    waiting.delete(first[0]);
    timer = setTimeout(next, TIMEOUT);
    model.send(typeof first[1] === "function" ? first[1]() : first[1]);
  }
  model.on(answer, next);
  signal.addEventListener("abort", () => {
    clearTimeout(timer);
    model.off(answer, next);
  });
  return (key, message) => {
    waiting.set(key, message);
    if (!timer) next();
  };
}

/**
 * Points painted in the page that the kernel does not have yet. They are sent as an addition, so that others painted from Python in between
 * stay; all that wait go in one message.
 * @param {ReturnType<typeof requestQueue>} request
 */
export function paintedPoints(request) {
  /** Points that wait, and those that were sent since the last scene. */
  let waiting = [];
  let sent = [];
  return {
    add(points) {
      waiting.push(...points);
      request("paint", () => {
        sent.push(...waiting);
        return { kind: "paint", points: waiting.splice(0) };
      });
    },
    /** Remove all painted points, also those that the kernel has. */
    clear() {
      waiting = [];
      request("clear", { kind: "clear" });
    },
    /** Note that a scene has come, which holds what was sent. */
    onScene: () => { sent = []; },
    all: () => [...sent, ...waiting],
  };
}
