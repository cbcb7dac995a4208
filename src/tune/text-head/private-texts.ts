/** A head's private training: texts of the drawn people as micro-batches, and how gradients are told apart. */
import type { HostBatch, PackingState, PoissonSampling, PrivateGradients } from "../../train/index.ts";
import { poissonBatches, poissonSource } from "../../train/index.ts";
import { tuneErrors } from "../errors.ts";
import { stepsOfEpochs } from "../fit.ts";
import { runKey } from "../privacy/key-file.ts";
import type { PrivacyOptions } from "../privacy/options.ts";
import { type PrivacyReport, peopleOf, privacyPlan } from "../privacy/plan.ts";
import type { TextBatch } from "./batches.ts";

interface PrivateRun {
  readonly privacy: PrivacyOptions;
  readonly batch: number;
  readonly epochs: number;
  readonly seed: number | string;
  readonly precision?: string | undefined;
  readonly folder: string;
  /** Person of each text; absent: a text is one. */
  readonly owners?: readonly string[] | undefined;
  readonly lengths: readonly number[];
  readonly widths: readonly number[];
}

interface PrivateTexts {
  readonly report: PrivacyReport;
  readonly gradients: PrivateGradients;
  /** Steps of an epoch. */
  readonly stepsIn: number;
  readonly microBatchesAt: (step: number) => number;
  readonly source: (
    host: (batch: TextBatch, seed: number, owner: readonly number[]) => HostBatch,
    state: PackingState | undefined,
  ) => ReturnType<typeof poissonSource<HostBatch>>;
}

/** Errors: tune/privacy, governance/accountant. */
export function privateTexts(o: PrivateRun, rows: number): PrivateTexts {
  if (o.precision !== undefined && o.precision !== "f32")
    throw tuneErrors.fail("privacy", {
      place: "precision",
      expected: "f32 with privacy: norms of gradients bound what a person adds",
      received: o.precision,
    });
  const most = o.privacy.person === undefined ? 1 : o.privacy.textsPerPerson;
  if (most > rows)
    throw tuneErrors.fail("privacy", { place: "privacy.textsPerPerson", expected: `at most batch, ${rows}`, received: String(most) });
  const owners = o.owners ?? o.lengths.map((_, i) => String(i));
  const { people, leftOut } = peopleOf(owners, most, o.seed);
  const rate = Math.min(1, o.batch / o.lengths.length);
  const stepsIn = 1 / rate;
  const report = privacyPlan(o.privacy, { people: people.length, leftOut, rate, steps: stepsOfEpochs(o.epochs, stepsIn) });
  const key = runKey(o.folder);
  const sampling: PoissonSampling = { people, rate, rows, key };
  return {
    report,
    stepsIn,
    gradients: {
      clip: report.clip,
      noise: report.noise,
      expected: rate * people.length,
      examples: ({ owner }) => ({ of: owner!, count: rows, span: most }),
      key,
    },
    microBatchesAt: step => poissonBatches(sampling, step).length,
    source: (host, state) =>
      poissonSource(
        sampling,
        ({ texts, owner }, step, at) => {
          const longest = texts.reduce((n, t) => Math.max(n, o.lengths[t]!), 0);
          const width = o.widths.find(w => w >= longest) ?? o.widths.at(-1)!;
          // dropout draws anew in each micro-batch
          return host({ width, texts }, step * 4096 + at, owner);
        },
        state,
      ),
  };
}
