// Trains the model of model.js on a few lines of text and lets it write on. Run: node examples/your-own-model/run.js (after `npm start` or
// `npm run setup`), or from a project that has Loam installed.
import { realpathSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { adamw, compile, createTrainer, defaultSampling, openDevice, random, sampleToken, single } from "loam";
import { logits, loss, parameters, size } from "./model.js";

const text = "the rain falls on the loam and the loam drinks the rain. the seed sleeps in the loam and the sun wakes the seed. ".repeat(20);
const codes = [...text].map(c => c.charCodeAt(0));

/** Trains for some steps; gives the losses, the parameters and a function that continues a text. `onStep` hears of each step. */
export async function train({ steps = 150, rows = 8, rate = 0.01, log = () => {}, onStep = () => {} } = {}) {
  const device = openDevice("cpu");
  const shape = [rows, size.length];
  const trainer = await createTrainer({
    device,
    specs: parameters(),
    loss,
    batch: { tokens: { shape, dtype: "i32" }, targets: { shape, dtype: "i32" }, weights: { shape, dtype: "f32" } },
    optimizer: single(adamw({ weightDecay: 0.01 })),
    rate,
    steps,
  });
  const r = random("batches");
  const losses = [];
  for (let i = 0; i < steps; i++) {
    const starts = Array.from({ length: rows }, () => r.below(codes.length - size.length - 1));
    const cut = shift => Int32Array.from(starts.flatMap(s => codes.slice(s + shift, s + shift + size.length)));
    const weights = new Float32Array(rows * size.length).fill(1);
    const report = await trainer.step([{ arrays: { tokens: cut(0), targets: cut(1), weights }, weight: weights.length }]);
    losses.push(report.loss);
    onStep(report);
    if (i % 25 === 0 || i === steps - 1) log(`step ${String(i + 1).padStart(3)}  loss ${report.loss.toFixed(3)}`);
  }
  const predict = compile((p, tokens) => logits(p, tokens), { device });

  /** Continues a text greedily (temperature 0) or by sampling. */
  async function write(prompt, count, temperature = 0) {
    const out = [...prompt].map(c => c.charCodeAt(0));
    const draw = random("writing");
    for (let i = 0; i < count; i++) {
      const seen = out.slice(-size.length);
      const tokens = await device.array(Int32Array.from([...seen, ...new Array(size.length - seen.length).fill(0)]), "i32", [
        1,
        size.length,
      ]);
      const z = await predict(trainer.state.parameters, tokens);
      const row = z.view().subarray((seen.length - 1) * size.vocab, seen.length * size.vocab);
      out.push(sampleToken(row, { prompt: [], answer: out }, { ...defaultSampling, temperature }, draw));
      z.dispose();
      tokens.dispose();
    }
    return String.fromCharCode(...out);
  }
  return { losses, parameters: trainer.state.parameters, write };
}

if (process.argv[1] && realpathSync(process.argv[1]) === fileURLToPath(import.meta.url)) {
  const { write } = await train({ log: line => console.log(line) });
  console.log(await write("the seed", 60));
}
