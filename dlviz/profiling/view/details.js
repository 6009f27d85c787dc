// What is said of an event, of a module, or of the memory at a time.

import { fillIn, h } from "../../kit/js/dom.js";
import { bytesText, flopsText, timeText } from "../../kit/js/units.js";

/** A line of code with its place. */
function lineText(profile, i) {
  return profile.events.line[i] ? profile.lines[profile.events.line[i] - 1] : null;
}

function timesText(profile, i, messages) {
  const { events } = profile;
  return fillIn(messages["read.event"], { self: timeText(events.self[i]), total: timeText(events.duration[i]), phase: messages[`phase.${events.phase[i]}`] });
}

/** The few lines of a readout at the pointer. @param {any} target as timeline.js gives it @param {any} messages @returns {(Node | string)[]} */
export function readoutLines(target, messages) {
  const { kind, profile } = target;
  const row = (text, className = null) => h("div", { class: className }, text);
  if (kind === "memory") return profile.memory.map((one, k) => row(fillIn(messages["read.memory"], { device: one.device, bytes: bytesText(target.bytes[k]), time: timeText(target.time) })));
  if (kind === "row") {
    const { spans } = profile;
    const phase = messages[`phase.${spans.phase[target.span]}`];
    return [
      h("b", {}, target.row.path),
      row(fillIn(messages["read.span"], { phase, duration: timeText(spans.duration[target.span]), start: timeText(spans.start[target.span]) })),
      row(fillIn(messages["read.row"], { time: timeText(target.row.time), own: timeText(target.row.own), backward: timeText(target.row.backward) })),
      target.row.device > 0 ? row(fillIn(messages["read.device"], { time: timeText(target.row.device) })) : "",
    ];
  }
  const { events } = profile;
  const line = lineText(profile, target.box);
  return [
    h("b", {}, profile.names[events.name[target.box]]),
    row(timesText(profile, target.box, messages)),
    row(profile.rows[events.row[target.box]].path),
    ...(line ? [h("div", { class: "pro-code" }, `${line.at}  ${line.text}`)] : []),
  ];
}

/** Everything about an event, as a list of terms. @param {any} profile @param {number} i the event @param {any} messages @returns {Node} */
export function eventDetails(profile, i, messages) {
  const { events } = profile;
  const line = lineText(profile, i);
  const row = profile.rows[events.row[i]];
  const seconds = events.duration[i] / 1e6;
  const entries = [
    [messages["detail.time"], timesText(profile, i, messages)],
    [messages["detail.start"], timeText(events.start[i])],
    [messages["detail.module"], row.kind && row.calls ? `${row.path} (${row.kind})` : row.path],
    line && [messages["detail.line"], h("span", { class: "pro-code" }, `${line.at}  ${line.text}`)],
    profile.shapes[events.shape[i]] && [messages["detail.shapes"], h("span", { class: "pro-code" }, profile.shapes[events.shape[i]])],
    events.flops[i] > 0 && [messages["detail.flops"], fillIn(messages["detail.flops_rate"], { count: flopsText(events.flops[i]), rate: flopsText(events.flops[i] / seconds) })],
    events.memory[i] !== 0 && [messages["detail.memory"], (events.memory[i] > 0 ? "+" : "") + bytesText(events.memory[i])],
  ].filter(Boolean);
  return h("div", {}, h("h4", {}, profile.names[events.name[i]]), h("dl", {}, ...entries.flatMap(([name, value]) => [h("dt", {}, name), h("dd", {}, value)])));
}
