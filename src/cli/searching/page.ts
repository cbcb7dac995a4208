/**
 * A study as one HTML page that needs nothing else: history, slices, parallel coordinates, importance, values on the way, and the front where
 * there are several objectives. Plain SVG with titles to hover over, and the table beneath says the same in words.
 */

import type { StudySpec, StudyVerdict } from "../../project/searching/index.ts";
import type { StoredTrial } from "../../store/index.ts";
import { importance, isChoice, outcomeOf, type Parameter, paretoFront, placeOf, ranked, spaceOf, studyOf } from "../../tune/index.ts";
import { countsText, pointText, valueText, verdictLines } from "./tell.ts";

const html = (text: unknown): string =>
  String(text).replace(/[&<>"]/g, c => ({ "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" })[c]!);
const short = (x: number): string =>
  Math.abs(x) >= 1e5 || (x !== 0 && Math.abs(x) < 1e-3) ? x.toExponential(1) : String(Number(x.toPrecision(3)));

const width = 420;
const height = 240;
const margin = { left: 58, right: 14, top: 10, bottom: 40 };

/** A place in [0, 1] and what stands there. */
interface Tick {
  readonly at: number;
  readonly text: string;
}
interface Axis {
  readonly label: string;
  readonly ticks: readonly Tick[];
  place(value: number): number;
}

/** A line of numbers with ticks at round ones. */
function linear(label: string, values: readonly number[]): Axis {
  const finite = values.filter(Number.isFinite);
  const [low, high] = finite.length > 0 ? [Math.min(...finite), Math.max(...finite)] : [0, 1];
  const pad = high > low ? 0.04 * (high - low) : Math.abs(high) * 0.05 || 1;
  const [from, to] = [low - pad, high + pad];
  const rough = (to - from) / 4;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = power * ([1, 2, 5, 10].find(m => m * power >= rough) ?? 10);
  const ticks: Tick[] = [];
  for (let v = Math.ceil(from / step) * step; v <= to; v += step)
    ticks.push({ at: (v - from) / (to - from), text: short(Math.abs(v) < step / 1e6 ? 0 : v) });
  return { label, ticks, place: v => (v - from) / (to - from) };
}

/** The values of a parameter, on a line, a logarithm, or one beside the other. */
function ticksOf(p: Parameter): Tick[] {
  if (isChoice(p)) return p.options.map(o => ({ at: placeOf(p, o), text: typeof o === "string" ? o : JSON.stringify(o) }));
  if (p.log) {
    const powers = [];
    for (let e = Math.ceil(Math.log10(p.from) - 1e-9); 10 ** e <= p.to * (1 + 1e-9); e++) powers.push(10 ** e);
    const shown = powers.length >= 2 ? powers : [p.from, p.to];
    return shown.map(v => ({ at: placeOf(p, v), text: short(v) }));
  }
  return [p.from, (p.from + p.to) / 2, p.to].map(v => ({
    at: placeOf(p, p.integer ? Math.round(v) : v),
    text: short(p.integer ? Math.round(v) : v),
  }));
}

const x = (at: number): number => margin.left + at * (width - margin.left - margin.right);
const y = (at: number): number => height - margin.bottom - at * (height - margin.top - margin.bottom);

function frame(across: Pick<Axis, "label" | "ticks">, up: Pick<Axis, "label" | "ticks">, inside: string, label: string): string {
  const lines = up.ticks.map(
    t =>
      `<line class="grid" x1="${x(0)}" x2="${x(1)}" y1="${y(t.at)}" y2="${y(t.at)}"/><text x="${x(0) - 6}" y="${y(t.at) + 4}" text-anchor="end">${html(t.text)}</text>`,
  );
  const below = across.ticks.map(t => `<text x="${x(t.at)}" y="${y(0) + 16}" text-anchor="middle">${html(t.text)}</text>`);
  return `<svg viewBox="0 0 ${width} ${height}" role="img" aria-label="${html(label)}">${lines.join("")}<line class="axis" x1="${x(0)}" x2="${x(1)}" y1="${y(0)}" y2="${y(0)}"/>${below.join("")}<text class="name" x="${x(0.5)}" y="${height - 6}" text-anchor="middle">${html(across.label)}</text><text class="name" transform="translate(12 ${y(0.5)}) rotate(-90)" text-anchor="middle">${html(up.label)}</text>${inside}</svg>`;
}

const dot = (cx: number, cy: number, kind: string, title: string): string =>
  `<circle class="${kind}" cx="${cx.toFixed(1)}" cy="${cy.toFixed(1)}" r="4"><title>${html(title)}</title></circle>`;
const path = (points: readonly (readonly [number, number])[], kind: string, title = "", style = ""): string =>
  `<polyline class="${kind}"${style ? ` style="${style}"` : ""} points="${points.map(([a, b]) => `${a.toFixed(1)},${b.toFixed(1)}`).join(" ")}">${title ? `<title>${html(title)}</title>` : ""}</polyline>`;

const figure = (title: string, svg: string, note = ""): string =>
  `<figure><figcaption>${html(title)}</figcaption>${svg}${note ? `<p>${html(note)}</p>` : ""}</figure>`;

interface PageGiven {
  readonly study: { readonly id: string; readonly name: string; readonly spec: StudySpec };
  readonly trials: readonly StoredTrial[];
  readonly verdict?: StudyVerdict | undefined;
}

export function studyPage({ study, trials, verdict }: PageGiven): string {
  const { spec } = study;
  const space = Object.entries(spaceOf(spec));
  const objective = spec.objectives[0]!;
  const front = new Set(paretoFront(spec, trials).map(t => t.number));
  const done = trials.filter(t => t.state === "done");
  const value = (t: StoredTrial): number => outcomeOf(t)!.values[0]!;
  const title = (t: StoredTrial): string =>
    `trial ${t.number}: ${pointText(t.point)}${
      outcomeOf(t)
        ? ` -> ${outcomeOf(t)!
            .values.map((v, i) => valueText(spec.objectives[i]!, v, spec.unit))
            .join(", ")}`
        : ` (${t.state})`
    }`;
  const kind = (t: StoredTrial): string => (front.has(t.number) ? "best" : "done");
  const up = linear(objective === "heldOut" ? `${objective}, ${spec.unit}` : objective, done.map(value));
  const figures: string[] = [];

  const numbers = linear("trial", [0, Math.max(1, trials.length - 1)]);
  let least = Number.POSITIVE_INFINITY;
  const steps: [number, number][] = [];
  for (const t of done) {
    if (value(t) < least && steps.length > 0) steps.push([x(numbers.place(t.number)), steps.at(-1)![1]]);
    least = Math.min(least, value(t));
    steps.push([x(numbers.place(t.number)), y(up.place(least))]);
  }
  const others = trials.filter(t => t.state !== "done").map(t => dot(x(numbers.place(t.number)), y(0), t.state, title(t)));
  figures.push(
    figure(
      "History",
      frame(
        numbers,
        up,
        path(steps, "line") +
          done.map(t => dot(x(numbers.place(t.number)), y(up.place(value(t))), kind(t), title(t))).join("") +
          others.join(""),
        "values by trial",
      ),
      "The line is the best so far; on the axis: trials that were pruned (hollow) or failed (red).",
    ),
  );

  const shares = importance(spaceOf(spec), studyOf(spec, trials).trials, t => t.values![0]!, { seed: spec.seed });
  if (shares.length > 0) {
    const rows = shares.map(
      (s, i) =>
        `<text class="name" x="4" y="${16 + 42 * i}">${html(s.parameter)}</text><rect class="bar" x="4" y="${22 + 42 * i}" width="${Math.max(1, 340 * s.share)}" height="14"><title>${(100 * s.share).toFixed(1)} %</title></rect><text x="${10 + 340 * s.share}" y="${33 + 42 * i}">${(100 * s.share).toFixed(0)} %</text>`,
    );
    figures.push(
      figure(
        "Importance",
        `<svg viewBox="0 0 ${width} ${42 * shares.length}" role="img" aria-label="importance of parameters">${rows.join("")}</svg>`,
        `Shares of the variance of ${objective} that each parameter explains alone (fANOVA)${done.length < 20 ? `; of ${done.length} trials only: rough` : ""}.`,
      ),
    );
  }

  const reported = trials.filter(t => t.reports.length > 0);
  if (reported.length > 0) {
    const across = linear("report", [0, spec.reports]);
    const along = linear(
      `${spec.unit} on the way`,
      reported.flatMap(t => t.reports.map(r => r.value)),
    );
    const lines = reported.map(t =>
      path(
        t.reports.map(r => [x(across.place(r.step)), y(along.place(r.value))] as const),
        `way ${t.state === "done" ? kind(t) : t.state}`,
        title(t),
      ),
    );
    figures.push(
      figure(
        "On the way",
        frame(across, along, lines.join(""), "values on the way"),
        `Held-out ${spec.unit} at equal shares of each trial's budget.`,
      ),
    );
  }

  if (spec.objectives.length > 1)
    for (const [i, other] of spec.objectives.entries()) {
      if (i === 0) continue;
      const across = linear(
        other,
        done.map(t => outcomeOf(t)!.values[i]!),
      );
      const dots = done.map(t => dot(x(across.place(outcomeOf(t)!.values[i]!)), y(up.place(value(t))), kind(t), title(t)));
      figures.push(
        figure(
          `${objective} against ${other}`,
          frame(across, up, dots.join(""), `${objective} against ${other}`),
          "Filled strongly: the Pareto front, which nothing is better than in all.",
        ),
      );
    }

  for (const [name, p] of space) {
    const dots = done
      .filter(t => name in (t.point as object))
      .map(t => {
        const at = placeOf(p, (t.point as Record<string, never>)[name]!);
        return at >= -0.02 && at <= 1.02 ? dot(x(at), y(up.place(value(t))), kind(t), title(t)) : "";
      });
    figures.push(figure(`Slice: ${name}`, frame({ label: name, ticks: ticksOf(p) }, up, dots.join(""), `values by ${name}`)));
  }

  const axes = [...space.map(([name, p]) => ({ name, ticks: ticksOf(p) })), { name: objective, ticks: up.ticks }];
  const wide = Math.max(1200, 150 * axes.length);
  const ax = (i: number) => 50 + (i * (wide - 110)) / Math.max(1, axes.length - 1);
  const order = ranked(spec, trials);
  const lines = order.toReversed().map(t => {
    const rank = order.length > 1 ? order.indexOf(t) / (order.length - 1) : 0;
    const points = space.flatMap(([name, p], i) =>
      name in (t.point as object)
        ? [[ax(i), y(Math.min(1, Math.max(0, placeOf(p, (t.point as Record<string, never>)[name]!))))] as const]
        : [],
    );
    return path(
      [...points, [ax(axes.length - 1), y(up.place(value(t)))]],
      `way ${kind(t)}`,
      title(t),
      `opacity:${(1 - 0.75 * rank).toFixed(2)}`,
    );
  });
  const bars = axes.map(
    (a, i) =>
      `<line class="axis" x1="${ax(i)}" x2="${ax(i)}" y1="${y(0)}" y2="${y(1)}"/>${a.ticks.map(t => `<text x="${ax(i) + 5}" y="${y(t.at) + 4}">${html(t.text)}</text>`).join("")}<text class="name" x="${ax(i)}" y="${height - 14}" text-anchor="middle">${html(a.name)}</text>`,
  );
  figures.push(
    `<figure class="wide"><figcaption>Parallel coordinates</figcaption><div class="aside"><svg viewBox="0 0 ${wide} ${height}" role="img" aria-label="parallel coordinates">${lines.join("")}${bars.join("")}</svg></div><p>A line a trial, stronger the better it is.</p></figure>`,
  );

  const rows = [...order, ...trials.filter(t => t.state !== "done")].map(t => {
    const values = outcomeOf(t)?.values;
    return `<tr class="${front.has(t.number) ? "best" : ""}"><td>${t.number}</td><td>${html(pointText(t.point))}${t.origin === "default" ? " <em>(the configuration as it is)</em>" : ""}</td>${spec.objectives
      .map((o, i) => `<td>${values ? html(valueText(o, values[i]!, spec.unit)) : ""}</td>`)
      .join("")}<td>${t.state}${t.reason ? `: ${html(t.reason)}` : ""}</td></tr>`;
  });
  return `<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1"><title>${html(study.id)}</title>
<style>
:root{color-scheme:light dark;--ink:#1d2430;--soft:#667085;--line:#e3e6eb;--back:#fff;--own:#7b93b8;--best:#c2410c;--bad:#b42318}
@media(prefers-color-scheme:dark){:root{--ink:#e6e9ef;--soft:#98a2b3;--line:#2c3440;--back:#12161c;--own:#7f9cc9;--best:#fb923c;--bad:#f97066}}
body{font:15px/1.5 system-ui,sans-serif;color:var(--ink);background:var(--back);max-width:1320px;margin:2rem auto;padding:0 1.2rem}
h1{font-size:1.5rem;margin:0}.sub,figure p{color:var(--soft)}pre{white-space:pre-wrap;font:13.5px/1.5 ui-monospace,monospace}
main{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(380px,100%),1fr));gap:1.6rem}figure{margin:0;min-width:0}figure.wide{grid-column:1/-1}.aside{overflow-x:auto}figure.wide svg{min-width:760px}
figcaption{font-weight:600}figure p{margin:.2rem 0 0;font-size:.85rem}svg{width:100%;height:auto;display:block}
svg text{font-size:11px;fill:var(--soft);paint-order:stroke;stroke:var(--back);stroke-width:3px}svg text.name{fill:var(--ink)}.grid{stroke:var(--line)}.axis{stroke:var(--soft)}
circle{fill:var(--own);stroke:var(--back)}circle.best{fill:var(--best);r:6}circle.pruned{fill:var(--back);stroke:var(--own)}circle.failed{fill:var(--bad)}circle.running,circle.waiting{fill:var(--line)}
polyline{fill:none;stroke:var(--own);stroke-width:1.5}.line{stroke:var(--best)}.way{opacity:.7}.way.best{stroke:var(--best);stroke-width:2.5}.way.pruned{stroke-dasharray:3 3}.way.failed{stroke:var(--bad)}
.bar{fill:var(--own)}table{border-collapse:collapse;width:100%;margin-top:2rem;font-size:.9rem}td,th{text-align:left;padding:.3rem .6rem;border-bottom:1px solid var(--line);vertical-align:top}tr.best td{font-weight:600}
</style>
<h1>${html(study.name)}</h1>
<p class="sub">${html(study.id)} over models.${html(spec.model)}; ${html(spec.sampler)}, ${html(spec.pruner)}; ${html(countsText(trials))}</p>
${verdict ? `<pre>${html(verdictLines(spec, verdict).join("\n"))}</pre>` : ""}
<main>${figures.join("\n")}</main>
<div class="aside"><table><thead><tr><th>trial</th><th>values</th>${spec.objectives.map(o => `<th>${html(o)}</th>`).join("")}<th>state</th></tr></thead><tbody>${rows.join("\n")}</tbody></table></div>
</html>
`;
}
