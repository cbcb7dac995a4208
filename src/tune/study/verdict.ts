/**
 * Whether the winner of a study is better, on documents that had no say in choosing it: what the study counts (bits a byte, bits a text, errors)
 * on the test half beside the runner-up's and the configuration's as it was, paired document by document, near-duplicates as one.
 */
import { z } from "zod";
import { bootstrap, holm, normalQuantile, pairedPermutation } from "../../statistics/index.ts";
import { type ArtifactReader, stage } from "../../store/index.ts";
import { tuneErrors } from "../errors.ts";
import { type Judgement, readJudgement } from "./judge.ts";

export interface Comparison {
  readonly against: "runnerUp" | "default";
  /** What the other one comes to on the test half. */
  readonly value: number;
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
  readonly winner: { readonly model: string; readonly value: number };
  readonly comparisons: readonly Comparison[];
}

export const level = 0.05;
const power = 0.8;

export const countedBy = ["bits", "wrong"] as const;
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
    winner: { model: winner.model, value: meanOf(winner) },
    comparisons: compared.map((c, i) => ({ ...c, p: corrected[i]!, isSignificant: corrected[i]! < level })),
  };
}

const verdictFile = "verdict.json";

export const readVerdict = async (artifact: ArtifactReader): Promise<VerdictReport> =>
  JSON.parse((await artifact.read(verdictFile)).toString("utf8")) as VerdictReport;

/** The verdict as an artifact. Whoever is the winner itself (the default may be) is not compared. */
export const verdictStage = stage({
  name: "verdict",
  version: 1,
  inputs: { winner: "judgement", runnerUp: "judgement", default: "judgement" },
  options: z.strictObject({ seed: z.union([z.number().int(), z.string()]), by: z.enum(countedBy) }),
  output: "verdict",
  async run({ inputs, options, output }) {
    const winner = await readJudgement(inputs.winner);
    const seen = new Set([inputs.winner.id]);
    const others: { against: Comparison["against"]; judgement: Judgement }[] = [];
    for (const against of ["default", "runnerUp"] as const) {
      if (seen.has(inputs[against].id)) continue;
      seen.add(inputs[against].id);
      others.push({ against, judgement: await readJudgement(inputs[against]) });
    }
    const report = verdictOf(winner, others, options);
    await output.write(verdictFile, `${JSON.stringify(report, null, 2)}\n`);
    return { value: report.winner.value, documents: report.documents };
  },
});

const bits = (x: number): string => x.toFixed(4);
const named = { runnerUp: "the runner-up", default: "the default" } as const;

/** What a comparison says, one sentence; `unit` is what is counted: `bits a byte`. */
export function comparisonSentence(c: Comparison, unit: string): string {
  const figures = `${c.difference >= 0 ? "+" : "-"}${bits(Math.abs(c.difference))} ${unit} [${bits(c.low)}, ${bits(c.high)}], p ${c.p < 0.001 ? "< 0.001" : c.p.toFixed(3)}`;
  if (!c.isSignificant)
    return `no significant difference to ${named[c.against]} (${bits(c.value)}; ${figures}); one of ${bits(c.detectable)} would be found four times in five`;
  return `${c.difference > 0 ? "better" : "WORSE"} than ${named[c.against]} (${bits(c.value)}; ${figures})`;
}
