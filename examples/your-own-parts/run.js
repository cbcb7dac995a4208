// Trains a small network with the operation, the optimiser and the layer of parts.js. Run: node examples/your-own-parts/run.js (after `npm start`
// or `npm run setup`), or from a project that has Loam installed.
import { realpathSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { checkOperation, createTrainer, linear, linearSpec, mul, openDevice, random, repeat, single, sub, sum } from "loam";
import * as ownParts from "./parts.js";

const width = 8;

/** y = x1 x2 + sin(3 x3): what a linear model cannot do. */
const truth = x => x[0] * x[1] + Math.sin(3 * x[2]);

/** Checks the operation's laws, then trains; gives the losses and how many numbers the optimiser keeps. */
export async function train({ parts = ownParts, steps = 300, rows = 64, rate = 0.01, log = () => {} } = {}) {
  const device = openDevice("cpu", { threads: 1 });
  const laws = await checkOperation(parts.softcap, [{ inputs: [{ shape: [4, 5] }], options: { cap: 3 } }], { device });
  log(`operation: ${laws.map(l => l.law).join(", ")} hold`);
  const specs = { blocks: repeat(2, () => parts.gatedSpec(width, 32)), out: linearSpec(width, 1, 0.3, true) };
  const trainer = await createTrainer({
    device,
    specs,
    loss: (p, { x, y }, scale) => {
      const error = sub(
        linear(
          p.out,
          p.blocks.reduce((h, block) => parts.gated(block, h), x),
        ),
        y,
      );
      return mul(sum(mul(error, error)), scale);
    },
    batch: { x: { shape: [rows, width], dtype: "f32" }, y: { shape: [rows, 1], dtype: "f32" } },
    optimizer: single(parts.adafactor()),
    rate,
    steps,
  });
  const r = random("points");
  const losses = [];
  for (let i = 0; i < steps; i++) {
    const points = Array.from({ length: rows }, () => Array.from({ length: width }, () => r.normal()));
    const report = await trainer.step([
      { arrays: { x: Float32Array.from(points.flat()), y: Float32Array.from(points, truth) }, weight: rows },
    ]);
    losses.push(report.loss);
    if (i % 50 === 0 || i === steps - 1) log(`step ${String(i + 1).padStart(3)}  squared error ${report.loss.toFixed(4)}`);
  }
  const kept = Object.values(trainer.state.optimizer).flatMap(members => Object.values(members).map(a => a.size));
  const numbersKept = kept.reduce((a, b) => a + b, 0);
  trainer.dispose();
  return { losses, numbersKept };
}

if (process.argv[1] && realpathSync(process.argv[1]) === fileURLToPath(import.meta.url)) {
  const { numbersKept } = await train({ log: line => console.log(line) });
  console.log(`the optimiser keeps ${numbersKept} numbers`);
}
