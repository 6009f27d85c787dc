// View of one tensor: its grid above its storage, and the path from an index to an address.

import { h, fillIn } from "../../kit/js/dom.js";
import { shape } from "../../kit/js/numbers.js";
import { decode, unravel, ravel, numel, address, indexExpression } from "../../kit/js/tensor_block.js";
import { gridLayout, grid } from "../../kit/js/grid.js";
import { heatmap, maxAbs, onThemeChange, themeColors } from "../../kit/js/heatmap.js";
import { minimap } from "../../kit/js/minimap.js";
import { typedArray } from "../../kit/js/typed_arrays.js";
import { baseView } from "../../kit/js/base_view.js";
import { addressFormula, hopsTo, storageCells, storageRow } from "./storage_row.js";
import { definitionList, metadataRows, statisticsPanel, title } from "./metadata.js";
import { coloredIndex } from "../../kit/js/formula.js";
import { mainArea } from "../../kit/js/grid_area.js";

/** Up to this many elements the numbers themselves say more than a histogram. */
const MIN_HISTOGRAM = 64;
/** Of a tensor of more elements the player is hidden; the keys still move the selection. */
const MAX_PLAYED = 256;

function render({ model, el, signal }) {
  const messages = model.get("messages");
  const metadata = () => model.get("scene").metadata;
  const origin = () => model.get("origin");
  const indexOf = (step) => unravel(step - 1, metadata().shape);
  const label = (step) => (step ? elementText(indexOf(step)) : messages["tensor.none"]);
  const view = baseView({ model, el, signal, name: messages["tensor.name"], steps, label, draw, showStep, unit: messages["tensor.unit"], traits: { loaded: redraw, origin: () => drawGrid(false) } });
  const select = (index) => view.go(ravel(index, metadata().shape) + 1);
  const numbers = grid({ messages, signal, pick: select });
  const storage = storageRow({ signal, label: messages["storage.label"], pick: selectAddress });
  const storagePanel = h("div", { class: "tensor-storage" }, h("div", { class: "tensor-head" }, h("b", {}, messages["storage.title"])), storage.element);
  const overview = minimap({ label: messages["minimap.label"], signal, moveTo: moveToPointer });
  const elementPanel = h("div", { class: "tensor-element" });
  const metadataPanel = h("div");
  let block;
  /** Whether the window still has to move to the selected element; once it has, the user may move it away. */
  let followsSelection = false;
  onThemeChange(view.ui.root, signal, paintMinimap);
  view.start();

  /** A tensor that is not drawn, such as a large sparse one, has no steps. */
  function steps() {
    return numel(model.get("loaded").block.size) && numel(metadata().shape);
  }
  /** Select the first element at this address. */
  function selectAddress(wanted) {
    const { stride, offset } = metadata();
    for (let p = 0; p < block.count; p += 1) if (address(block.index(p), stride, offset) === wanted) return select(block.index(p));
    return undefined;
  }
  /** Rows and columns of the tensor; a vector is one row. */
  function matrixSize() {
    return [1, ...metadata().shape].slice(-2);
  }
  /** Center the window at a point of the minimap. */
  function moveToPointer(y, x) {
    const [row, column] = matrixSize().map((size, d) => Math.max(0, Math.floor([y, x][d] * size) - 8));
    moveWindow(origin().length > 1 ? [...origin().slice(0, -2), row, column] : [column]);
  }
  function paintMinimap() {
    const { minimap: map } = model.get("loaded");
    overview.element.hidden = !map;
    if (!map) return;
    const values = typedArray(map.values, map.kind === "bool" ? "uint8" : map.kind);
    overview.paint(heatmap(values, 0, map.rows, map.columns, maxAbs(values), themeColors(view.ui.root)));
  }
  function moveWindow(next) {
    followsSelection = false;
    setOrigin(next);
  }
  /** Move the window as far as possible: with a kernel anywhere in the tensor, in an exported page within what it holds. */
  function setOrigin(next) {
    const { rows, columns } = gridLayout(block, origin());
    const clamped = next.map((at, dim) => {
      const [first, last] = originRange(dim, dim === rows.dim ? rows.count : dim === columns.dim ? columns.count : 1);
      return Math.max(first, Math.min(at, last));
    });
    if (clamped.join() !== origin().join()) view.save("origin", clamped);
  }
  /** First and last start of a window of `count` elements along a dimension. */
  function originRange(dim, count) {
    if (model.get("live")) return [0, metadata().shape[dim] - count];
    return [block.start[dim], block.start[dim] + block.size[dim] - count];
  }

  function draw() {
    decodeLoaded();
    showMetadata();
    const area = mainArea([block], numbers.element, storagePanel);
    area.classList.add("tensor-single");
    view.ui.main.replaceChildren(area);
    view.ui.root.toggleAttribute("data-windowed", metadata().numel > MAX_PLAYED);
    const sizes = metadata().shape;
    const layout = gridLayout(block, origin());
    const slider = (dim, text, count) => {
      const [min, max] = originRange(dim, count);
      if (min >= max) return;
      view.controls.range({
        label: fillIn(text, { dim }),
        min,
        max: () => max,
        get: () => Math.max(min, Math.min(max, origin()[dim])),
        set: (value) => moveWindow(origin().map((old, d) => (d === dim ? value : old))),
      });
    };
    for (const dim of layout.sliced) slider(dim, messages["control.slice"], 1);
    for (const [{ dim, count }, text] of [[layout.rows, messages["control.rows"]], [layout.columns, messages["control.columns"]]]) {
      if (dim >= 0 && count && count < sizes[dim]) slider(dim, text, count);
    }
    drawGrid(true);
  }
  function redraw() {
    decodeLoaded();
    showMetadata();
    drawGrid(true);
  }
  function decodeLoaded() {
    block = decode({ ...model.get("loaded").block, name: metadata().name });
    paintMinimap();
  }
  /** @param {boolean} numbersChanged false if only the window moved */
  function drawGrid(numbersChanged) {
    const meta = metadata();
    const whole = model.get("loaded").storage;
    numbers.show(block, origin(), title(meta, messages, true));
    const layout = gridLayout(block, origin());
    const [height, width] = matrixSize();
    overview.place([layout.rows.first, layout.rows.count, height], [layout.columns.first, layout.columns.count, width]);
    storagePanel.hidden = meta.stride === null || meta.storage_size === 0;
    // A storage that is drawn whole does not depend on the window.
    if (!storagePanel.hidden && (numbersChanged || !whole)) storage.show(storageCells([{ block, metadata: meta, grid: numbers }], whole), block.max);
  }

  function showStep(step, isNew) {
    const meta = metadata();
    const index = step ? indexOf(step) : null;
    followsSelection ||= isNew;
    if (index && followsSelection && !numbers.shows(index)) setOrigin(originShowing(index));
    if (!index || numbers.shows(index)) followsSelection = false;
    if (!index || !numbers.shows(index)) {
      numbers.mark([]);
      storage.mark([]);
      storage.drawHops(0, []);
      const hint = index && !model.get("live") ? fillIn(messages["tensor.not_here"], { index: indexExpression(meta.name, index) }) : messages["tensor.hint"];
      view.line.show(meta.stride && steps() ? [{ text: hint, soft: true }] : []);
      showElement(-1);
      return;
    }
    const p = block.position(index);
    numbers.mark([[p, "now"]]);
    if (meta.stride) {
      const target = address(index, meta.stride, meta.offset);
      storage.mark([[target, "now"], ...(target === meta.offset ? [] : [[meta.offset, "path"]])]);
      storage.drawHops(meta.offset, hopsTo(index, meta));
      view.line.show(addressFormula(meta, index, messages, block.text(p, 6)));
    } else view.line.show([...coloredIndex(meta.name, index), " = ", { text: block.text(p, 6), strong: true }]);
    showElement(p);
  }

  /** The origin nearest to the present one whose window shows an index. */
  function originShowing(index) {
    const { rows, columns, tiles } = gridLayout(block, origin());
    return origin().map((first, d) => {
      if (tiles.includes(d)) return first;
      if (d !== rows.dim && d !== columns.dim) return index[d];
      const { count } = d === rows.dim ? rows : columns;
      const corner = numbers.corner()[d];
      return index[d] < corner ? index[d] : index[d] >= corner + count ? index[d] - count + 1 : corner;
    });
  }

  function elementText(index) {
    const p = block ? block.position(index) : -1;
    const expression = indexExpression(metadata().name, index);
    return p < 0 ? expression : `${expression} = ${block.text(p, 6)}`;
  }

  /** Side panel: what is the same for all elements. */
  function showMetadata() {
    const meta = metadata();
    const statistics = meta.numel > MIN_HISTOGRAM ? statisticsPanel(model.get("scene").statistics, messages) : null;
    const position = model.get("loaded").minimap ? [h("h4", {}, messages["minimap.title"]), overview.element] : [];
    metadataPanel.replaceChildren(h("h4", {}, meta.name), definitionList(metadataRows(meta, messages)), ...position, ...(statistics ? [statistics] : []));
    view.ui.setSide(h("div", { class: "tensor-side" }, metadataPanel, elementPanel), fillIn(messages["tensor.about"], { name: meta.name, shape: shape(meta.shape) }));
  }
  /** Side panel: the selected element with all its digits, which the line below the picture rounds; of an integer there are no more. */
  function showElement(p) {
    const isRounded = block.plain && block.known && metadata().dtype.includes("float");
    const digits = p < 0 ? "–" : block.nonfinite(p) ? block.text(p) : String(block.raw(p)).replace("-", "−");
    elementPanel.replaceChildren(...(isRounded ? [definitionList([[messages["cell.exact"], digits]])] : []));
  }
}

export default { render };
