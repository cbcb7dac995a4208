import { afterAll, expect, test } from "vitest";
import { defined } from "../../base/index.ts";
import { bertConfig, type DecoderConfig, decoderSpec, encoderSpec, initialise, type ModelConfig, textLogits } from "../../nn/index.ts";
import { compile, type DeviceArray, openDevice, type Tensor } from "../../tensor/index.ts";
import { byteTokenizer, tinyConfig } from "../fakes.ts";
import { openClassifierProgram } from "./classifier-program.ts";
import { openEncoderProgram } from "./encoder-program.ts";
import { servedClassifier, servedEncoder } from "./served-encoder.ts";

const device = openDevice("cpu", { threads: 1 });
afterAll(() => device.dispose());

const config: DecoderConfig = { ...tinyConfig, classifier: { labels: ["ham", "spam", "news"], kind: "one", pooling: "mean", longest: 48 } };
const parts = { id: "tiny-classifier@1", tokenizer: byteTokenizer, fingerprint: "2".repeat(64) };
const parameters = await initialise(decoderSpec(config), device, "tiny classifier");
const model = servedClassifier({ ...parts, model: { family: "decoder", config, parameters } });
const texts = [1, 7, 16, 3, 12].map((length, i) => Array.from({ length }, (_, k) => (i * 31 + k * 7) % 256));

/** Logits of texts, one at a time, by the function that training traces. */
async function trainedLogits(of: ModelConfig, given: unknown): Promise<readonly number[][]> {
  const program = compile((p: unknown, t: Tensor, present: Tensor) => textLogits(of, p, t, present), { device }) as unknown as (
    ...a: unknown[]
  ) => Promise<DeviceArray>;
  const found: number[][] = [];
  for (const text of texts) {
    const shape = [1, text.length];
    const tokens = await device.array(Int32Array.from(text), "i32", shape);
    const out = await program(given, tokens, await device.array(new Int32Array(text.length).fill(1), "i32", shape));
    found.push(Array.from(await out.numbers()));
  }
  return found;
}

test("a text's logits are those of the function that was trained, and the same bits alone and in company", async () => {
  const program = await openClassifierProgram(model, device, { sizes: [16, 80] });
  expect(program.widths).toEqual([16, 32, 48]);
  expect(program.room(16)).toEqual({ tokens: 80, texts: 5 });
  const together = await program.run(texts, 16);
  for (const [i, text] of texts.entries()) expect((await program.run([text], 16))[0]).toEqual(together[i]);
  expect(await program.run(texts.toReversed(), 16)).toEqual(together.toReversed());
  for (const [i, logits] of (await trainedLogits({ family: "decoder", config }, parameters)).entries())
    for (const [k, x] of logits.entries()) expect(together[i]![k]).toBeCloseTo(x, 4);
  program.dispose();
});

test.each([undefined, "first", "mean"] as const)("an encoder's logits are read off the state that it was trained to: %s", async pooling => {
  const size = bertConfig({ vocab: 257, width: 32, layers: 2, heads: 2, context: 48 });
  const config = {
    ...size,
    deviation: 0.3,
    classifier: { labels: ["ham", "spam"], kind: "one", ...defined({ pooling }) },
  } as const;
  const parameters = await initialise(encoderSpec(config), device, "encoder");
  const served = servedEncoder({ ...parts, model: { family: "encoder", config, parameters } });
  const program = await openEncoderProgram(served, device, { sizes: [16, 80] });
  const found = await program.run(texts, 16);
  for (const [i, logits] of (await trainedLogits({ family: "encoder", config }, parameters)).entries())
    for (const [k, x] of logits.entries()) expect(found[i]![k]).toBeCloseTo(x, 4);
  program.dispose();
});

test("it reads as much of a text as it was trained on; what tells no classes is refused", () => {
  expect(model.longest).toBe(48);
  const { classifier: _, ...plain } = config;
  expect(() => servedClassifier({ ...parts, model: { family: "decoder", config: plain as DecoderConfig, parameters } })).toThrow(
    'expected a decoder with a classification head, got a model of family "decoder"',
  );
});
