/**
 * Writes tuning-table.json: what a small spam classifier comes to for each of 60 settings, computed once, so that searches can be compared on a
 * real tuning without training anything. A decoder of two blocks, not pre-trained, over hashed words of mails. Run after `npm run build`:
 * `node dist/bench/search/tuning-table.js` (about five minutes on one quiet core).
 */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { random, silent } from "../../src/base/index.ts";
import { disposeTree, initialise, llamaConfig, type ModelConfig, modelOf, specOfModel } from "../../src/nn/index.ts";
import { openDevice } from "../../src/tensor/index.ts";
import { classifyOptions, fitClassifier, type TokenTexts } from "../../src/tune/index.ts";
import { type LabelledMail, labelledMails } from "../quality/corpus.ts";
import { gridOf, type TuningTable, tablePath } from "./table.ts";

const [words, longest, trainMails, judgedMails] = [1000, 32, 800, 600];
const axes: TuningTable["axes"] = {
  rate: [1e-4, 3e-4, 1e-3, 3e-3, 1e-2],
  width: [8, 16, 32],
  batch: [8, 32],
  dropout: [0, 0.3],
};

/** Words by a 32-bit FNV-1a hash. */
function tokensOf(text: string): number[] {
  const found = text.toLowerCase().match(/\p{L}+|[$!%]/gu) ?? [];
  return found.slice(0, longest).map(word => {
    let h = 0x811c9dc5;
    for (let i = 0; i < word.length; i++) h = Math.imul(h ^ word.charCodeAt(i), 0x01000193);
    return 1 + ((h >>> 0) % (words - 1));
  });
}

function drawn(mails: readonly LabelledMail[], count: number, seed: string): TokenTexts {
  const chosen = Array.from(random(seed).permutation(mails.length).subarray(0, count), i => mails[i]!);
  return {
    ids: chosen.map((_, i) => `${i}`),
    tokens: chosen.map(m => tokensOf(m.text)),
    labels: Int32Array.from(chosen, m => (m.isGood ? 0 : 1)),
  };
}

const mails = await labelledMails(process.cwd());
const train = drawn(
  mails.filter(m => m.fold !== 0),
  trainMails,
  "train",
);
const judged = drawn(
  mails.filter(m => m.fold === 0),
  judgedMails,
  "judged",
);
const device = openDevice("cpu", { threads: 1 });
const folder = mkdtempSync(join(tmpdir(), "loam-table-"));
const losses: number[] = [];
for (const [i, cell] of gridOf(axes).entries()) {
  const { rate, width, batch, dropout } = cell as { rate: number; width: number; batch: number; dropout: number };
  const model: ModelConfig = {
    family: "decoder",
    config: { ...llamaConfig({ vocab: words, width, layers: 2, heads: 2, hidden: 4 * width, context: longest }), tied: true },
  };
  const { best, model: tuned } = await fitClassifier({
    device,
    base: modelOf(model, await initialise(specOfModel(model), device, 1)),
    recipe: classifyOptions.parse({ rate, batch, dropout, epochs: 2, pooling: "mean", evaluations: 1, patience: 0, select: "loss" }),
    classes: ["ham", "spam"],
    train,
    validation: judged,
    longest,
    identity: `${i}`.padEnd(64, "0"),
    folder: join(folder, `${i}`),
    progress: silent,
  });
  disposeTree(tuned.parameters);
  losses.push(Number(best.loss.toFixed(5)));
  process.stderr.write(`${i + 1} ${JSON.stringify(cell)} ${best.loss.toFixed(4)}\n`);
}
const about = `log loss, nats a text, of a decoder of two blocks on ${judgedMails} mails after two epochs over ${trainMails}; written by tuning-table.ts`;
writeFileSync(tablePath, `${JSON.stringify({ about, axes, losses })}\n`);
rmSync(folder, { recursive: true, force: true });
device.dispose();
