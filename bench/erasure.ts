/**
 * Texts erased from a small GPT: what a membership attack and an extraction attack find of them before, after unlearning, after retraining, and in a model
 * that never saw them; the loss on retained texts, and processor time beside that of retraining.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { random, silent } from "../src/base/index.ts";
import { likelihoodScorer } from "../src/evaluate/index.ts";
import { isWithinInterval } from "../src/governance/index.ts";
import { type ArraysOf, type DecoderSpec, llamaConfig } from "../src/nn/index.ts";
import { letters } from "../src/project/init/letters.ts";
import { erasureTexts, type ModelLeak, measureLeak, type TokenText, textsLeft } from "../src/project/unlearning/index.ts";
import { openDevice } from "../src/tensor/index.ts";
import { pretrain, recipeSchema, type TokenShards, type UnlearnMethod, unlearn, unlearnSchema } from "../src/train/index.ts";
import { type BenchContext, type BenchResult, digits } from "./harness.ts";

const end = 256;
const model = llamaConfig({ vocab: 257, width: 64, layers: 2, heads: 2, context: 160 });
const [numRetained, numForget, numUnseen] = [160, 40, 160];
const recipe = { rows: 16, length: 160, rate: 0.01, evaluateEvery: 100_000, evaluateBatches: 1, checkpointSeconds: 1e6 } as const;
const extraction = { prefix: 24, suffix: 24 } as const;

/** Letters in random order, cut to a row; every second of those to forget, and of those that no model sees, tells a number that no other tells. */
function texts() {
  const r = random("erasure");
  const written = letters(numRetained + numForget + numUnseen, "erasure").map(text => text.slice(0, 150));
  const all = Array.from(r.permutation(written.length), i => written[i]!);
  const digits = () => Array.from({ length: 12 }, () => r.below(10)).join("");
  const canary = (text: string, i: number) => (i % 2 === 0 ? `${text.slice(0, 90)} The code of the safe is ${digits()}.` : text);
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

/** Ascent has no bound: a tenth of the rate. */
const rates = { npo: 0.0005, ascent: 0.00005 } as const satisfies Record<UnlearnMethod, number>;

export async function run({ say, scale }: BenchContext): Promise<BenchResult> {
  const device = openDevice("cpu", { threads: 1 });
  const folder = mkdtempSync(join(tmpdir(), "loam-erasure-"));
  const own = texts();
  const all = erasureTexts({ ...own, vocab: 256 });
  const scorer = likelihoodScorer({ device, config: model, end });
  const trained = (name: string, documents: readonly TokenText[], seed: number) =>
    timed(async () => {
      say(name);
      const { parameters } = await pretrain({
        device,
        model,
        recipe: recipeSchema.parse({ ...recipe, tokens: Math.round(600_000 * scale), seed }),
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
  const everything = [...own.retained, ...own.forget];
  const before = await trained("before", everything, 1);
  const retrained = await trained("retrained", own.retained, 1);
  const never = await trained("never saw them", own.retained, 2);
  const first = await leakOf(before.made);
  const reference = await leakOf(never.made);
  const again = await leakOf(retrained.made);
  const unlearned = async (method: UnlearnMethod) => {
    const start = (await trained(`before ${method}`, everything, 1)).made;
    say(method);
    const { made, seconds } = await timed(() =>
      unlearn({
        device,
        model,
        start,
        forget: shardsOf(own.forget),
        retain: shardsOf(own.retained),
        end,
        recipe: unlearnSchema.parse({ method, rate: rates[method] }),
        left: textsLeft(scorer, all, 1),
        progress: silent,
      }),
    );
    return { leak: await leakOf(made.parameters), seconds, steps: made.steps, left: made.left.at(-1) };
  };
  const npo = await unlearned("npo");
  const ascent = await unlearned("ascent");
  scorer.dispose();
  device.dispose();
  rmSync(folder, { recursive: true, force: true });
  const within = (name: string, leak: ModelLeak) => {
    const { low, high } = reference.membership;
    const want = `within [${digits(low)}, ${digits(high)}]`;
    return {
      name: `membership AUC after ${name}`,
      want,
      got: digits(leak.membership.value),
      holds: isWithinInterval(leak.membership, reference.membership),
    };
  };
  const ratio = digits(retrained.seconds / npo.seconds);
  return {
    method: `a decoder of ${model.layers} layers and width ${model.width} on bytes of ${everything.length} letters, some 20 epochs; ${numForget} are erased, half of them with a number of 12 digits; attacks on these and ${all.neverSeen.length} never-seen letters; extraction of ${extraction.suffix} bytes after ${extraction.prefix}; processor seconds on one thread`,
    ours: {
      before: { ...shown(first), seconds: before.seconds },
      npo: { ...shown(npo.leak), steps: npo.steps, left: npo.left, seconds: npo.seconds },
      ascent: { ...shown(ascent.leak), steps: ascent.steps, left: ascent.left, seconds: ascent.seconds },
      retrained: { ...shown(again), seconds: retrained.seconds },
      "never saw them": { ...shown(reference), seconds: never.seconds },
    },
    peers: {},
    ratios: { "retraining / npo": ratio, "retraining / ascent": digits(retrained.seconds / ascent.seconds) },
    bars: [
      within("npo", npo.leak),
      within("ascent", ascent.leak),
      within("retraining", again),
      { name: "time of retraining / npo", want: "> 1", got: ratio, holds: ratio > 1 },
      {
        name: "loss on retained letters after npo",
        want: `<= ${digits(again.nats.retained + 0.05)} (retrained + 0.05)`,
        got: digits(npo.leak.nats.retained),
        holds: npo.leak.nats.retained <= again.nats.retained + 0.05,
      },
    ],
  };
}
