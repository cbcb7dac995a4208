/** Pieces of the report page: cells, figures with a bar for their interval, differences, lists of items. */
import {
  type ChangedItem,
  type Difference,
  type DifferenceVerdict,
  differenceVerdict,
  type Score,
  type ShownItem,
} from "../../evaluate/index.ts";
import { figure, pValue } from "./show.ts";

export const escaped = (s: string): string =>
  s.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll('"', "&quot;");
export const cell = (text: string, kind = "", tag = "td"): string => `<${tag}${kind ? ` class="${kind}"` : ""}>${text}</${tag}>`;
export const tableRow = (...cells: string[]): string => `<tr>${cells.join("")}</tr>`;
export const head = (...names: (readonly [string, string?])[]): string =>
  `<thead>${tableRow(...names.map(([n, kind]) => cell(n, kind ?? "", "th")))}</thead>`;
export const cellNumber = (x: number): string => cell(figure(x), "n");

/** An interval as a bar on a scale that all bars of a table share. */
function bar(low: number, value: number, high: number, from: number, to: number, zero?: number): string {
  const at = (x: number) => (100 * (Math.min(to, Math.max(from, x)) - from)) / (to - from || 1);
  if ([low, value, high].some(Number.isNaN)) return "";
  const line = zero === undefined ? "" : `<i class="zero" style="left:${at(zero)}%"></i>`;
  return `<span class="bar">${line}<i class="reach" style="left:${at(low)}%;width:${Math.max(0.5, at(high) - at(low))}%"></i><i class="dot" style="left:${at(value)}%"></i></span>`;
}

export interface ScoreRow {
  readonly label: string;
  readonly items: number;
  readonly score: Pick<Score, "metric" | "value" | "low" | "high">;
  /** Where it is told in full. */
  readonly link?: string;
  readonly kind?: string;
}

export function scoreRows(rows: readonly ScoreRow[]): string {
  const ends = rows.flatMap(r => [r.score.low, r.score.high, r.score.value]).filter(x => !Number.isNaN(x));
  const isShare = ends.every(x => x >= 0 && x <= 1);
  const [from, to] = isShare ? [0, 1] : [Math.min(0, ...ends), Math.max(...ends)];
  return rows
    .map(({ label, items, score: s, link, kind }) =>
      tableRow(
        cell(link === undefined ? escaped(label) : `<a href="#${link}">${escaped(label)}</a>`, kind),
        cell(escaped(s.metric)),
        cell(String(items), "n"),
        cellNumber(s.value),
        cell(`${figure(s.low)} to ${figure(s.high)}`, "n"),
        cell(bar(s.low, s.value, s.high, from, to)),
      ),
    )
    .join("");
}

/** A cell that says itself what it is, for a page too narrow for its column's head. */
export const named = (name: string, text: string, kind = ""): string =>
  `<td data-is="${escaped(name)}"${kind ? ` class="${kind}"` : ""}>${text}</td>`;

export const cellKind = { better: "good", worse: "bad", "no significant difference": "" } as const satisfies Record<
  DifferenceVerdict,
  string
>;

/** Differences a row each, with a word of what they come to; on a narrow page each is a list of its cells. */
export function differenceTable(list: readonly (Difference & { readonly pHolm?: number })[], before: string, now: string): string {
  const reach = Math.max(...list.flatMap(d => [Math.abs(d.low), Math.abs(d.high), Math.abs(d.value)]).filter(x => !Number.isNaN(x)), 1e-9);
  const rows = list.map(d => {
    const verdict = differenceVerdict(d);
    const kind = cellKind[verdict];
    const holm = d.pHolm !== undefined && d.pHolm !== d.p ? ` (${pValue(d.pHolm)})` : "";
    return tableRow(
      named("measure", escaped(d.metric)),
      named(before, figure(d.second), "n"),
      named(now, figure(d.first), "n"),
      named("difference", `${d.value > 0 ? "+" : ""}${figure(d.value)}`, `n ${kind}`),
      named("95 %", `${figure(d.low)} to ${figure(d.high)}`, "n"),
      named("", bar(d.low, d.value, d.high, -reach, reach, 0), "drawn"),
      named("wins / losses", `${d.wins} / ${d.losses}`, "n"),
      named("p (Holm)", `<span>${pValue(d.p)}${holm}<small>${escaped(d.test)}</small></span>`, "n"),
      named("it is", verdict, kind),
    );
  });
  return `<div class="scroll"><table class="listed">${head(["measure"], [escaped(before), "n who"], [escaped(now), "n who"], ["difference", "n"], ["95 %", "n"], [""], ["wins / losses", "n"], ["p (Holm)", "n"], ["it is"])}<tbody>${rows.join("")}</tbody></table></div>`;
}

export const prompt = (i: ShownItem): string => cell(`<code>${escaped(i.place)}</code><pre>${escaped(i.prompt)}</pre>`, "prompt");

/** What came; of retrieval, the first documents with their scores. */
export const came = ({ came, ranked }: ShownItem, kind: string): string =>
  cell(
    ranked
      ? ranked
          .map(([document, score], i) => `${i === 0 ? "" : ", "}${escaped(document)} <span class="quiet">${score.toFixed(3)}</span>`)
          .join("")
      : escaped(came),
    kind,
  );

/** Lists longer than this are folded. */
const unfolded = 10;
export function folded(title: string, count: number, table: string): string {
  return `<details${count <= unfolded ? " open" : ""}><summary>${title}: ${count}</summary>${table}</details>`;
}
export const changedItems = (title: string, kind: string, list: readonly ChangedItem[]): string =>
  list.length === 0
    ? ""
    : folded(
        title,
        list.length,
        `<div class="scroll"><table>${head(["item"], ["before"], ["now"], ["right"])}<tbody>${list
          .map(i => tableRow(prompt(i), cell(escaped(i.before)), came(i, kind), cell(escaped(i.right))))
          .join("")}</tbody></table></div>`,
      );
