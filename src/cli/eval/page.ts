/** The report of an evaluation as one self-contained page: no script from elsewhere, no request. */
import { type GateVerdict, thresholdText, wordingFaults } from "../../evaluate/index.ts";
import type {
  ChosenThreshold,
  GroupReport,
  JudgementReport,
  ParaphraseReport,
  TaskReport,
  TaskThreshold,
} from "../../project/eval/index.ts";
import { looksLines } from "../../project/index.ts";
import { commonThresholdPart, fairnessPart } from "./page-fairness.ts";
import { anchor, groupSection } from "./page-groups.ts";
import { pictureSection, pictureStyle } from "./page-picture.ts";
import {
  came,
  cell,
  cellNumber,
  changedItems,
  differenceTable,
  escaped,
  folded,
  head,
  named,
  prompt,
  scoreRows,
  tableRow,
} from "./page-tables.ts";
import { leftOutText, whoseText } from "./paraphrase-lines.ts";
import { figure, pValue, shareText } from "./show.ts";

interface EvaluationDocument {
  readonly model: string;
  readonly against?: string;
  readonly undecided: string;
  readonly tasks: readonly TaskReport[];
  /** Inner ones first. */
  readonly groups?: readonly GroupReport[];
  readonly gates: readonly GateVerdict[];
}

/** The most wrong and the slowest: so many are enough on a page. */
const mostShown = 25;

function taskSection(t: TaskReport, model: string): string {
  const c = t.comparison;
  const by = [...new Set(t.slices.map(s => s.by))];
  const scores = scoreRows(t.scores.map(s => ({ label: "all", items: t.items, score: s })));
  const slices = by.map(
    b =>
      `<h3>By ${escaped(b)}</h3><div class="scroll"><table>${head([escaped(b)], ["measure"], ["items", "n"], ["figure", "n"], ["95 %", "n"], [""])}<tbody>${scoreRows(
        t.slices.filter(s => s.by === b).flatMap(s => s.scores.map(score => ({ label: s.group, items: s.items, score }))),
      )}</tbody></table></div>`,
  );
  const worst = t.worst.slice(0, mostShown);
  const slowest = t.slowest.slice(0, mostShown);
  return `<section><h2 id="${anchor(t.task)}">${escaped(t.task)}</h2>
<p class="quiet">${escaped(t.output)}, ${t.items} items, result <code>${escaped(t.artifact)}</code>${c ? `, against <code>${escaped(c.artifact)}</code>` : ""}</p>
<div class="scroll"><table>${head([""], ["measure"], ["items", "n"], ["figure", "n"], ["95 %", "n"], [""])}<tbody>${scores}</tbody></table></div>
${
  t.looks
    ? looksLines(t.looks)
        .map(line => `<p class="quiet">${escaped(line)}</p>`)
        .join("")
    : ""
}
${c ? `<h3>Against ${escaped(c.against)}</h3>${differenceTable(c.differences, c.against, model)}${changedItems("Won", "good", c.wins)}${changedItems("Lost", "bad", c.losses)}` : ""}
${(t.baselines ?? []).map(b => `<h3>Beside ${escaped(b.name)}, which needs no model</h3>${differenceTable(b.differences, b.name, model)}`).join("")}
${t.contamination ? contaminationPart(t.contamination) : ""}
${t.judgement ? judgementPart(t.judgement) : ""}
${t.picture ? pictureSection(t.picture, anchor(t.task)) : ""}
${slices.join("")}
${fairnessPart(t.fairness ?? [])}
${commonThresholdPart(t)}
${t.threshold ? thresholdPart(t.threshold, model) : ""}
${t.variants.map(variantPart).join("")}
${worst.length ? folded("Most wrong", worst.length, `<div class="scroll"><table>${head(["item"], ["came"], ["right"])}<tbody>${worst.map(i => tableRow(prompt(i), came(i, "bad"), cell(escaped(i.right)))).join("")}</tbody></table></div>`) : ""}
${slowest.length ? folded("Slowest", slowest.length, `<div class="scroll"><table>${head(["item"], ["ms", "n"])}<tbody>${slowest.map(i => tableRow(prompt(i), cell(i.ms.toFixed(1), "n"))).join("")}</tbody></table></div>`) : ""}
</section>`;
}

/** The same items asked in another way: how many are answered alike, what that does to the figures, which answers turn. */
function variantPart({ variant, alike, differences, turned, paraphrases, items, notAsked }: TaskReport["variants"][number]): string {
  const stays = alike
    ? `<p class="quiet">${shareText(alike.value)} of the items are answered alike (95 %: ${shareText(alike.low)} to ${shareText(alike.high)}).</p>`
    : "";
  const left =
    notAsked > 0 && !paraphrases
      ? `<p class="quiet">${notAsked} of ${items + notAsked} items have nothing to change and are left out.</p>`
      : "";
  return `<h3>Asked in another way: ${escaped(variant)}</h3>${stays}${left}${differenceTable(differences, "as it is", variant)}${changedItems("Other answers", "bad", turned)}${paraphrases ? paraphrasePart(paraphrases) : ""}`;
}

/** Items that the training data holds, and the others. */
function contaminationPart(c: NonNullable<TaskReport["contamination"]>): string {
  const rows = c.scores.flatMap(s => [
    ...(s.clean ? [{ label: "clean", items: c.clean, score: s.clean }] : []),
    ...(s.contaminated ? [{ label: "contaminated", items: c.contaminated, score: s.contaminated }] : []),
  ]);
  const checks = c.checks
    .map(
      k =>
        `<code>${escaped(k.data)}</code>${k.of === undefined ? "" : `, which has all texts of <code>${escaped(k.of)}</code>,`} against ${escaped(k.set)} (${escaped(k.file)}; ${escaped(k.action)})`,
    )
    .join(", ");
  return `<h3>Seen in training</h3><p class="quiet">Checked: ${checks}. ${c.unchecked.length ? `Not checked: ${c.unchecked.map(d => `<code>${escaped(d)}</code>`).join(", ")}; no item is called clean before it is. ` : ""}${c.unknown} items not looked for.</p>
<div class="scroll"><table>${head([""], ["measure"], ["items", "n"], ["figure", "n"], ["95 %", "n"], [""])}<tbody>${scoreRows(rows)}</tbody></table></div>`;
}

function thresholdTable(t: ChosenThreshold): string {
  const rows = t.rows.map(r =>
    tableRow(
      cell(escaped(r.by)),
      cell(thresholdText(r.threshold), "n"),
      ...[r.cost, r.chosenAt, r.precision, r.recall, r.f1].map(cellNumber),
    ),
  );
  return `<div class="scroll"><table>${head(["threshold by"], ["threshold", "n"], [`cost, ${escaped(t.toldOf)}`, "n"], [`cost, ${escaped(t.chosenBy)}`, "n"], ["precision", "n"], ["recall", "n"], ["F1", "n"])}<tbody>${rows.join("")}</tbody></table></div>`;
}

/** The threshold of least cost, chosen on one split and told on another; of both models, where there are two. */
function thresholdPart({ against, ...t }: TaskThreshold, model: string): string {
  const saves = ({ saving: { value, low, high } }: ChosenThreshold) =>
    `the cheapest saves ${figure(value)} (95 %: ${figure(low)} to ${figure(high)}) an item beside a half`;
  const other = against
    ? `<p class="quiet">${escaped(against.id)}, whose threshold is chosen by its own answers to the same items: ${saves(against.threshold)}.</p>${thresholdTable(against.threshold)}
<p class="quiet">Each at its own cheapest threshold:</p>${differenceTable([against.difference], against.id, model)}`
    : "";
  return `<h3>What mistakes cost</h3><p class="quiet">A false positive of ${escaped(t.positive)} costs ${t.falsePositive}, a false negative ${t.falseNegative}. Chosen on ${t.chosenOn} items of ${escaped(t.chosenBy)}, evaluated on ${t.rows[0]?.items ?? 0} of ${escaped(t.toldOf)}; ${saves(t)}.</p>
${thresholdTable(t)}${other}`;
}

/** What was asked in place of what: whether it means the same is for a reader to say. */
function paraphrasePart(p: ParaphraseReport): string {
  const left = leftOutText(p);
  const rows = p.shown.map(s =>
    tableRow(
      cell(`<code>${escaped(s.place)}</code><pre>${escaped(s.before)}</pre>`, "prompt"),
      cell(`<pre>${escaped(s.after)}</pre>`, "prompt"),
      cell(s.fault === undefined ? "asked" : wordingFaults[s.fault], s.fault === undefined ? "" : "bad"),
    ),
  );
  return `<p class="quiet">${escaped(p.field)} in other words: ${p.taken} of ${p.items} items (${escaped(whoseText(p))})${left ? `; left out: ${escaped(left)}` : ""}.</p>
${folded("In other words", p.shown.length, `<div class="scroll"><table>${head(["text"], ["in other words"], [""])}<tbody>${rows.join("")}</tbody></table></div>`)}`;
}

/** What a judge said, and how far it can be trusted. */
function judgementPart(j: JudgementReport): string {
  const scores = scoreRows([
    { label: "win rate, ties as half", items: j.items - j.unread, score: j.winRate },
    {
      label: "the judge prefers what stands first",
      items: j.items - j.unread,
      score: { ...j.winRate, ...j.preferredFirst, metric: "share" },
    },
  ]);
  return `<h3>Judged by ${escaped(j.judge)}</h3>
<p class="quiet">${j.wins} wins, ${j.losses} losses, ${j.ties} ties (p ${pValue(j.p)}); both orders agree in ${figure(j.agreement)} of pairs (kappa ${figure(j.kappa)}) and contradict each other in ${j.contradictions}; ${j.unread} of ${j.items} verdicts could not be read; <code>${escaped(j.artifact)}</code></p>
<div class="scroll"><table>${head([""], ["measure"], ["items", "n"], ["figure", "n"], ["95 %", "n"], [""])}<tbody>${scores}</tbody></table></div>`;
}

const gateRows = (gates: readonly GateVerdict[]): string =>
  gates
    .map(g => {
      const figures = Object.entries(g.figures).map(([k, v]) => `${k} ${figure(v)}`);
      return tableRow(
        named("gate", g.fails ? "fails" : "passes", g.fails ? "bad" : "good"),
        named("condition", `<code>${escaped(g.condition)}</code>`),
        named("task or group", escaped(g.task)),
        named("figures", escaped(figures.join(", "))),
        named("left - right", figure(g.difference), "n"),
        named("bounds", `${figure(g.low)} to ${figure(g.high)}`, "n"),
        named("evidence", g.evidence),
      );
    })
    .join("");

const style = `:root{color-scheme:light dark;--line:#8884;--quiet:#777;--good:#0a7d33;--bad:#b3261e;--bar:#3b6fd4}
@media(prefers-color-scheme:dark){:root{--good:#5cc97f;--bad:#ff8a80;--bar:#8ab0ff;--quiet:#aaa}}
body{font:15px/1.5 system-ui,sans-serif;max-width:72rem;margin:2rem auto;padding:0 1rem}h1{font-size:1.5rem}h2{margin-top:2.5rem;border-bottom:1px solid var(--line)}h3{font-size:1rem;margin:1.5rem 0 .4rem}
table{border-collapse:collapse;width:100%;margin:.4rem 0 1rem}th,td{text-align:left;padding:.3rem .7rem;border-bottom:1px solid var(--line);vertical-align:top}th{font-weight:600;color:var(--quiet);font-size:.85rem}
.whole{font-weight:600}.under{padding-left:1.8rem}.n{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}.quiet{color:var(--quiet)}.good{color:var(--good)}.bad{color:var(--bad)}
.bar{display:inline-block;position:relative;width:9rem;height:1rem}.bar i{position:absolute}.reach{top:.42rem;height:.2rem;background:var(--bar);opacity:.55}.dot{top:.25rem;width:.5rem;height:.5rem;margin-left:-.25rem;border-radius:50%;background:var(--bar)}.zero{top:0;bottom:0;width:1px;background:var(--quiet)}
.prompt{max-width:34rem}pre{margin:.2rem 0;white-space:pre-wrap;overflow-wrap:anywhere;font:13px/1.45 ui-monospace,monospace;max-height:11rem;overflow:auto}summary{cursor:pointer;font-weight:600;margin:.6rem 0}code{font-size:.88em;overflow-wrap:anywhere}.scroll{overflow:auto}
.listed :is(th,td){white-space:normal}.listed th.who{overflow-wrap:anywhere;min-width:6rem}.listed small{display:block;color:var(--quiet)}.listed .bar{width:7rem}
@media(max-width:40rem){body{margin:1rem auto}th,td{padding:.3rem .4rem}.bar,.drawn{display:none}.prompt{min-width:11rem}
.listed thead{display:none}.listed tr{display:block;padding:.4rem 0;border-bottom:1px solid var(--line)}.listed td{display:flex;justify-content:space-between;gap:1rem;padding:.1rem .4rem;border:0;white-space:normal;text-align:right;overflow-wrap:anywhere}.listed td::before{content:attr(data-is);color:var(--quiet);text-align:left;font-weight:400}.listed td.drawn{display:none}.listed td:first-child{font-weight:600}.listed small{display:inline;margin-left:.5rem}}`;

export function evaluationPage(d: EvaluationDocument): string {
  const title = d.against ? `${d.model} against ${d.against}` : d.model;
  const gates = d.gates.length
    ? `<h2>Gate</h2><p class="quiet">left - right with one-sided 95 % bounds; an undecided condition counts as: ${escaped(d.undecided)}</p><div class="scroll"><table class="listed">${head([""], ["condition"], ["task or group"], ["figures"], ["left - right", "n"], ["bounds", "n"], ["evidence"])}<tbody>${gateRows(d.gates)}</tbody></table></div>`
    : "";
  // the outermost first, as people read
  const groups = [...(d.groups ?? [])].reverse().map(g => groupSection(g, d.tasks, d.model));
  return `<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>${escaped(title)}</title><style>${style}${pictureStyle}</style></head><body><h1>${escaped(title)}</h1>${gates}${groups.join("\n")}${d.tasks.map(t => taskSection(t, d.model)).join("\n")}</body></html>\n`;
}
