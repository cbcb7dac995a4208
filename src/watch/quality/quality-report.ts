/** Quality of a model's versions by day: the true figure of labelled requests beside the estimate of all, and how the labelled ones were selected. */
import { normalAbove } from "../../statistics/index.ts";
import { addSums, type EstimatedQuality, estimatedQuality, noSums, type QualitySums } from "./estimated-quality.ts";
import { agreedTruth, type FeedbackRow } from "./feedback-rows.ts";
import { type JudgedText, type TrueQuality, trueQuality } from "./true-quality.ts";

/** Sums of a version's day; several of one day add up. */
export interface DaySums {
  readonly version: number | null;
  /** `2026-11-30`, UTC. */
  readonly day: string;
  readonly sums: QualitySums;
}

/** Whether labelled requests are like all requests. */
export interface LabelSelection {
  /** Labelled requests of all responses. */
  readonly share: number | null;
  /** Mean probability of the class told, of labelled texts and of all. Null where the model tells no classes. */
  readonly confidenceLabelled: number | null;
  readonly confidenceAll: number | null;
  /** Two-sided p of no difference between labelled texts and the rest; small: the true figure is of other requests than most. */
  readonly p: number | null;
}

export interface PeriodQuality {
  readonly responses: number;
  readonly true: TrueQuality;
  readonly estimated: EstimatedQuality;
  readonly selection: LabelSelection;
}

export interface DayQuality extends PeriodQuality {
  readonly day: string;
}

export interface VersionQuality extends PeriodQuality {
  readonly version: number | null;
  /** The newest first. */
  readonly days: readonly DayQuality[];
}

const dayMs = 86_400_000;
/** `2026-11-30` in UTC. */
export const utcDay = (atMs: number): string => new Date(Math.floor(atMs / dayMs) * dayMs).toISOString().slice(0, 10);

/** Texts of a request that somebody labelled. */
function labelledTexts(request: string, { facts, labels }: FeedbackRow): JudgedText[] {
  if (!facts) return [];
  const indices = [...new Set(labels.map(l => l.index))];
  return indices.flatMap(index => {
    const agreed = agreedTruth(labels, index);
    if (!agreed) return [];
    const reading = facts.readings[index];
    const { label: truth, score, isTrusted } = agreed;
    return [{ request, predicted: reading?.label ?? null, probabilities: reading?.probabilities ?? null, truth, score, isTrusted }];
  });
}

function selectionOf(texts: readonly JudgedText[], requests: number, sums: QualitySums): LabelSelection {
  const share = sums.responses === 0 ? null : Math.min(1, requests / sums.responses);
  const own = texts.flatMap(t => (t.predicted === null ? [] : (t.probabilities?.[t.predicted] ?? [])));
  const none = { share, confidenceLabelled: null, confidenceAll: null, p: null };
  if (own.length === 0 || sums.texts === 0) return none;
  const labelled = own.reduce((a, b) => a + b, 0);
  const squares = own.reduce((a, b) => a + b * b, 0);
  const confidence = { confidenceLabelled: labelled / own.length, confidenceAll: sums.confidence / sums.texts };
  // the labelled are among all: compared with the rest, as two independent samples
  const rest = sums.texts - own.length;
  if (own.length < 2 || rest < 2) return { ...none, ...confidence };
  const varianceOf = (n: number, sum: number, square: number) => Math.max(0, square - (sum * sum) / n) / (n - 1);
  const error = Math.sqrt(
    varianceOf(own.length, labelled, squares) / own.length +
      varianceOf(rest, sums.confidence - labelled, sums.confidenceSquares - squares) / rest,
  );
  const difference = labelled / own.length - (sums.confidence - labelled) / rest;
  return { share, ...confidence, p: error > 0 ? Math.min(1, 2 * normalAbove(Math.abs(difference) / error)) : null };
}

function periodOf(texts: readonly JudgedText[], sums: QualitySums): PeriodQuality {
  const figures = trueQuality(texts);
  return {
    responses: sums.responses,
    true: figures,
    estimated: estimatedQuality(sums),
    selection: selectionOf(texts, figures.requests, sums),
  };
}

/** `rows` by request. Figures of each version, and of each of its days by when the request was answered; the newest version first. */
export function qualityOf(rows: ReadonlyMap<string, FeedbackRow>, days: readonly DaySums[]): VersionQuality[] {
  const versions = new Map<number | null, Map<string, { texts: JudgedText[]; sums: QualitySums }>>();
  const at = (version: number | null, day: string) => {
    const of = versions.get(version) ?? new Map<string, { texts: JudgedText[]; sums: QualitySums }>();
    versions.set(version, of);
    const found = of.get(day) ?? { texts: [], sums: noSums };
    of.set(day, found);
    return found;
  };
  for (const { version, day, sums } of days) {
    const found = at(version, day);
    found.sums = addSums(found.sums, sums);
  }
  // in one order, so that the same rows give the same draws
  for (const [request, row] of [...rows].sort(([a], [b]) => (a < b ? -1 : 1)))
    if (row.facts) at(row.facts.version, utcDay(row.facts.atMs)).texts.push(...labelledTexts(request, row));
  return [...versions]
    .sort(([a], [b]) => (b ?? -1) - (a ?? -1))
    .map(([version, of]) => {
      const parts = [...of].sort(([a], [b]) => (a < b ? 1 : -1));
      return {
        version,
        ...periodOf(
          parts.flatMap(([, p]) => p.texts),
          parts.reduce((sum, [, p]) => addSums(sum, p.sums), noSums),
        ),
        days: parts.map(([day, { texts, sums }]) => ({ day, ...periodOf(texts, sums) })),
      };
    });
}
