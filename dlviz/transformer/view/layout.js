// Places of the parts of a head's picture: K above the map and Q at its left, as in a matrix product; V above the output.

/** Heights of a title, of the blocks above the map, and the largest of the map; widths of the blocks at its sides. */
const TITLE = 15;
const ABOVE = 58;
const MAP = 250;
/** What the map's height loses for each note above it, so that all still fits one screen, and the least that stays. */
const NOTE = 45;
const LEAST = 150;
const SIDE = 58;
const GAP = 14;
const CELL = 44;
/** Smallest width and height of a cell with its number, the width where there is room, and the largest height of the blocks above the map. */
export const NUMBER = [30, 16];
const WIDE = 38;
const TALLEST = 96;
/** Room for the frames at the edge. */
const EDGE = 2;
/** Letters of a name at its longest, with and without room. */
const LETTERS = [16, 8];
/** Width of a character of a token, and of the title below the map. */
const CHARACTER = 7.2;
const MAP_TITLE = 100;

/** @param {any} scene @param {number} width available, in pixels */
export function makeLayout(scene, width) {
  const { blocks, length, count } = scene;
  const longest = (tokens, most) => Math.min(most, Math.max(1, ...tokens.map((token) => token.length)));
  const right = ["output", "joined", "projected"].filter((name) => blocks[name]);
  const side = Math.max(30, Math.min(SIDE, (width - 200) / (right.length + 1) - GAP));
  /** Blocks at the sides whose columns are `cell` wide if they have few, and what they leave for the map. */
  const arrange = (letters, cell) => {
    const widthOf = (name) => Math.max(side, cell * blocks[name].columns);
    const left = 8 + CHARACTER * longest(scene.query_tokens, letters);
    const room = width - 2 * EDGE - widthOf("query") - left - right.reduce((sum, name) => sum + widthOf(name) + GAP, 0);
    return { letters, cell, widthOf, left, room };
  };
  const candidates = LETTERS.flatMap((letters) => [WIDE, 0].map((cell) => arrange(letters, cell)));
  const { letters, cell, widthOf, left, room } = candidates.find((one) => one.room >= CELL * count) ?? candidates.at(-1);
  const names = longest(scene.key_tokens, LETTERS[0]) * CHARACTER + 4;
  const areSideBySide = names <= room / count;
  const columnWidth = Math.min(areSideBySide ? Math.max(CELL, names) : CELL, room / count);
  // Names that do not fit side by side are written upwards.
  const isUpright = areSideBySide || count > room / 14;
  const [most, least] = LETTERS;
  const keyLetters = areSideBySide ? most : Math.max(least, Math.min(most, Math.floor((MAP + 12 - CELL * length) / CHARACTER)));
  const labels = isUpright ? 16 : 4 + CHARACTER * longest(scene.key_tokens, keyLetters);
  const tall = NUMBER[1] * Math.max(blocks.key.columns, blocks.value.rows);
  const above = cell && tall <= TALLEST ? Math.max(ABOVE, tall) : ABOVE;
  const rowHeight = Math.min(CELL, Math.max(LEAST, MAP - NOTE * scene.notesAbove - (labels - 16) - (above - ABOVE)) / length);
  const top = TITLE + above + 4 + labels;
  const [mapWidth, mapHeight] = [columnWidth * count, rowHeight * length];
  const x = EDGE + widthOf("query") + left;
  const rectangles = {
    query: [EDGE, top, widthOf("query"), mapHeight],
    key: [x, TITLE, mapWidth, above],
    map: [x, top, mapWidth, mapHeight],
  };
  let next = x + Math.max(mapWidth, Math.min(room, MAP_TITLE)) + GAP;
  rectangles.value = [next, TITLE, widthOf("output"), above];
  for (const name of right) {
    rectangles[name] = [next, top, widthOf(name), mapHeight];
    next += widthOf(name) + GAP;
  }
  return {
    width, height: top + mapHeight + 18, rectangles, columnWidth, rowHeight, isUpright, left, labels, letters, keyLetters,
    x: (j) => x + j * columnWidth,
    y: (i) => top + i * rowHeight,
    /** What lies at a point: a block with query and key, where it has them, and the share of its other side. */
    hit(px, py) {
      const clamp = (value, most) => Math.max(0, Math.min(most - 1, Math.floor(value)));
      const query = clamp((py - top) / rowHeight, length);
      const key = clamp((px - x) / columnWidth, count);
      for (const [name, [bx, by, w, h]] of Object.entries(rectangles)) {
        if (px < bx || px >= bx + w || py < by || py >= by + h) continue;
        const block = blocks[name === "map" ? "weights" : name];
        if (name === "map") return { name, query, key };
        if (name === "key") return { name, key, row: key, column: clamp(((py - by) / h) * block.columns, block.columns) };
        const column = clamp(((px - bx) / w) * block.columns, block.columns);
        if (name === "value") return { name, key: clamp(((py - by) / h) * count, count), row: clamp(((py - by) / h) * count, count), column };
        return { name, query, row: query, column };
      }
      if (px >= x - left && px < x && py >= top && py < top + mapHeight) return { name: "queries", query };
      if (py >= TITLE + above && py < top && px >= x && px < x + mapWidth) return { name: "keys", key };
      return null;
    },
  };
}

/** Which blocks a stage of the player shows, and which of them moves where when it begins. */
export function stageParts(stages, step) {
  const known = new Set(stages.slice(0, step + 1));
  const shown = new Set(["query", "key", "value"]);
  if (known.has("values")) shown.add("output");
  if (known.has("join")) shown.add("joined");
  if (known.has("output")) shown.add("projected");
  const stage = stages[step];
  const map = known.has("softmax") ? "weights" : known.has("mask") ? "masked" : known.has("scale") ? "scores" : known.has("scores") ? "products" : "";
  /** @type {Record<string, [string[], string]>} */
  const moves = { scores: [["query", "key"], "map"], values: [["map", "value"], "output"], join: [["output"], "joined"], output: [[shown.has("joined") ? "joined" : "output"], "projected"] };
  return { stage, shown, map, moves: moves[stage] ?? null };
}
