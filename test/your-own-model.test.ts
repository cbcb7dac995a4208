import { compile, initialise, openDevice, type Tensor } from "loam";
import { expect, onTestFinished, test } from "vitest";
import { logged } from "../console/src/generated/server.ts";
import { columnNames, differing, overlaid } from "../console/src/runs/differing.ts";
import { logits, parameters, size } from "../examples/your-own-model/model.js";
import { record } from "../examples/your-own-model/recorded.js";
import { train } from "../examples/your-own-model/run.js";
import { consoleSource } from "../src/project/serving/console-source.ts";
import { openStore } from "../src/store/index.ts";
import { temporaryFolder } from "./support/project.ts";

test("the model of one's own trains, and writes on what it read", async () => {
  const { losses, write } = (await train({ steps: 120 })) as {
    losses: number[];
    write(prompt: string, count: number, temperature?: number): Promise<string>;
  };
  const late = losses.slice(-10).reduce((a, b) => a + b, 0) / 10;
  expect(losses[0]).toBeGreaterThan(3);
  expect(late).toBeLessThan(0.5);
  const text = await write("the seed", 40);
  // whole words, and only ones that it read
  const words = text.split(" ").slice(0, -1);
  const known = new Set("the rain falls on the loam and drinks rain. seed sleeps in sun wakes seed.".split(" "));
  expect(words.length).toBeGreaterThan(6);
  expect(words.filter(w => !known.has(w))).toEqual([]);
  expect(await write("the seed", 20, 0.8)).toBe(await write("the seed", 20, 0.8));
});

test("its block sees the past only: a changed later token leaves earlier logits alone", async () => {
  const device = openDevice("cpu", { threads: 1 });
  const p = await initialise(parameters(), device, 1);
  const program = compile((q: unknown, tokens: Tensor) => logits(q, tokens) as Tensor, { device });
  const row = Array.from({ length: 8 }, (_, i) => 97 + i);
  const of = async (tokens: number[]) => (await program(p as never, await device.array(Int32Array.from(tokens), "i32", [1, 8]))).numbers();
  const [a, b] = [await of(row), await of(row.with(5, 40))];
  expect([...a.subarray(0, 5 * size.vocab)]).toEqual([...b.subarray(0, 5 * size.vocab)]);
  expect([...a.subarray(5 * size.vocab)]).not.toEqual([...b.subarray(5 * size.vocab)]);
});

test("recorded as a stage, its own numbers are curves over each other on the page Runs", async () => {
  const root = temporaryFolder("own");
  const ids = await record(root, 12);
  const store = await openStore({ root });
  onTestFinished(() => store.close());
  const source = consoleSource("own", store);
  const answers = JSON.parse(JSON.stringify(await Promise.all(ids.map(id => source.releases!.logged(id))))) as unknown[];
  const runs = answers.map(a => logged.parse(a));
  expect(columnNames(runs)).toEqual(["loss", "perplexity", "gradientNorm", "stepMs"]);
  expect(differing(runs.map(r => r.options))).toEqual([{ name: "rate", values: ["0.01", "0.003"] }]);
  const { x, ys } = overlaid(runs, "perplexity");
  expect(x).toEqual(Array.from({ length: 12 }, (_, i) => i + 1));
  for (const [i, perplexities] of ys.entries()) expect(perplexities).toEqual(runs[i]!.columns.loss!.map(l => Math.exp(l!)));
  // run again, nothing is trained anew
  expect(await record(root, 12)).toEqual(ids);
});
