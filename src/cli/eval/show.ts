/** The report of an evaluation as lines for people. */
import { formatCount, formatDuration } from "../../base/index.ts";
import {
  type ChangedItem,
  chanceSentence,
  type Difference,
  differenceVerdict,
  fairnessLines,
  hasStereotypeParts,
  type Score,
  type ShownItem,
  thresholdLines,
} from "../../evaluate/index.ts";
import type { BaselineReport, ChosenThreshold, TaskReport, TaskThreshold } from "../../project/eval/index.ts";
import { looksLines } from "../../project/index.ts";
import type { Output } from "../output.ts";
import { paraphraseLines } from "./paraphrase-lines.ts";

export function figure(x: number): string {
  if (Number.isNaN(x)) return "-";
  const size = Math.abs(x);
  return size >= 1e7 ? x.toExponential(3) : size >= 100 ? x.toFixed(1) : x.toFixed(4);
}
const signed = (x: number): string => `${x > 0 ? "+" : ""}${figure(x)}`;
export const shareText = (x: number): string => (Number.isNaN(x) ? "-" : `${(100 * x).toFixed(1)} %`);
export const pValue = (p: number): string => (p < 0.001 ? "< 0.001" : p.toFixed(3));

export const scoreCells = (s: Pick<Score, "metric" | "value" | "low" | "high">): string =>
  `${s.metric.padEnd(16)} ${figure(s.value).padStart(9)}  ${`[${figure(s.low)}, ${figure(s.high)}]`.padEnd(20)}`;

const shorten = (text: string, most: number): string => {
  const line = text.replaceAll(/\s+/g, " ").trim();
  return line.length > most ? `...${line.slice(-most)}` : line;
};

export function differenceLine(d: Difference & { readonly pHolm?: number }): string {
  const holm = d.pHolm === undefined || d.pHolm === d.p ? "" : `, ${pValue(d.pHolm)} after Holm`;
  const unsure = differenceVerdict(d) === "no significant difference" ? "  no significant difference" : "";
  const sure = d.isChance ? `${unsure}: the higher one is no better than chance` : unsure;
  return `    ${d.metric.padEnd(16)} ${figure(d.second)} -> ${figure(d.first)}  ${signed(d.value).padStart(8)} [${signed(d.low)}, ${signed(d.high)}]  wins ${d.wins}, losses ${d.losses}  p ${pValue(d.p)} (${d.test}${holm})${sure}`;
}

/** The figures of answers that need no model, and the model's beside them. */
const baselineLines = ({ name, scores, differences }: BaselineReport): string[] => [
  `  beside ${name}, which needs no model:`,
  ...differences.map((d, k) => {
    return `    ${scoreCells(scores[k]!)} difference ${signed(d.value)} [${signed(d.low)}, ${signed(d.high)}]  p ${pValue(d.pHolm)} (${d.test}, Holm)  ${differenceVerdict(d)}`;
  }),
];

/** What is right, of which a text that is scored as a whole has nothing. */
const rightOf = (right: string, most: number): string => (right === "" ? "" : `  (right: ${shorten(right, most)})`);
const itemLine = (i: ShownItem): string =>
  `    ${i.place.padEnd(22)} ${shorten(i.prompt, 60)}  ->  ${shorten(i.came, 30)}${rightOf(i.right, 30)}`;
const changeLine = (i: ChangedItem): string =>
  `    ${i.place.padEnd(22)} ${shorten(i.prompt, 60)}  ${shorten(i.before, 24)} -> ${shorten(i.came, 24)}${rightOf(i.right, 24)}`;

/** What the threshold of least cost gives, and saves beside a half. */
function savingLines(t: ChosenThreshold, of?: string): string[] {
  const { value, low, high } = t.saving;
  return [
    ...thresholdLines(t, { chosenOn: t.chosenBy, toldOn: t.toldOf }, of),
    `    ${"a half - cheapest".padEnd(24)} ${signed(value)} [${signed(low)}, ${signed(high)}] an item`,
  ];
}

/** And what the other model costs, which has a threshold of its own. */
function costLines({ against, ...own }: TaskThreshold): string[] {
  if (!against) return savingLines(own);
  const { id, threshold, difference } = against;
  return [
    ...savingLines(own),
    ...savingLines(threshold, id),
    `  cost of an item against ${id}, each at its own cheapest:`,
    differenceLine(difference),
  ];
}

/** Figures of slices; of stereotypes all of them: a good one beside a bad one is no good model. */
function sliceLines(t: TaskReport, out: Output): void {
  for (const by of new Set(t.slices.map(s => s.by))) {
    out.line(`  by ${by}:`);
    for (const s of t.slices.filter(x => x.by === by)) {
      // a name that is cut cannot be written behind the colon of a measure
      out.line(`    ${s.group.padEnd(24)} ${String(s.items).padStart(6)}  ${scoreCells(s.scores[0]!)}`);
      if (hasStereotypeParts(t.output)) for (const score of s.scores.slice(1)) out.line(`${"".padEnd(35)}  ${scoreCells(score)}`);
      const cost = s.scores.find(x => x.metric === "cost");
      if (cost) out.line(`${"".padEnd(35)}  ${scoreCells(cost)}`);
    }
  }
}

/** The figures above are of decisions by the thresholds of groups; these are of the same items by the common threshold. */
const commonThresholdLines = ({ items, differ, scores, fairness = [] }: NonNullable<TaskReport["commonThreshold"]>): string[] => [
  `  the threshold of their group decided ${formatCount(items)} items; by the common threshold ${formatCount(differ)} of them differ:`,
  ...scores.map(s => `    ${scoreCells(s)} ${s.better} is better`),
  ...fairnessLines(fairness),
];

export function showTask(out: Output, model: string, t: TaskReport): void {
  const from = t.isKnown ? "stored" : `${formatDuration(t.ms)}${t.kept ? `, ${formatCount(t.kept)} answers kept from before` : ""}`;
  out.line(`\n  ${t.task}: ${formatCount(t.items)} items, ${t.output}, ${model}  (${t.artifact}, ${from})`);
  for (const s of t.scores) out.line(`    ${scoreCells(s)} ${s.better} is better`);
  if (t.chance) out.line(`    ${chanceSentence(t.chance)}`);
  if (t.looks) for (const line of looksLines(t.looks)) out.line(`    ${line}`);
  for (const b of t.baselines ?? []) for (const line of baselineLines(b)) out.line(line);
  const seen = t.contamination;
  if (seen) {
    for (const k of seen.checks)
      out.line(
        `  checked for items in training data: ${k.data}${k.of === undefined ? "" : `, which has all texts of ${k.of},`} against ${k.set} (${k.file}${k.isSameFile ? ", this very file" : ""}; ${k.action})`,
      );
    for (const data of seen.unchecked)
      out.line(`  trained on too, and not checked: ${data}; no item is called clean before it is (docs/data-decontamination.md)`);
    const side = (name: string, count: number, s: Score | undefined) =>
      out.line(`    ${name.padEnd(24)} ${String(count).padStart(6)}  ${s ? scoreCells(s) : "no items"}`);
    for (const s of seen.scores) {
      side("clean", seen.clean, s.clean);
      side("contaminated", seen.contaminated, s.contaminated);
      if (s.difference)
        out.line(
          `    ${"contaminated - clean".padEnd(24)} ${signed(s.difference.value)} [${signed(s.difference.low)}, ${signed(s.difference.high)}]`,
        );
    }
    if (seen.unknown)
      out.line(`    not looked for: ${seen.unknown} items that are too short, have no mark, or may be in data that was not checked`);
  }
  sliceLines(t, out);
  for (const line of fairnessLines(t.fairness ?? [])) out.line(line);
  if (t.commonThreshold) for (const line of commonThresholdLines(t.commonThreshold)) out.line(line);
  for (const v of t.variants) {
    const left = v.notAsked > 0 && !v.paraphrases ? `; ${v.notAsked} of ${v.items + v.notAsked} items have nothing to change` : "";
    out.line(
      `  ${v.variant}, beside the items as they are${v.alike ? `, ${shareText(v.alike.value)} [${shareText(v.alike.low)}, ${shareText(v.alike.high)}] answered alike, ${shareText(1 - v.alike.value)} turn` : ""}${left}:`,
    );
    for (const d of v.differences) out.line(differenceLine(d));
    if (v.paraphrases) for (const line of paraphraseLines(v.paraphrases)) out.line(line);
  }
  if (t.threshold) for (const line of costLines(t.threshold)) out.line(line);
  const c = t.comparison;
  if (c) {
    out.line(`  against ${c.against} (${c.artifact}):`);
    for (const d of c.differences) out.line(differenceLine(d));
    if (c.onlyModel || c.onlyAgainst)
      out.line(`    left out: ${c.onlyModel} items only of ${model}, ${c.onlyAgainst} only of ${c.against}`);
    for (const [title, list] of [
      ["won", c.wins],
      ["lost", c.losses],
    ] as const) {
      if (!list.length) continue;
      out.line(`  ${title}:`);
      for (const i of list) out.line(changeLine(i));
    }
  }
  const j = t.judgement;
  if (j) {
    out.line(`  judged by ${j.judge}${c ? ` beside ${c.against}` : ""} (${j.artifact}${j.isKnown ? ", stored" : ""}):`);
    out.line(`    ${scoreCells(j.winRate)} wins ${j.wins}, losses ${j.losses}, ties ${j.ties}  p ${pValue(j.p)} (sign test)`);
    out.line(
      `    the judge: agrees with itself in ${shareText(j.agreement)} of pairs shown both ways (kappa ${figure(j.kappa)}), contradicts itself ${j.contradictions} times, prefers the first place in ${shareText(j.preferredFirst.value)} [${shareText(j.preferredFirst.low)}, ${shareText(j.preferredFirst.high)}] (p ${pValue(j.biasP)})`,
    );
    if (j.unread) out.line(`    left out: ${j.unread} of ${j.items} pairs whose verdict could not be read`);
  }
  if (t.worst.length) {
    out.line("  most wrong:");
    for (const i of t.worst) out.line(itemLine(i));
  }
  if (!t.isKnown && t.slowest.length) {
    out.line("  slowest:");
    for (const i of t.slowest) out.line(`    ${i.place.padEnd(22)} ${formatDuration(i.ms).padStart(8)}  ${shorten(i.prompt, 60)}`);
  }
}
