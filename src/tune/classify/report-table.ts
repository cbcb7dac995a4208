/** The report of a classifier as a table for the terminal: every system's scores on the test part, then the model beside each baseline. */
import { formatCount } from "../../base/index.ts";
import { chanceSentence, fairnessLines, thresholdLines, thresholdText } from "../../evaluate/index.ts";
import type { GroupThresholdReport } from "./group-thresholds.ts";
import { likeFrom } from "./nearest-train.ts";
import { frozenBaseline } from "./options.ts";
import type { ClassificationReport, ScoreRange } from "./report.ts";

const three = (x: number): string => x.toFixed(3);
/** A bootstrap of texts that are all alike has no width, which says nothing of how sure the value is: it is left out. */
const range = ({ value, low, high }: ScoreRange): string =>
  low === high ? three(value) : `${three(value)} [${three(low)}, ${three(high)}]`;
const signed = (x: number): string => `${x < 0 ? "-" : "+"}${Math.abs(x).toFixed(3)}`;
/** Classes of which each has its line; of more the table says the mean only. */
const classesShown = 4;

/** Nothing small is rounded to zero. */
const pText = (p: number): string => (p < 0.001 ? "p < 0.001" : `p = ${p.toFixed(3)}`);

/** A share of calibration error that is worth a sentence. */
const noticeable = 0.005;
/** Pairs of classes that are named, and classes that are told worst. */
const mostNamed = 3;

/** A class among counts: one that reads like a count, or like several, stands in quotes. */
const inWords = (name: string): string => (/^[\p{L}\p{Emoji_Presentation}][^,\s]*$/u.test(name) ? name : JSON.stringify(name));

/** The commonest mistakes: the largest cells of the confusion matrix off its diagonal. */
function confusedText({ classes, confusion }: ClassificationReport): string {
  const pairs = confusion.filter(([t, p]) => t !== p).toSorted((a, b) => b[2] - a[2]);
  if (pairs.length === 0) return "No errors";
  const shown = pairs
    .slice(0, mostNamed)
    .map(([t, p, k]) => `${formatCount(k)} ${inWords(classes[t]!)} predicted as ${inWords(classes[p]!)}`);
  return `Most frequent errors: ${shown.join(", ")}`;
}

/** The classes that the model tells worst, where not each has its line: a mean hides one that is never found. */
function worstText({ scores }: ClassificationReport): string {
  const classes = scores.find(s => s.kind === "model")?.classes ?? [];
  const worst = classes.toSorted((a, b) => a.f1 - b.f1).slice(0, mostNamed);
  return `Lowest F1: ${worst.map(c => `${inWords(c.name)} ${three(c.f1)} (${formatCount(c.support)} ${c.support === 1 ? "text" : "texts"})`).join(", ")}`;
}

/** How near the nearest training texts are, and the accuracy by that. */
function similarityText({ similarity = [], test }: ClassificationReport): string[] {
  const shown = similarity.filter(b => b.texts > 0);
  if (shown.length === 0) return [];
  const bands = shown.map(b => `${b.from.toFixed(1)} to ${b.to.toFixed(1)}: ${three(b.accuracy)} of ${formatCount(b.texts)}`);
  const near = similarity.filter(b => b.from >= likeFrom).reduce((n, b) => n + b.texts, 0);
  return [
    `  Accuracy by similarity to the nearest training text (Jaccard, words): ${bands.join("; ")}`,
    ...(near >= noticeableShare * test.documents
      ? [
          `  Warning: ${formatCount(near)} of ${formatCount(test.documents)} test texts have a near copy in training (similarity ${likeFrom} or more)`,
        ]
      : []),
  ];
}
/** Near copies that are worth a warning, as a share of the test texts. */
const noticeableShare = 0.05;

const poolingWords = { first: "first token's state", last: "last token's state", mean: "mean state" } as const;
/** How the frozen base was read, and that its linear model saw fewer texts, where it did. */
const frozenText = ({ pooling, size, c, texts, ofTexts }: NonNullable<ClassificationReport["frozen"]>): string =>
  `${frozenBaseline}: ${poolingWords[pooling]} of ${formatCount(size)} elements, C = ${c} (chosen on the validation part), fitted on ${texts < ofTexts ? `${formatCount(texts)} of ${formatCount(ofTexts)}` : formatCount(texts)} texts`;

const comparedFigures = ["equalisedOdds", "equalOpportunity", "demographicParity"] as const;

/** Decisions with thresholds of groups beside those without. */
function groupThresholdLines({ attribute, label, goal, bound, groups, rows, without }: GroupThresholdReport): string[] {
  const width = Math.max(...rows.map(r => r.by.length)) + 2;
  const cell = (row: GroupThresholdReport["rows"][number], measure: (typeof comparedFigures)[number]): string => {
    const f = row.fairness.figures.find(x => x.measure === measure);
    return f?.value === undefined ? "undefined" : range({ value: f.value, low: f.low ?? f.value, high: f.high ?? f.value });
  };
  return [
    `  Thresholds for ${label} by ${attribute} (${goal} within ${bound} on the validation part): ${groups.map(g => `${g.group} ${thresholdText(g.at)}`).join(", ")}`,
    `    ${"".padEnd(width)}${"accuracy".padEnd(10)}${comparedFigures.map(f => f.padEnd(22)).join("")}`.trimEnd(),
    ...rows.map(r =>
      `    ${r.by.padEnd(width)}${three(r.accuracy).padEnd(10)}${comparedFigures.map(f => cell(r, f).padEnd(22)).join("")}`.trimEnd(),
    ),
    ...(without > 0 ? [`    ${formatCount(without)} test texts have no ${attribute}: the common threshold decides`] : []),
  ];
}

export function classificationTable(r: ClassificationReport): string {
  const counts = Object.entries(r.test.counts);
  const shown =
    counts.length <= classesShown
      ? `: ${counts.map(([c, k]) => `${formatCount(k)} ${inWords(c)}`).join(", ")}`
      : `, ${counts.length} classes`;
  const named = r.classes.length > classesShown ? [] : r.classes.map(c => c.length + 2);
  const width = Math.max(...r.scores.map(s => s.name.length), ...named) + 2;
  const lines = [
    "",
    `  ${formatCount(r.test.documents)} documents in the test set, in ${formatCount(r.test.groups)} groups of near-duplicates (${r.label}${shown})`,
    `  with ${Math.round(r.confidence * 100)} % bootstrap intervals over groups; precision, recall and F1 are means over classes`,
    `    ${"".padEnd(width)}${"F1 (macro)".padEnd(24)}${"accuracy".padEnd(24)}precision  recall`,
  ];
  for (const s of r.scores) {
    lines.push(
      `  ${s.kind === "model" ? ">" : " "} ${s.name.padEnd(width)}${range(s.macroF1).padEnd(24)}${range(s.accuracy).padEnd(24)}${three(s.macro.precision)}      ${three(s.macro.recall)}`,
    );
    if (r.classes.length > classesShown) continue;
    for (const c of s.classes)
      lines.push(`      ${c.name.padEnd(width - 2)}F1 ${range(c.f1Range).padEnd(45)}${three(c.precision)}      ${three(c.recall)}`);
  }
  lines.push("");
  const chance = r.scores.find(s => s.kind === "model")?.chance;
  if (chance) lines.push(`  ${r.model.name} is ${chanceSentence(chance)}`, "");
  const change = (x: ScoreRange): string => `${signed(x.value)} [${signed(x.low)}, ${signed(x.high)}]`;
  for (const c of r.comparisons) {
    const { onlyFirst, onlySecond, p } = c.mcNemar;
    lines.push(
      `  ${r.model.name} against ${c.against}: ${c.verdict}`,
      `      ${c.balancedAccuracy ? `balanced accuracy ${change(c.balancedAccuracy)}; ` : ""}F1 ${change(c.difference)}; right alone: ${onlyFirst} and ${onlySecond}, McNemar ${pText(p)}`,
    );
  }
  if (r.frozen) lines.push(`  ${frozenText(r.frozen)}`);
  for (const w of r.warnings ?? []) lines.push(`  Warning: ${w.message}`);
  lines.push(...similarityText(r));
  const { temperature: t, error, logLoss } = r.calibration;
  lines.push(
    "",
    ...(r.classes.length > classesShown ? [`  ${worstText(r)}`] : []),
    `  ${confusedText(r)}`,
    `  Its probabilities are off by ${(100 * r.calibration.error).toFixed(1)} points on average (calibration error); log loss ${three(r.calibration.logLoss)} nats a text`,
  );
  if (t)
    lines.push(
      `  With temperature scaling (T = ${t.value.toFixed(2)}, fitted on the validation part): calibration error ${(100 * t.error).toFixed(1)} points, log loss ${three(t.logLoss)}${t.error < error - noticeable && t.logLoss < logLoss ? " (to apply it: loam serve --calibrated)" : ""}`,
    );
  if (r.threshold)
    lines.push(
      "",
      ...thresholdLines(r.threshold),
      ...(r.groupThresholds ? [] : [`  ${r.model.name} tells its classes by the cheapest: the figures above are of what it tells`]),
    );
  if (r.groupThresholds)
    lines.push(
      "",
      ...groupThresholdLines(r.groupThresholds),
      `  ${r.model.name} decides by the thresholds of the groups: the figures of this report are of these decisions`,
    );
  if (r.fairness) lines.push("", ...fairnessLines(r.fairness));
  return lines.join("\n");
}
