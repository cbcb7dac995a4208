import { expect, test } from "vitest";
import { random } from "../base/index.ts";
import {
  type Decoder,
  type DecoderConfig,
  decoderLogits,
  decoderSpec,
  gpt2Config,
  initialise,
  llamaConfig,
  nextChunk,
} from "../nn/index.ts";
import { compile, openDevice, type Tensor } from "../tensor/index.ts";
import { byteTokenizer, tinyModel } from "./fakes.ts";
import { openProgram } from "./program.ts";
import type { ServedModel } from "./served-model.ts";

const device = openDevice("cpu", { threads: 1 });
const size = { vocab: 257, width: 48, layers: 3, heads: 4, context: 64 } as const;
const configs: Record<string, DecoderConfig> = {
  "gpt2 (learned positions, tied, biases)": { ...gpt2Config(size), deviation: 0.15 },
  "llama (rotary, grouped queries, untied)": { ...llamaConfig({ ...size, kvHeads: 2 }), deviation: 0.15 },
};

for (const [name, config] of Object.entries(configs))
  test(`${name}: served logits are training logits for the same weights and tokens, in chunks, in steps, in any slot`, async () => {
    const parameters = await initialise(decoderSpec(config), device, name);
    const model: ServedModel = { id: "m", family: "decoder", config, parameters, tokenizer: byteTokenizer, fingerprint: "f" };
    // what the training loop differentiates
    const training = compile((p: Decoder, t: Tensor) => decoderLogits(config, p, t), { device });
    const r = random(name);
    const tokens = Array.from({ length: config.context }, () => r.below(config.vocab));
    const whole = (await (
      await training(parameters, await device.array(Int32Array.from(tokens), "i32", [1, tokens.length]))
    ).read()) as Float32Array;
    const want = (at: number) => whole.subarray(at * config.vocab, (at + 1) * config.vocab);

    const program = await openProgram(model, device, { slots: 3, widths: [8, 16] });
    let worst = 0;
    let checked = 0;
    for (const [slot, prompt] of [
      [0, 1],
      [2, 37],
      [1, 60],
    ] as const) {
      let computed = 0;
      while (computed < tokens.length) {
        const known = Math.max(prompt, computed + 1);
        const isDecode = known - computed === 1;
        const chunk = nextChunk(computed, known, program.widths, program.room);
        const at = (value: number) => Int32Array.from({ length: 3 }, (_, s) => (s === slot ? value : 0));
        const rows = isDecode
          ? await program.decode(at(tokens[computed]!), at(computed))
          : await program.prefill(slot, tokens.slice(0, known), chunk);
        computed = isDecode ? known : chunk.start + chunk.count;
        const got = rows.row(isDecode ? slot : 0);
        for (const [i, x] of want(computed - 1).entries()) worst = Math.max(worst, Math.abs(x - got[i]!));
        checked++;
        rows.release();
      }
    }
    expect(checked).toBeGreaterThan(80);
    // the same sums in another order: float32 rounding and nothing else (logits are around 1 to 10)
    expect(worst).toBeLessThan(5e-5);
    expect(Math.max(...whole)).toBeGreaterThan(1);
    program.dispose();
  });

test("the fingerprint follows weights, programs and slots, and nothing else", async () => {
  const model = await tinyModel(device);
  const of = async (m: ServedModel, options: object) => {
    const p = await openProgram(m, device, options);
    p.dispose();
    return p.fingerprint;
  };
  const base = await of(model, { slots: 2, widths: [8] });
  expect(await of({ ...model, id: "another name" }, { slots: 2, widths: [8] })).toBe(base);
  const others = [
    await of({ ...model, fingerprint: "1".repeat(64) }, { slots: 2, widths: [8] }),
    await of(model, { slots: 3, widths: [8] }),
    await of(model, { slots: 2, widths: [16] }),
    await of(model, { slots: 2, widths: [8], room: 100 }),
  ];
  expect(new Set([base, ...others]).size).toBe(5);
});
