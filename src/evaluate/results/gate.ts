/**
 * A condition held against results. What it says is a statement about the difference left - right, and results are a sample: so the difference gets a
 * paired bootstrap interval (both sides on the same draws of items), and the condition is `shown` where the one-sided 95 % bound lies beyond 0 on its
 * side, `excluded` where it lies beyond 0 on the other, else `undecided`. Which of the two errors an undecided one should be is the caller's choice. A figure
 * that is not a number (the area under the curve of one class) is `unknown` and fails: nothing is known of what the gate is there for.
 */
import { defined } from "../../base/index.ts";
import { bootstrap } from "../../statistics/index.ts";
import { type ChanceTest, chanceSentence } from "../classification/index.ts";
import { evaluateErrors } from "../errors.ts";
import type { UndecidedRule } from "../part.ts";
import { chanceOf } from "./chance.ts";
import { pairItems } from "./compare.ts";
import type { Condition } from "./condition.ts";
import { checkWhole, type GroupHead, isGroupHead, measuresIn } from "./group.ts";
import type { ItemResult, ResultHead } from "./item.ts";
import type { EvaluationMeasure } from "./measure.ts";
import { clustersOf, strataOf } from "./score.ts";

export interface GateVerdict {
  readonly condition: string;
  /** A task's name, or a group's. */
  readonly task: string;
  readonly items: number;
  /** left - right on all items, and its one-sided 95 % bounds. */
  readonly difference: number;
  readonly low: number;
  readonly high: number;
  /** The figures say that it holds. */
  readonly holds: boolean;
  readonly evidence: "shown" | "undecided" | "excluded" | "unknown";
  readonly fails: boolean;
  /** Where verdicts of a judge could not be read: how many pairs the figures leave out, and whether they could turn the outcome, which then fails. */
  readonly unread?: { readonly items: number; readonly canTurn: boolean };
  /** The model's labels are no better than chance, and so the figures, which would show that it is good, are `undecided`. */
  readonly chance?: ChanceTest;
  /** Of an `unknown` one: why a figure is not a number, where its measure says so. */
  readonly why?: string;
  /** Figures by the names in the condition. */
  readonly figures: Readonly<Record<string, number>>;
}

interface GateSide {
  /** For a condition on `cost`, with those that choose the threshold behind them (`asChoosing`). */
  readonly items: readonly ItemResult[];
}

interface GateOptions {
  /** `point` where absent. */
  readonly undecided?: UndecidedRule;
  /** Draws of the bootstrap, 2,000 where absent. */
  readonly draws?: number;
}

/**
 * Of a task, or of a group: then `items` are those of `groupItems`, drawn task by task. What is left out because nobody could read it is supposed to be the worst
 * and the best there is (bounds without assumptions: Manski 1990); where that turns the outcome, it fails. Errors: evaluate/metric for an unknown measure;
 * evaluate/condition where there is no other model; evaluate/compare.
 */
export function gateVerdict(
  condition: Condition,
  head: ResultHead | GroupHead,
  model: GateSide,
  against: GateSide | undefined,
  options: GateOptions = {},
): GateVerdict {
  const verdict = readVerdict(condition, head, model, against, options);
  const measureNamed = measuresIn(head, model.items);
  const supposing = condition.terms.flatMap(t => (t.side === "model" ? (measureNamed(t.metric).measure.supposed ?? []) : []));
  const supposed = (as: "best" | "worst") => model.items.map(i => supposing.reduce((item, suppose) => suppose(item, as), i));
  const unread = supposed("worst").filter((i, at) => i !== model.items[at]).length;
  if (unread === 0) return verdict;
  const canTurn = (["worst", "best"] as const).some(
    as => readVerdict(condition, head, { items: supposed(as) }, against, options).fails !== verdict.fails,
  );
  return { ...verdict, fails: verdict.fails || canTurn, unread: { items: unread, canTurn } };
}

/** Does the condition hold for the figure, and what does its interval show of it? */
function evidenceOf(operator: Condition["operator"], difference: number, low: number, high: number) {
  const isBelow = operator === "<" || operator === "<=";
  const isStrict = operator === "<" || operator === ">";
  const beyond = (d: number) => (isBelow ? (isStrict ? d < 0 : d <= 0) : isStrict ? d > 0 : d >= 0);
  // the end farther from the condition's side must be on it; the nearer one must not
  const drawn: GateVerdict["evidence"] = Number.isNaN(difference)
    ? "unknown"
    : Number.isNaN(low) || Number.isNaN(high)
      ? "undecided"
      : beyond(isBelow ? high : low)
        ? "shown"
        : beyond(isBelow ? low : high)
          ? "undecided"
          : "excluded";
  return { isBelow, holds: beyond(difference), drawn };
}

/** Two one-sided bounds of 95 % are the ends of an interval of 90 %. */
const confidence = 0.9;

/** Bounds of left - right where it is of a single figure that has an interval of its own. */
function ownBounds({ terms, constant }: Condition, measures: readonly EvaluationMeasure[], items: readonly ItemResult[], draws: number) {
  const [term, ...others] = terms;
  if (!term || others.length > 0 || term.side === "against") return undefined;
  const own = measures[0]!.interval?.(items, { confidence, draws });
  if (!own) return undefined;
  const [a, b] = [own.low * term.factor + constant, own.high * term.factor + constant];
  return { low: Math.min(a, b), high: Math.max(a, b) };
}

/** Of what was read. */
function readVerdict(
  condition: Condition,
  head: ResultHead | GroupHead,
  model: GateSide,
  against: GateSide | undefined,
  { undecided = "point", draws = 2000 }: GateOptions,
): GateVerdict {
  const { terms, constant, operator, source } = condition;
  const usesOther = terms.some(t => t.side === "against");
  if (usesOther && !against)
    throw evaluateErrors.fail("condition", {
      place: `--fail-if "${source}"`,
      expected: "--against, the model that it speaks of",
      received: "none",
    });
  const measureNamed = measuresIn(head, model.items);
  const measured = terms.map(t => measureNamed(t.metric));
  // of a group, the items of the tasks that are spoken of
  const counted = (side: GateSide) => side.items.filter(i => measured.some(m => m.counts(i)));
  const own = counted(model);
  const paired = usesOther ? pairItems(own, counted(against!), head.task) : { first: own, second: [] };
  if (isGroupHead(head)) checkWhole(head, measured, paired.first);
  const all = Int32Array.from(paired.first, (_, i) => i);
  const n = paired.first.filter(i => !i.chooses).length;
  const parts = terms.map((t, k) => {
    const { measure } = measured[k]!;
    const figure = measure.prepare(t.side === "model" ? paired.first : paired.second);
    return { ...t, figure, name: t.side === "model" ? t.metric : `against.${t.metric}` };
  });
  const at = (items: ArrayLike<number>) => parts.reduce((sum, p) => sum + p.factor * p.figure(items), constant);
  const difference = at(all);
  const measures = measured.map(m => m.measure);
  const { low, high } =
    n < 2
      ? { low: Number.NaN, high: Number.NaN }
      : (ownBounds(condition, measures, paired.first, draws) ??
        bootstrap(all.length, at, {
          draws,
          confidence,
          method: measures.some(m => m.chooses) ? "percentile" : "bca",
          clusters: clustersOf(paired.first),
          strata: strataOf(paired.first) ?? measures.find(m => m.strata)?.strata?.(paired.first),
          seed: 1,
        }));
  const { isBelow, holds, drawn } = evidenceOf(operator, difference, low, high);
  // a margin within which both are alike praises neither
  const isAhead = !usesOther || Math.abs(difference - constant) > 1e-9;
  const praises = (drawn === "shown" && !isBelow) || (drawn === "excluded" && isBelow);
  const blames = (drawn === "shown" && isBelow) || (drawn === "excluded" && !isBelow);
  const isPraised = terms.some((t, k) => t.side === "model" && measured[k]!.measure.isOfLabels && (t.factor > 0 ? praises : blames));
  const chance =
    isPraised && isAhead
      ? chanceOf(
          head,
          paired.first.filter(i => !i.chooses),
        )
      : undefined;
  const why = Number.isNaN(difference) ? measured.flatMap(m => m.measure.why?.(paired.first) ?? [])[0] : undefined;
  const isChance = chance?.verdict === "no better than chance";
  const evidence = isChance ? "undecided" : drawn;
  const fails = evidence === "undecided" ? (undecided === "point" ? holds : undecided === "fail") : evidence !== "excluded";
  return {
    condition: source,
    task: head.task,
    items: n,
    difference,
    low,
    high,
    holds,
    evidence,
    fails,
    ...(isChance ? { chance } : {}),
    ...defined({ why }),
    figures: Object.fromEntries(parts.map(p => [p.name, p.figure(all)])),
  };
}

const show = (x: number): string => String(Math.round(x * 1e4) / 1e4);

/** What a verdict's evidence is, in words. */
export const toldEvidence: { readonly [E in GateVerdict["evidence"]]: string } = {
  shown: "shown at 95 %",
  undecided: "not decided by so few items",
  excluded: "excluded at 95 %",
  unknown: "a figure is not a number, and so it fails",
};

const tellUnread = ({ unread }: GateVerdict): string => {
  if (!unread) return "";
  const pairs = unread.items === 1 ? "a pair whose verdict could not be read" : `${unread.items} pairs whose verdicts could not be read`;
  return unread.canTurn
    ? `; without ${pairs}, and with all of them won or all of them lost the outcome is another, so it fails`
    : `; without ${pairs}, which could not turn it, won or lost`;
};

/** The sentence of a verdict. */
export const tellVerdict = (v: GateVerdict): string => {
  const figures = Object.entries(v.figures)
    .map(([name, x]) => `${name} ${show(x)}`)
    .join(", ");
  const says = v.evidence === "unknown" ? "is unknown" : v.holds ? "holds" : "does not hold";
  return `${v.task}: "${v.condition}" ${says} (${figures}; left - right ${show(v.difference)}, 95 % one-sided bounds ${show(v.low)} and ${show(v.high)}, ${v.items} items: ${toldEvidence[v.evidence]}${v.why === undefined ? "" : `: ${v.why}`})${v.chance ? `; the model is ${chanceSentence(v.chance)}` : ""}${tellUnread(v)}`;
};
