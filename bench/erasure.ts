/**
 * Texts erased from a small GPT: what a membership attack and an extraction attack find of them before, after unlearning, after retraining, and in a model
 * that never saw them; the loss on retained texts, and processor time beside that of retraining.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { random, silent } from "../src/base/index.ts";
import { likelihoodScorer } from "../src/evaluate/index.ts";
import { isWithin } from "../src/governance/index.ts";
import { type ArraysOf, type DecoderSpec, llamaConfig } from "../src/nn/index.ts";
import { letters } from "../src/project/init/letters.ts";
import { erasureTexts, type ModelLeak, measureLeak, type TokenText, textsLeft } from "../src/project/unlearning/index.ts";
import { openDevice } from "../src/tensor/index.ts";
import { pretrain, recipeSchema, type TokenShards, type UnlearnMethod, unlearn, unlearnSchema } from "../src/train/index.ts";
import { type BenchContext, type BenchResult, digits } from "./harness.ts";

const end = 256;
const model = llamaConfig({ vocab: 257, width: 64, layers: 2, heads: 2, context: 160 });
const [numRetained, numForget, numUnseen] = [160, 40, 160];
const extraction = { prefix: 24, suffix: 24 } as const;

/** Letters, cut to a row; every second of those to forget says a number that no other says. */
function texts() {
  const r = random("erasure");
  const all = letters(numRetained + numForget + numUnseen, "erasure").map(text => text.slice(0, 150));
  const canary = (text: string, i: number) =>
    i % 2 === 0 ? `${text.slice(0, 90)} The code of the safe is ${Array.from({ length: 12 }, () => r.below(10)).join("")}.` : text;
  // never-seen texts are of both kinds, too
  const cut = (list: readonly string[]) => list.map(t => [...Buffer.from(t)]);
  return {
    retained: cut(all.slice(0, numRetained)),
    forget: cut(all.slice(numRetained, numRetained + numForget).map(canary)),
    neverSeen: cut(all.slice(numRetained + numForget).map(canary)),
  };
}

function shardsOf(documents: readonly TokenText[]): TokenShards {
  const offsets = new Float64Array(documents.length + 1);
  for (const [i, d] of documents.entries()) offsets[i + 1] = offsets[i]! + d.length;
  return { tokens: Uint16Array.from(documents.flatMap(d => Array.from(d))), offsets };
}

async function timed<T>(work: () => Promise<T>): Promise<{ readonly made: T; readonly seconds: number }> {
  const before = process.cpuUsage();
  const made = await work();
  const spent = process.cpuUsage(before);
  return { made, seconds: digits((spent.user + spent.system) / 1e6) };
}

const shown = (leak: ModelLeak) => ({
  auc: digits(leak.membership.value),
  low: digits(leak.membership.low),
  high: digits(leak.membership.high),
  foundAtTenth: digits(leak.membership.foundAtTenth),
  extracted: `${leak.extraction.extracted} of ${leak.extraction.texts}`,
  longestRun: leak.extraction.longest,
  natsErased: digits(leak.nats.erased),
  natsNeverSeen: digits(leak.nats.neverSeen),
  natsRetained: digits(leak.nats.retained),
});

export async function run({ say, scale }: BenchContext): Promise<BenchResult> {
  const device = openDevice("cpu", { threads: 1 });
  const folder = mkdtempSync(join(tmpdir(), "loam-erasure-"));
  const own = texts();
  const all = erasureTexts({ ...own, vocab: 256 });
  const scorer = likelihoodScorer({ device, config: model, end });
  const recipe = (seed: number) =>
    recipeSchema.parse({
      tokens: Math.round(600_000 * scale),
      rows: 16,
      length: 160,
      rate: 0.01,
      seed,
      evaluateEvery: 100_000,
      evaluateBatches: 1,
      checkpointSeconds: 1e6,
    });
  const trained = (name: string, documents: readonly TokenText[], seed: number) =>
    timed(async () => {
      say(name);
      const { parameters } = await pretrain({
        device,
        model,
        recipe: recipe(seed),
        train: shardsOf(documents),
        heldOut: shardsOf(all.calibration),
        end,
        identity: name.padEnd(64, "0"),
        folder: join(folder, name),
        progress: silent,
      });
      return parameters;
    });
  const leakOf = (parameters: ArraysOf<DecoderSpec>) => measureLeak(scorer, parameters, all, extraction);
  const before = await trained("before", [...own.retained, ...own.forget], 1);
  const retrained = await trained("retrained", own.retained, 1);
  const never = await trained("never", own.retained, 2);
  const figures: Record<string, object> = {
    before: { ...shown(await leakOf(before.made)), seconds: before.seconds },
    retrained: { ...shown(await leakOf(retrained.made)), seconds: retrained.seconds },
  };
  const reference = await leakOf(never.made);
  figures["never saw them"] = { ...shown(reference), seconds: never.seconds };
  const unlearned = async (method: UnlearnMethod) => {
    say(method);
    const start = (await trained(`start ${method}`, [...own.retained, ...own.forget], 1)).made;
    const options = unlearnSchema.parse({ method, ...(process.env.Q ? JSON.parse(process.env.Q) : {}) });
    const { made, seconds } = await timed(() =>
      unlearn({
        device,
        model,
        start,
        forget: shardsOf(own.forget),
        retain: shardsOf(own.retained),
        end,
        recipe: options,
        left: textsLeft(scorer, all, 1),
        progress: silent,
      }),
    );
    const leak = await leakOf(made.parameters);
    figures[method] = { ...shown(leak), steps: made.steps, left: made.left.join(" "), seconds };
    return { leak, seconds };
  };
  const npo = await unlearned("npo");
  const ascent = await unlearned("ascent");
  device.dispose();
  rmSync(folder, { recursive: true, force: true });
  return {
    method: "x",
    ours: figures,
    peers: {},
    ratios: {
      "retraining / npo": digits(retrained.seconds / npo.seconds),
      "retraining / ascent": digits(retrained.seconds / ascent.seconds),
    },
    bars: [
      { name: "npo", want: "within", got: digits(npo.leak.membership.value), holds: isWithin(npo.leak.membership, reference.membership) },
      {
        name: "ascent",
        want: "within",
        got: digits(ascent.leak.membership.value),
        holds: isWithin(ascent.leak.membership, reference.membership),
      },
    ],
  };
}
