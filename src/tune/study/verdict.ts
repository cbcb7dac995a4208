/**
 * Whether the winner of a study is better, on documents that had no say in choosing it: what the study counts (bits per byte, bits per text, errors)
 * on the test half beside the runner-up's, the configuration's as it was and the base's, paired document by document, near-duplicates as one.
 */
import { z } from "zod";
import { bootstrap, holm, normalQuantile, pairedPermutation } from "../../statistics/index.ts";
import { type ArtifactReader, type Stage, stage } from "../../store/index.ts";
import { tuneErrors } from "../errors.ts";
import { type Judgement, readJudgement } from "./judge.ts";

export interface Comparison {
  readonly against: "runnerUp" | "default" | "base";
  /** What the other one comes to on the test half. */
  readonly value: number;
  /** Its share of what is told wrong, where that is known. */
  readonly wrong?: number;
  /** The other one's less the winner's: above 0 where the winner is better; 95 % interval by bootstrap over groups. */
  readonly difference: number;
  readonly low: number;
  readonly high: number;
  /** Paired permutation test over groups, corrected for the number of comparisons (Holm). */
  readonly p: number;
  readonly isSignificant: boolean;
  /** The difference that a test of 5 % on these documents finds in 80 % of cases, in the same unit. */
  readonly detectable: number;
}

export interface VerdictReport {
  readonly documents: number;
  readonly groups: number;
  readonly bytes: number;
  readonly winner: { readonly model: string; readonly value: number; readonly wrong?: number };
  readonly comparisons: readonly Comparison[];
}

const level = 0.05;
const power = 0.8;

const countedBy = ["bits", "wrong"] as const;
/** What is counted of each document: the bits that it costs, or whether its class was told wrong. */
export type CountedBy = (typeof countedBy)[number];

/** Compares judgements of the same documents. Errors: tune/trial where they are of other documents. */
export function verdictOf(
  winner: Judgement,
  others: readonly { readonly against: Comparison["against"]; readonly judgement: Judgement }[],
  { seed = 1, by = "bits" }: { readonly seed?: number | string; readonly by?: CountedBy } = {},
): VerdictReport {
  const losses = (j: Judgement): readonly number[] => (by === "bits" ? j.bits : j.wrong!);
  const meanOf = (j: Judgement): number => losses(j).reduce((a, b) => a + b, 0) / j.bytes.reduce((a, b) => a + b, 0);
  const wrongOf = ({ wrong }: Judgement): { readonly wrong?: number } =>
    wrong === undefined ? {} : { wrong: wrong.reduce((a, b) => a + b, 0) / wrong.length };
  const own = losses(winner);
  const names = new Map<string, number>();
  const clusters = winner.groups.map(g => {
    if (!names.has(g)) names.set(g, names.size);
    return names.get(g)!;
  });
  const compared = others.map(({ against, judgement }) => {
    if (JSON.stringify(judgement.ids) !== JSON.stringify(winner.ids))
      throw tuneErrors.fail("trial", { place: judgement.model, expected: "judged on the winner's documents", received: "others" });
    const theirs = losses(judgement);
    const { value, low, high } = bootstrap(
      winner.ids.length,
      items => {
        let [bits, bytes] = [0, 0];
        for (const i of items) {
          bits += theirs[i]! - own[i]!;
          bytes += winner.bytes[i]!;
        }
        return bits / bytes;
      },
      { clusters, seed },
    );
    const { p } = pairedPermutation(own, theirs, { clusters, seed });
    const deviation = (high - low) / (2 * normalQuantile(1 - level / 2));
    return {
      against,
      value: meanOf(judgement),
      ...wrongOf(judgement),
      difference: value,
      low,
      high,
      p,
      detectable: (normalQuantile(1 - level / 2) + normalQuantile(power)) * deviation,
    };
  });
  const corrected = holm(compared.map(c => c.p));
  return {
    documents: winner.ids.length,
    groups: names.size,
    bytes: winner.bytes.reduce((a, b) => a + b, 0),
    winner: { model: winner.model, value: meanOf(winner), ...wrongOf(winner) },
    comparisons: compared.map((c, i) => ({ ...c, p: corrected[i]!, isSignificant: corrected[i]! < level })),
  };
}

const verdictFile = "verdict.json";

export const readVerdict = async (artifact: ArtifactReader): Promise<VerdictReport> =>
  JSON.parse((await artifact.read(verdictFile)).toString("utf8")) as VerdictReport;

const verdictOptions = z.strictObject({ seed: z.union([z.number().int(), z.string()]), by: z.enum(countedBy) });
const rivals = { runnerUp: "judgement", default: "judgement" };

/** A verdict as an artifact. Whoever is the winner itself (the default may be) is not compared. */
const verdictAmong = <I extends "winner" | Comparison["against"]>(
  name: string,
  inputs: Readonly<Record<I, string>>,
): Stage<I, typeof verdictOptions> =>
  stage({
    name,
    version: 1,
    inputs,
    options: verdictOptions,
    output: "verdict",
    async run({ inputs: given, options, output }) {
      const judgements = given as Readonly<Record<string, ArtifactReader>>;
      const winner = await readJudgement(judgements.winner!);
      const seen = new Set([judgements.winner!.id]);
      const others: { against: Comparison["against"]; judgement: Judgement }[] = [];
      for (const against of ["default", "runnerUp", "base"] as const) {
        const judgement = judgements[against];
        if (judgement === undefined || seen.has(judgement.id)) continue;
        seen.add(judgement.id);
        others.push({ against, judgement: await readJudgement(judgement) });
      }
      const report = verdictOf(winner, others, options);
      await output.write(verdictFile, `${JSON.stringify(report, null, 2)}\n`);
      return { value: report.winner.value, documents: report.documents };
    },
  });

/** The winner beside the runner-up and the default; where the base can be asked the same, beside it too. */
export const verdictStage = verdictAmong("verdict", { winner: "judgement", ...rivals });
export const verdictBesideBaseStage = verdictAmong("verdict-beside-base", { winner: "judgement", ...rivals, base: "judgement" });

/** Shares of what the winner and those that it is compared with tell wrong, one sentence; undefined where that is not known. */
export function wrongSentence({ winner, comparisons }: Pick<VerdictReport, "winner" | "comparisons">): string | undefined {
  if (winner.wrong === undefined) return undefined;
  const percent = (share: number | undefined): string => `${(100 * share!).toFixed(1)} %`;
  const others = comparisons.map(c => `${named[c.against]} ${percent(c.wrong)}`);
  return [`wrong: ${percent(winner.wrong)}`, ...others].join("; ");
}

const bits = (x: number): string => x.toFixed(4);
const named = { runnerUp: "the runner-up", default: "the default", base: "the base" } as const;

/** What a comparison says, one sentence; `unit` is what is counted: `bits per byte`. */
export function comparisonSentence(c: Comparison, unit: string): string {
  const figures = `${c.difference >= 0 ? "+" : "-"}${bits(Math.abs(c.difference))} ${unit} [${bits(c.low)}, ${bits(c.high)}], p ${c.p < 0.001 ? "< 0.001" : c.p.toFixed(3)}`;
  if (!c.isSignificant)
    return `no significant difference to ${named[c.against]} (${bits(c.value)}; ${figures}); one of ${bits(c.detectable)} would be found four times in five`;
  return `${c.difference > 0 ? "better" : "WORSE"} than ${named[c.against]} (${bits(c.value)}; ${figures})`;
}
