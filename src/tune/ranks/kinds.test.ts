/** The law of tuning on several ranks for kinds whose batches are more than rows of text: pairs, ratings, a teacher beside, in-batch negatives, heads of other targets. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { cases } from "../../../test/support/deep.ts";
import { check, random, type Tree, treeLeaves } from "../../base/index.ts";
import { bertConfig, decoderSpec, encoderSpec, initialise, llamaConfig, modelOf, specOfModel } from "../../nn/index.ts";
import { memoryGroups, type ProcessGroup } from "../../ranks/index.ts";
import { type DeviceArray, openDevice } from "../../tensor/index.ts";
import { trainBpe } from "../../text/index.ts";
import { tuneContrast } from "../contrast/fit.ts";
import { embedOptions } from "../contrast/options.ts";
import type { Related } from "../contrast/pairs.ts";
import { distillFitOptions } from "../distill/options.ts";
import { nothing, type SparseTargets } from "../distill/sparse.ts";
import { distillTask } from "../distill/tune.ts";
import { endpointTask } from "../distill/tune-endpoint.ts";
import type { Fitted } from "../fit.ts";
import type { Encoded, Masked } from "../instruct/encode.ts";
import type { TaskRun } from "../instruct/task.ts";
import { tuneRows } from "../instruct/tune.ts";
import { fitMultiLabel, type MultiLabelTexts } from "../multi-label/fit.ts";
import { multiLabelOptions } from "../multi-label/options.ts";
import { type PreferenceInput, pairFitOptions, ratingFitOptions } from "../preference/options.ts";
import type { EncodedPair } from "../preference/pairs.ts";
import type { EncodedRating } from "../preference/rated.ts";
import { tunePreference } from "../preference/tune.ts";
import { tuneRatings } from "../preference/tune-ratings.ts";
import { fitRegression } from "../regress/fit.ts";
import { regressOptions } from "../regress/options.ts";

const device = openDevice("cpu", { threads: 1 });
const root = mkdtempSync(join(tmpdir(), "loam-tune-ranks-kinds-"));
afterAll(() => rmSync(root, { recursive: true, force: true }));
let folders = 0;
const newFolder = () => join(root, `run-${folders++}`);
const tokenizer = trainBpe(["a"], { vocab: 300, minFrequency: 1 });
const text = { tokenizer, stopTokens: [] };

/** What of a run differs between one rank and several. */
interface Around {
  readonly ranks: ProcessGroup | undefined;
  readonly folder: string;
  readonly signal?: AbortSignal;
  readonly progress?: (event: { readonly values?: Readonly<Record<string, unknown>> }) => void;
}
interface Kind {
  /** `ranked` is the recipe's mesh and ZeRO level. */
  run(around: Around, ranked: object): Promise<Fitted>;
}
const silently = (around: Around) => ({ device, identity: "x", progress: () => {}, ...around });

const config = { ...llamaConfig({ vocab: 40, width: 32, layers: 2, heads: 2, context: 32, hidden: 48 }), deviation: 0.15 };
const draw = random("kinds on ranks");
const answerTo = (prompt: readonly number[]): Masked => {
  const ids = Uint32Array.from([...prompt, 39, ...Array.from({ length: 2 + draw.below(5) }, () => 2 + draw.below(36)), 1]);
  return { ids, trained: Uint8Array.from(ids, (_, k) => (k > prompt.length ? 1 : 0)) };
};
const promptOf = () => Array.from({ length: 2 + draw.below(9) }, () => 2 + draw.below(36));
const pairs: EncodedPair[] = Array.from({ length: 19 }, (_, i) => {
  const prompt = promptOf();
  return { place: `p:${i}`, chosen: answerTo(prompt), rejected: answerTo(prompt) };
});
const ratings: EncodedRating[] = Array.from({ length: 19 }, (_, i) => {
  const prompt = promptOf();
  return { place: `r:${i}`, isGood: i % 3 !== 0, answer: answerTo(prompt), other: answerTo(prompt) };
});
const examples: Encoded[] = Array.from({ length: 19 }, (_, i) => ({ place: `e:${i}`, cut: 0, ...answerTo(promptOf()) }));

const steps = { rate: 0.003, epochs: 2, evaluations: 2, logEvery: 1, checkpointSeconds: 0 } as const;
const lora = { lora: { rank: 4, dropout: 0.1 } } as const;

/** A decoder's run on the first 14 of the examples, judged on the rest. */
async function decoderRun<T, R>(around: Around, all: readonly T[], recipe: R): Promise<TaskRun<T, R>> {
  const parameters = await initialise(decoderSpec(config), device, 1);
  const sides = { train: all.slice(0, 14), validation: all.slice(14) };
  return { ...silently(around), config, parameters, recipe: { ...recipe, length: 32 }, ...sides, text, inputs: {} };
}

const byPairs = (input: PreferenceInput): Kind => ({
  run: async (around, ranked) =>
    tunePreference(await decoderRun(around, pairs, check(pairFitOptions, { ...steps, method: lora, ...input, ...ranked }, "tune"))),
});

const told = new Map<Encoded, SparseTargets>(
  examples.map(e => {
    const rows = e.trained.reduce((n, t, at) => n + (t && at > 0 ? 1 : 0), 0);
    const ids = Int32Array.from({ length: rows * 3 }, (_, i) => [2, 9, 20][i % 3]! + draw.below(5));
    return [e, { width: 3, ids, logs: Float32Array.from(ids, (_, i) => (i % 3 === 2 ? nothing : Math.log(0.3))) }];
  }),
);

const small = { vocab: 300, width: 16, layers: 2, heads: 2, context: 64 };
const encoder = { family: "encoder", config: { ...bertConfig(small), headless: true } } as const;
const word = () => Array.from({ length: 1 + draw.below(8) }, () => "abcdefgh"[draw.below(8)]).join("");
const related: Related[] = Array.from({ length: 21 }, (_, i) => ({
  place: `a:${i}`,
  anchor: word(),
  positive: word(),
  ...(i % 2 ? { negative: word() } : {}),
}));

const byVectors = (input: object): Kind => ({
  async run(around, ranked) {
    const {
      columns: _,
      validation: __,
      heldOut: ___,
      allowCrossing: ____,
      ...recipe
    } = check(embedOptions, { rate: 0.003, epochs: 2, evaluations: 2, checkpointSeconds: 0, ...input, ...ranked }, "tune");
    return tuneContrast({
      ...silently(around),
      config: encoder.config,
      parameters: await initialise(encoderSpec(encoder.config), device, 3),
      pooling: "mean",
      tokenizer,
      longest: 16,
      recipe: { ...recipe, ...{ logEvery } },
      train: related.slice(0, 14),
      validation: related.slice(14),
      scored: [],
    });
  },
});

const headTexts = <V>(seed: string, count: number, of: (sum: number) => V) => {
  const drawn = random(seed);
  const tokens = Array.from({ length: count }, () => Array.from({ length: 3 + drawn.below(20) }, () => 3 + drawn.below(200)));
  return { ids: tokens.map((_, i) => `${seed}:${i}`), tokens, values: tokens.map(t => of(t.reduce((a, b) => a + b, 0))) };
};
const headBase = async () => modelOf(encoder, await initialise(specOfModel(encoder), device, 3));
const { logEvery, ...unlogged } = steps;
const headSteps = { ...unlogged, batch: 5, patience: 0, method: lora, dropout: 0.1 } as const;

type Truths = MultiLabelTexts["truths"][number];

const kinds: Readonly<Record<string, Kind>> = {
  "pairs by DPO, 5 of them a batch": byPairs({ pairs: 5 }),
  "pairs by ORPO, full, accumulated, clipped": byPairs({ pairs: 2, accumulate: 2, loss: "orpo", method: "full", rate: 0.001, clip: 0.05 }),
  "ratings by KTO": {
    async run(around, ranked) {
      const recipe = check(ratingFitOptions, { ...steps, method: lora, loss: "kto", pairs: 2, accumulate: 2, ...ranked }, "tune");
      return tuneRatings(await decoderRun(around, ratings, recipe));
    },
  },
  "a teacher beside": {
    async run(around, ranked) {
      const recipe = check(
        distillFitOptions,
        { ...steps, method: lora, dropout: 0.1, rows: 3, pack: false, temperature: 2, ...ranked },
        "tune",
      );
      const teacher = { config, parameters: await initialise(decoderSpec(config), device, 2) };
      return tuneRows(await decoderRun(around, examples, recipe), tuning =>
        distillTask(config, teacher, tuning, recipe, around.ranks?.rank),
      );
    },
  },
  "a teacher behind an endpoint": {
    async run(around, ranked) {
      const recipe = check(distillFitOptions, { ...steps, rate: 0.001, method: lora, rows: 3, ...ranked }, "tune");
      return tuneRows(await decoderRun(around, examples, recipe), tuning =>
        endpointTask(config, e => told.get(e)!, 3, tuning, recipe, around.ranks?.rank),
      );
    },
  },
  "vectors, lora and dropout": byVectors({ batch: 5, method: lora, dropout: 0.1 }),
  "vectors, full, a rank without anchors": byVectors({ batch: 4, method: "full", rate: 0.001, clip: 0.1 }),
  "several labels": {
    async run(around, ranked) {
      const texts = (seed: string, count: number): MultiLabelTexts => {
        const { values, ...rest } = headTexts(
          seed,
          count,
          (sum): Truths => [sum % 2 === 0 ? 1 : 0, sum % 3 === 0 ? 1 : 0, sum % 5 === 0 ? undefined : sum % 7 > 3 ? 1 : 0],
        );
        return { ...rest, truths: values };
      };
      return fitMultiLabel({
        ...silently(around),
        base: await headBase(),
        recipe: { ...check(multiLabelOptions, { ...headSteps, labels: ["a", "b", "c"], ...ranked }, "tune"), ...{ logEvery } },
        train: texts("train", 23),
        validation: texts("validation", 9),
        longest: 64,
      });
    },
  },
  "a number": {
    async run(around, ranked) {
      return fitRegression({
        ...silently(around),
        base: await headBase(),
        recipe: { ...check(regressOptions, { ...headSteps, label: "n", ...ranked }, "tune"), ...{ logEvery } },
        train: headTexts("train", 23, sum => sum / 100),
        validation: headTexts("validation", 9, sum => sum / 100),
        longest: 64,
      });
    },
  },
};

const leaves = async (tree: unknown): Promise<number[][]> =>
  Promise.all(treeLeaves<DeviceArray>(tree as Tree<DeviceArray>).map(async a => [...((await a.read()) as Float32Array)]));
const onRanks = <T>(size: number, run: (ranks: ProcessGroup) => Promise<T>): Promise<T[]> =>
  Promise.all(memoryGroups(size, { timeoutMs: 20_000 }).map(run));
/** Greatest difference over greatest value. */
function relative(got: readonly number[], want: readonly number[]): number {
  expect(got).toHaveLength(want.length);
  return Math.max(...want.map((v, i) => Math.abs(v - got[i]!))) / Math.max(...want.map(Math.abs));
}
const lossesOf = (fitted: Fitted) => fitted.points.map(p => p.loss);

describe.each(Object.entries(kinds))("%s", (_, { run }) => {
  test("losses and judgements on several ranks are those of one within 1e-5, trained values within 5e-5", async () => {
    const one = await run({ ranks: undefined, folder: newFolder() }, {});
    const values = (await leaves(one.trainable)).flat();
    const sizes = [
      [3, 2],
      [2, 0],
    ] as const;
    for (const [size, zero] of cases(sizes, 1)) {
      const folder = newFolder();
      const ranks = await onRanks(size, group => run({ ranks: group, folder }, { mesh: { data: size }, zero }));
      const [first] = ranks as [Fitted];
      const firstValues = await leaves(first.trainable);
      for (const rank of ranks) {
        expect(await leaves(rank.trainable)).toEqual(firstValues);
        expect(rank.history).toEqual(first.history);
      }
      expect(first).toMatchObject({ steps: one.steps, best: one.best });
      expect(relative(lossesOf(first), lossesOf(one))).toBeLessThan(1e-5);
      expect(
        relative(
          first.history.map(h => h.loss),
          one.history.map(h => h.loss),
        ),
      ).toBeLessThan(1e-5);
      expect(relative(firstValues.flat(), values)).toBeLessThan(5e-5);
    }
  });
});

test.each(cases(["vectors, lora and dropout", "ratings by KTO"], 1))(
  "%s: two ranks that were stopped go on to the bytes of two that were left alone",
  async name => {
    const { run } = kinds[name]!;
    const ranked = { mesh: { data: 2 }, zero: 1 };
    const [whole, folder] = [newFolder(), newFolder()];
    const [undisturbed] = (await onRanks(2, group => run({ ranks: group, folder: whole }, ranked))) as [Fitted];
    const stop = new AbortController();
    const stopping = onRanks(2, group =>
      run(
        {
          ranks: group,
          folder,
          signal: stop.signal,
          progress: ({ values }) => {
            if (Number(values?.step) >= 2) stop.abort(new Error("stopped"));
          },
        },
        ranked,
      ),
    );
    await expect(stopping).rejects.toThrow("stopped");
    const [resumed] = (await onRanks(2, group => run({ ranks: group, folder }, ranked))) as [Fitted];
    expect(await leaves(resumed.trainable)).toEqual(await leaves(undisturbed.trainable));
    expect(resumed.steps).toBe(undisturbed.steps);
  },
);
