/**
 * Differential privacy: epsilons of the accountants beside Opacus and dp-accounting (their golden values, or the packages in the same run), and an audit:
 * canaries with random labels, half of them trained on, an attacker who ranks them by loss, and the epsilon that the right guesses refute. Then what privacy
 * costs a spam filter (`private-mails.ts`).
 */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { z } from "zod";
import { random, silent } from "../src/base/index.ts";
import { auditedEpsilon, epsilonOf, guessesByScore } from "../src/governance/index.ts";
import { bertConfig, initialise, type ModelConfig, modelOf, specOfModel } from "../src/nn/index.ts";
import { openDevice } from "../src/tensor/index.ts";
import { classifyOptions, fitClassifier, type TokenTexts } from "../src/tune/index.ts";
import { type BenchContext, type BenchResult, digits } from "./harness.ts";
import { privateF1 } from "./private-mails.ts";

const setting = z.object({
  rate: z.number(),
  noise: z.number(),
  steps: z.number(),
  delta: z.number(),
  epsilonRdp: z.number(),
  epsilonPld: z.number(),
});
const golden = z.object({ source: z.string(), settings: z.array(setting) });

const canaries = 600;
const small = bertConfig({ vocab: 64, width: 32, layers: 1, heads: 2, context: 16 });
const model: ModelConfig = { family: "encoder", config: { ...small, headless: true } };

/** The epsilon that an attack refutes, and the one that was counted; without privacy where no noise is given. */
async function audited(noise: number | undefined, folder: string) {
  const device = openDevice("cpu", { threads: 1 });
  const r = random(`audit ${noise}`);
  const all: TokenTexts = {
    ids: Array.from({ length: canaries }, (_, i) => `canary ${i}`),
    tokens: Array.from({ length: canaries }, () => Array.from({ length: 8 }, () => 3 + r.below(61))),
    labels: Int32Array.from({ length: canaries }, () => r.below(2)),
  };
  const isIn = Array.from({ length: canaries }, () => r.uniform() < 0.5);
  const at = isIn.flatMap((x, i) => (x ? [i] : []));
  const train = { ids: at.map(i => all.ids[i]!), tokens: at.map(i => all.tokens[i]!), labels: Int32Array.from(at, i => all.labels[i]!) };
  const delta = 1e-5;
  const started = process.cpuUsage();
  const { validationLogits, privacy } = await fitClassifier({
    device,
    base: modelOf(model, await initialise(specOfModel(model), device, 3)),
    recipe: classifyOptions.parse({
      pooling: "mean",
      rate: 0.01,
      epochs: 40,
      batch: 32,
      patience: 0,
      evaluations: 1,
      checkpointSeconds: 1e6,
      ...(noise === undefined ? {} : { privacy: { noise, delta, clip: 1 } }),
    }),
    classes: ["a", "b"],
    train,
    validation: all,
    longest: 16,
    identity: "audit".padEnd(64, "0"),
    folder: join(folder, `${noise}`),
    progress: silent,
  });
  const spent = process.cpuUsage(started);
  device.dispose();
  const guesses = guessesByScore(
    validationLogits.map((row, i) => ({ isIn: isIn[i]!, score: row[all.labels[i]!]! - row[1 - all.labels[i]!]! })),
  );
  return {
    noise: noise ?? "none",
    epsilon: privacy ? digits(privacy.epsilon, 4) : "none",
    ...guesses,
    refuted: digits(auditedEpsilon(guesses, delta), 3),
    processorSeconds: digits((spent.user + spent.system) / 1e6),
  };
}

export async function run({ say }: BenchContext): Promise<BenchResult> {
  const file = join(process.cwd(), "src/governance/golden/accountants.json");
  const { source, settings } = golden.parse(JSON.parse(readFileSync(process.env.LOAM_DP_GOLDEN ?? file, "utf8")));
  say("accountants");
  const rows = settings.map(s => {
    const started = process.cpuUsage();
    const pld = epsilonOf([s], s.delta);
    const spent = process.cpuUsage(started);
    return { ...s, pld, rdp: epsilonOf([s], s.delta, "rdp"), pldSeconds: digits((spent.user + spent.system) / 1e6) };
  });
  const worst = Math.max(...rows.map(x => Math.abs(x.pld / x.epsilonPld - 1)));
  const folder = mkdtempSync(join(tmpdir(), "loam-dp-"));
  const audits: Awaited<ReturnType<typeof audited>>[] = [];
  for (const noise of [undefined, 0.5, 1]) {
    say(`audit, noise ${noise ?? "none"}`);
    audits.push(await audited(noise, folder));
  }
  rmSync(folder, { recursive: true, force: true });
  const spam = await privateF1({ say });
  const holds = audits.every(a => typeof a.epsilon !== "number" || a.refuted < a.epsilon);
  return {
    method: `accountants on ${rows.length} settings; audit of one run (Steinke et al. 2023): ${canaries} canaries with random labels, each trained on by a coin, ranked by margin, half of them guessed, 95 %.${spam ? ` ${spam.method}` : ""}`,
    ours: { accountants: rows, audits, ...(spam ? { spam: spam.rows, allSpamF1: spam.allSpam, statesSeconds: spam.statesSeconds } : {}) },
    peers: { source },
    ratios: {
      "largest rdp / pld": digits(Math.max(...rows.map(x => x.rdp / x.pld))),
      "least rdp / pld": digits(Math.min(...rows.map(x => x.rdp / x.pld))),
    },
    bars: [
      { name: "PLD beside dp-accounting", want: "within 1 %", got: digits(worst), holds: worst < 0.01 },
      { name: "refuted epsilon below the counted one", want: "every run", got: holds, holds },
    ],
    notes: spam ? [] : ["Without spam F1: LOAM_MODELS names no folder with all-minilm-l6-v2."],
  };
}
