/** The worked changes of docs/extending.md, as they stand there. */
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { adamw, createTrainer, linear, linearSpec, mul, openDevice, random, single, sub, sum, type Tensor } from "loam";
import { afterAll, expect, test } from "vitest";
import type { DocumentStep } from "../src/data/steps/step.ts";
import { pageBlocks } from "./support/blocks.ts";

const root = fileURLToPath(new URL("..", import.meta.url));
const folder = join(root, ".cache", `extending-${process.pid}`);
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const blocks = new Map(pageBlocks("extending.md").map(b => [b.name, b.text]));

/** A block as a module; what it imports by paths of its own place in the source is found there. */
async function moduleOf(name: string): Promise<Record<string, unknown>> {
  const text = blocks
    .get(name)!
    .replaceAll(/from "(\.[^"]+)"/g, (_, path: string) => `from ${JSON.stringify(join(root, dirname(name), path))}`);
  const file = join(folder, `${name.replaceAll("/", "-").replace(/\.ts$/, "")}.ts`);
  mkdirSync(folder, { recursive: true });
  writeFileSync(file, text);
  return import(pathToFileURL(file).href);
}

test("every worked change has fewer than 60 lines", () => {
  for (const [name, text] of blocks) expect(text.split("\n").length, name).toBeLessThan(60);
});

test("the operation holds the laws that Loam's own hold", async () => {
  const { laws } = await moduleOf("operation");
  expect((laws as { readonly law: string }[]).map(l => l.law)).toEqual(["device", "gradient", "storage", "f16", "bf16"]);
});

test("the layer trains", async () => {
  const { regluSpec, reglu } = (await moduleOf("layer")) as {
    readonly regluSpec: (width: number, hidden: number) => Readonly<Record<"gate" | "value" | "out", ReturnType<typeof linearSpec>>>;
    readonly reglu: (p: object, x: Tensor) => Tensor;
  };
  const rows = 32;
  const trainer = await createTrainer({
    device: openDevice("cpu", { threads: 1 }),
    specs: { block: regluSpec(4, 16), out: linearSpec(4, 1, 0.5, true) },
    loss: (p, { x, y }, scale) => {
      const error = sub(linear(p.out, reglu(p.block, x)), y);
      return mul(sum(mul(error, error)), scale);
    },
    batch: { x: { shape: [rows, 4], dtype: "f32" }, y: { shape: [rows, 1], dtype: "f32" } },
    optimizer: single(adamw({})),
    rate: 0.02,
    steps: 100,
  });
  const r = random("points");
  const points = Array.from({ length: rows }, () => Array.from({ length: 4 }, () => r.normal()));
  const arrays = { x: Float32Array.from(points.flat()), y: Float32Array.from(points, p => p[0]! * p[1]!) };
  const losses: number[] = [];
  for (let i = 0; i < 100; i++) losses.push((await trainer.step([{ arrays, weight: rows }])).loss);
  trainer.dispose();
  expect(losses.at(-1)).toBeLessThan(0.2 * losses[0]!);
});

test("the data step judges by its threshold, and its page says the lines that make it a row", async () => {
  const { capitals } = (await moduleOf("src/data/steps/capitals/capitals.ts")) as { readonly capitals: DocumentStep };
  const options = capitals.options.parse({});
  const judged = (text: string) => capitals.apply({ id: "a", text, source: "s", attributes: {} }, options, undefined);
  expect(judged("BUY NOW cheap").verdicts).toEqual([{ rule: "max-share", keep: false, value: 6 / 11, threshold: 0.3 }]);
  expect(judged("A plain sentence.").verdicts![0]!.keep).toBe(true);
  expect(judged("1 2 3").attributes).toEqual({ capitals: 0 });
});
