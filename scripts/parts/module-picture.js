/** The modules of `src` as a picture: who may import whom (`src/modules.ts`), in layers; an arrow that follows from others is left out. */

import { readFileSync } from "node:fs";
import { join } from "node:path";

/** What each module is for: the beginning of its index.ts, behind its name. */
export const wordsOf = (table, source) =>
  Object.fromEntries(
    Object.keys(table).map(name => {
      const text = readFileSync(join(source, name, "index.ts"), "utf8");
      const [, words = ""] = /\/\*\*\s*(?:\* )?\w+: ([^.*]*)/.exec(text) ?? [];
      return [name, words.replaceAll(/\s+/g, " ").trim()];
    }),
  );

/** Modules that are reached in more than one step from `name`. */
function reachedOverOthers(table, name) {
  const reached = new Set();
  const follow = next => {
    for (const used of table[next])
      if (!reached.has(used)) {
        reached.add(used);
        follow(used);
      }
  };
  for (const used of table[name]) follow(used);
  return reached;
}

/** The arrows of the table that do not follow from others. */
export function drawnArrows(table) {
  return Object.keys(table).flatMap(from => {
    const over = reachedOverOthers(table, from);
    return table[from].filter(to => !over.has(to)).map(to => ({ from, to }));
  });
}

/** How many modules stand below one another at most, under each. */
export function heights(table) {
  const known = new Map();
  const height = name => {
    if (!known.has(name)) known.set(name, table[name].length === 0 ? 0 : 1 + Math.max(...table[name].map(height)));
    return known.get(name);
  };
  for (const name of Object.keys(table)) height(name);
  return known;
}

const box = { width: 210, height: 58, gapX: 26, gapY: 54 };
const margin = 24;

/** Each module's place: layers from the top (what nobody uses) to the bottom, each ordered so that its arrows go down as straight as may be. */
function places(table, arrows) {
  const height = heights(table);
  const top = Math.max(...height.values());
  const layers = Array.from({ length: top + 1 }, (_, i) => Object.keys(table).filter(n => height.get(n) === top - i));
  const widest = Math.max(...layers.map(l => l.length));
  const at = new Map();
  const lay = layer => {
    const indent = (widest - layer.length) / 2;
    layer.forEach((name, i) => {
      at.set(name, { column: i + indent, layer: layers.indexOf(layer) });
    });
  };
  layers.forEach(lay);
  for (let round = 0; round < 8; round++)
    for (const layer of round % 2 ? [...layers].reverse() : layers) {
      const pull = name => {
        const others = arrows.flatMap(a => (a.from === name ? [a.to] : a.to === name ? [a.from] : []));
        return others.length === 0 ? at.get(name).column : others.reduce((sum, o) => sum + at.get(o).column, 0) / others.length;
      };
      layer.sort((a, b) => pull(a) - pull(b) || (a < b ? -1 : 1));
      lay(layer);
    }
  return { at, columns: widest, layers: layers.length };
}

const escaped = text => text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");

/** Where a part of a sentence ends for the last time; -1 where it has none. */
const lastEnd = text => Math.max(...[", ", "; ", ": ", " ("].map(mark => text.lastIndexOf(mark)));

/** A text in at most two lines of `most` letters; what does not fit is cut where a part of the sentence ends. */
function twoLines(text, most) {
  const lines = [""];
  for (const word of text.split(" ")) {
    const line = `${lines.at(-1)} ${word}`.trim();
    if (line.length <= most) lines[lines.length - 1] = line;
    else if (lines.length < 2) lines.push(word);
    else return lastEnd(text) < 0 ? lines : twoLines(text.slice(0, lastEnd(text)), most);
  }
  return lines;
}

/**
 * The picture as SVG.
 * @param table module -> modules that it may import
 * @param says module -> what it is for, a few words
 */
export function modulePicture(table, says) {
  const arrows = drawnArrows(table);
  const { at, columns, layers } = places(table, arrows);
  const x = name => margin + at.get(name).column * (box.width + box.gapX);
  const y = name => margin + at.get(name).layer * (box.height + box.gapY);
  const width = 2 * margin + columns * (box.width + box.gapX) - box.gapX;
  const height = 2 * margin + layers * (box.height + box.gapY) - box.gapY;
  const lines = arrows.map(({ from, to }) => {
    const [x1, y1, x2, y2] = [x(from) + box.width / 2, y(from) + box.height, x(to) + box.width / 2, y(to)];
    const bend = (y2 - y1) / 2;
    return `<path d="M${x1} ${y1} C${x1} ${y1 + bend} ${x2} ${y2 - bend} ${x2} ${y2 - 5}"/>`;
  });
  const boxes = Object.keys(table).map(name => {
    const text = twoLines(says[name] ?? "", 36).map(
      (line, i) => `<text x="${x(name) + box.width / 2}" y="${y(name) + 36 + 13 * i}" class="says">${escaped(line)}</text>`,
    );
    return `<rect x="${x(name)}" y="${y(name)}" width="${box.width}" height="${box.height}" rx="6"/><text x="${x(name) + box.width / 2}" y="${y(name) + 20}" class="name">${name}</text>${text.join("")}`;
  });
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img" aria-label="The modules of Loam: each may import those that it points to, and what these point to">
<style>text{font-family:system-ui,sans-serif;text-anchor:middle;fill:#1c2b22}.name{font-size:14px;font-weight:600}.says{font-size:10.5px;fill:#45564b}rect{fill:#eef4ef;stroke:#5f7f6b}path{fill:none;stroke:#8aa294;stroke-width:1.2;marker-end:url(#head)}</style>
<defs><marker id="head" viewBox="0 0 8 8" refX="6" refY="4" markerWidth="7" markerHeight="7" orient="auto"><path d="M0 0 L8 4 L0 8 z" style="fill:#8aa294;stroke:none"/></marker></defs>
<rect width="${width}" height="${height}" style="fill:#fff;stroke:none"/>
${lines.join("\n")}
${boxes.join("\n")}
</svg>
`;
}
