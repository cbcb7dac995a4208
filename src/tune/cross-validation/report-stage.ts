/** A cross-validation's scores as one report, an artifact beside the model that the recipe makes of the whole train side. */
import { z } from "zod";
import { type Stage, stage } from "../../store/index.ts";
import { type FoldPlace, foldPlaces } from "./options.ts";
import { type FoldScores, readScores } from "./parts.ts";
import { type CrossValidationReport, crossValidationReport, foldLosses, foldMeasures } from "./report.ts";

const reportOptions = z.strictObject({
  name: z.string(),
  of: z.enum(["classification", "regression"]),
  label: z.string(),
  folds: z.number().int().min(1),
  repeats: z.number().int().min(1),
  seeds: z.array(z.union([z.number().int(), z.string()])).min(1),
});

/** Names of a report's inputs. */
export const runInput = ({ repeat, fold }: FoldPlace, seed: number): string => `run-${repeat}-${fold}-${seed}`;
export const baselinesInput = ({ repeat, fold }: FoldPlace): string => `baselines-${repeat}-${fold}`;

const round = (x: number): number => Number(x.toPrecision(6));

/** What a search's trial is judged by. */
function counted(r: CrossValidationReport): Record<string, number> {
  const losses = foldLosses(r);
  const loss = losses.reduce((a, b) => a + b, 0) / losses.length;
  return r.of === "regression" ? { loss } : { bitsPerText: loss, errors: 1 - r.systems[0]!.measures.accuracy!.mean };
}

/** For so many splits and seeds: a stage's inputs are named. */
export const crossValidationStage = (o: {
  readonly folds?: number | undefined;
  readonly repeats: number;
  readonly seeds: number;
  /** Are there scores of baselines? */
  readonly hasBaselines: boolean;
}): Stage<string, typeof reportOptions> => {
  const places = foldPlaces(o);
  const runs = places.flatMap(at => Array.from({ length: o.seeds }, (_, s) => runInput(at, s + 1)));
  const baselines = o.hasBaselines ? places.map(baselinesInput) : [];
  return stage({
    name: "cross-validation",
    version: 1,
    inputs: Object.fromEntries([["model", "model"], ...[...runs, ...baselines].map(name => [name, "fold-scores"])]) as Record<
      string,
      string
    >,
    options: reportOptions,
    output: "cross-validation",
    async run({ inputs, options: { name, ...options }, output }) {
      const read = (names: readonly string[]): Promise<FoldScores[]> => Promise.all(names.map(n => readScores(inputs[n]!)));
      const report = crossValidationReport({
        ...options,
        model: { artifact: inputs.model!.id, name },
        runs: await read(runs),
        baselines: await read(baselines),
      });
      await output.write("report.json", `${JSON.stringify(report, null, 2)}\n`);
      const own = report.systems[0]!.measures;
      const told = Object.keys(foldMeasures).flatMap(measure => {
        const row = own[measure];
        if (!row) return [];
        return [
          [measure, round(row.mean)] as const,
          ...(row.low === null ? [] : [[`${measure}Low`, round(row.low)] as const, [`${measure}High`, round(row.high!)] as const]),
        ];
      });
      return {
        name,
        folds: options.folds,
        repeats: options.repeats,
        seeds: options.seeds.length,
        over: report.over,
        ...Object.fromEntries(told),
        ...counted(report),
      };
    },
  });
};
