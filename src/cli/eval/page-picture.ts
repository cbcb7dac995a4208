/** A classifier's table of mistakes and its curves on the report page: drawings with their numbers beside them, of colours of the reader's theme. */
import { type ClassPicture, type Plot, precisionRecallPlot, reliabilityPlot, rocPlot } from "../../evaluate/index.ts";
import { cell, escaped, head, tableRow } from "./page-tables.ts";

/** Rows and columns of a table; of more classes the commonest mistakes are listed. */
const mostClasses = 20;
const pairsShown = 20;

export const pictureStyle = `
.plots{display:flex;flex-wrap:wrap;gap:1rem 2rem;margin:.6rem 0}.plots figure{margin:0;width:17rem}.plots figcaption{font-weight:600;font-size:.85rem}
.plot{display:block;width:100%;height:auto}.plot text{fill:var(--quiet);font:6px system-ui,sans-serif}.plot .frame{fill:none;stroke:var(--line)}.plot .guide{stroke:var(--quiet);stroke-dasharray:2 2;fill:none;stroke-width:.6}.plot .line{fill:none;stroke:var(--bar);stroke-width:1.4;stroke-linejoin:round}.plot circle{fill:var(--bar)}.plots summary{font-weight:400;font-size:.85rem}.plots .scroll{max-height:15rem}
.confusion{width:auto}.confusion td{text-align:right;font-variant-numeric:tabular-nums;min-width:3rem}.confusion td.own{font-weight:600}.confusion th[scope=row]{color:inherit}`;

/** The square of 100 stands in a frame with room for what its axes say. */
function svg(p: Plot, id: string): string {
  const dots = p.dots.map(d => `<circle cx="${d.x}" cy="${d.y}" r="${d.r}"><title>${escaped(d.said)}</title></circle>`).join("");
  const ends = `<text x="0" y="107" text-anchor="start">0</text><text x="100" y="107" text-anchor="end">1</text><text x="-2" y="100" text-anchor="end">0</text><text x="-2" y="5" text-anchor="end">1</text>`;
  const names = `<text x="50" y="110" text-anchor="middle">${escaped(p.x)}</text><text transform="translate(-5 50) rotate(-90)" text-anchor="middle">${escaped(p.y)}</text>`;
  return `<svg class="plot" viewBox="-14 -5 120 120" role="img" aria-labelledby="${id}-t" aria-describedby="${id}-d"><title id="${id}-t">${escaped(p.title)}</title><desc id="${id}-d">${escaped(p.said)}</desc><rect class="frame" width="100" height="100"/><path class="guide" d="${p.guide}"/><path class="line" d="${p.path}"/>${dots}${ends}${names}</svg>`;
}

const plot = (p: Plot, id: string): string =>
  `<figure><figcaption>${escaped(p.title)}</figcaption>${svg(p, id)}<details><summary>in numbers</summary><div class="scroll"><table>${head(...p.columns.map(c => [escaped(c), "n"] as const))}<tbody>${p.rows.map(r => tableRow(...r.map(c => cell(escaped(c), "n")))).join("")}</tbody></table></div></details></figure>`;

/** Shaded by the share of its row: of the items of a class, how many were taken for which. */
function confusionTable({ classes, confusion }: ClassPicture): string {
  const totals = classes.map((_, t) => confusion.reduce((s, c) => s + (c[0] === t ? c[2] : 0), 0));
  const counts = new Map(confusion.map(([t, p, n]) => [t * classes.length + p, n]));
  const rows = classes.map((name, t) => {
    const cells = classes.map((_, p) => {
      const n = counts.get(t * classes.length + p) ?? 0;
      const share = Math.round((100 * n) / (totals[t]! || 1));
      const colour = t === p ? "good" : "bad";
      return `<td${t === p ? ' class="own"' : ""} style="background:color-mix(in srgb,var(--${colour}) ${Math.round(share * 0.45)}%,transparent)" title="${share} % of ${escaped(name)}">${n}</td>`;
    });
    return `<tr><th scope="row">${escaped(name)}</th>${cells.join("")}</tr>`;
  });
  return `<div class="scroll"><table class="confusion"><thead><tr><th scope="col">true (rows), predicted (columns)</th>${classes.map(c => `<th scope="col" class="n">${escaped(c)}</th>`).join("")}</tr></thead><tbody>${rows.join("")}</tbody></table></div>`;
}

function confusedPairs({ classes, confusion }: ClassPicture): string {
  const pairs = confusion
    .filter(([t, p]) => t !== p)
    .toSorted((a, b) => b[2] - a[2])
    .slice(0, pairsShown);
  return `<div class="scroll"><table>${head(["true class"], ["predicted class"], ["items", "n"])}<tbody>${pairs.map(([t, p, n]) => tableRow(cell(escaped(classes[t]!)), cell(escaped(classes[p]!)), cell(String(n), "n"))).join("")}</tbody></table></div>`;
}

/** `own` begins the ids of its drawings. */
export function pictureSection(picture: ClassPicture, own: string): string {
  const { classes, curves, reliability } = picture;
  const confusion = classes.length
    ? `<h3>Confusion matrix</h3>${classes.length <= mostClasses ? confusionTable(picture) : confusedPairs(picture)}`
    : "";
  const ofClass = curves.map((c, i) => {
    const plots = `<div class="plots">${plot(rocPlot(c), `${own}-r${i}`)}${plot(precisionRecallPlot(c), `${own}-p${i}`)}</div>`;
    return curves.length === 1
      ? `<h3>${escaped(c.positive)} against the rest</h3>${plots}`
      : `<details${i === 0 ? " open" : ""}><summary>${escaped(c.positive)} against the rest</summary>${plots}</details>`;
  });
  return `${confusion}${ofClass.join("")}<h3>Whether its probabilities mean what they say</h3><div class="plots">${plot(reliabilityPlot(reliability), `${own}-c`)}</div>`;
}
