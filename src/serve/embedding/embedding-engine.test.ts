import { expect, test } from "vitest";
import { type Encoder, encoderStates } from "../../nn/index.ts";
import { compile, openDevice, sum, type Tensor } from "../../tensor/index.ts";
import { tinyEncoder } from "../http/fakes.ts";
import { createEmbeddingEngine, type EmbeddingEngineOptions } from "./embedding-engine.ts";
import { agreeingSizes, type EncoderProgram, openEncoderProgram } from "./encoder-program.ts";
import { servedEncoder, withPooling } from "./served-encoder.ts";

const device = openDevice("cpu", { threads: 1 });
const model = await tinyEncoder(device);

interface Scripted extends EncoderProgram {
  readonly batches: { readonly texts: readonly (readonly number[])[]; readonly width: number }[];
  gate: Promise<void>;
  isDisposed: boolean;
}

/** Vectors are the first token and the length; it waits for its gate. */
function scripted(fails?: (texts: readonly (readonly number[])[]) => boolean): Scripted {
  const program: Scripted = {
    dimensions: 2,
    widths: [16, 96],
    room: () => ({ texts: 4, tokens: 400 }),
    fingerprint: "fp_scripted",
    batches: [],
    gate: Promise.resolve(),
    isDisposed: false,
    run: async (texts, width) => {
      program.batches.push({ texts, width });
      await program.gate;
      if (fails?.(texts)) throw new Error("the device is gone");
      return texts.map(t => Float32Array.of(t[0] === 13 ? Number.NaN : t[0]!, t.length));
    },
    dispose: () => {
      program.isDisposed = true;
    },
  };
  return program;
}
async function engineOf(program: EncoderProgram, more: Partial<EmbeddingEngineOptions> = {}) {
  const engine = createEmbeddingEngine({ model, device, open: async () => program, ...more });
  await engine.ready;
  return engine;
}
const codeOf = (error: unknown) => (error as { code: string }).code;
const held = () => {
  let open = () => {};
  const gate = new Promise<void>(resolve => {
    open = resolve;
  });
  return { gate, open: () => open() };
};

test("texts of one width share batches, and every text gets its own vector", async () => {
  const program = scripted();
  const engine = await engineOf(program);
  const texts = Array.from({ length: 11 }, (_, i) => Array.from({ length: i % 3 === 0 ? 20 : 5 }, () => i));
  const vectors = await engine.embed(texts);
  expect(vectors.map(v => [...v])).toEqual(texts.map(t => [t[0], t.length]));
  expect(program.batches.map(b => [b.width, b.texts.length]).sort()).toEqual([
    [16, 3],
    [16, 4],
    [96, 4],
  ]);
  expect(engine.stats()).toMatchObject({ queued: 0, running: 0, texts: 11, batches: 3 });
  await engine.close();
  expect(program.isDisposed).toBe(true);
});

test("what is wrong with a text is said before anything is queued", async () => {
  const engine = await engineOf(scripted());
  for (const [text, code] of [
    [[], "serve/parameter"],
    [[257], "serve/parameter"],
    [[-1], "serve/parameter"],
    [new Array(97).fill(1), "serve/contextLength"],
  ] as const)
    expect(codeOf(await engine.embed([[1], text]).catch(e => e)), `${text.length}`).toBe(code);
  expect(engine.stats().texts).toBe(0);
  await engine.close();
});

test("a queue that is full says so, with a time to come back", async () => {
  const { gate, open } = held();
  const program = scripted();
  program.gate = gate;
  const engine = await engineOf(program, { queueTexts: 6, maxWaitMs: 0 });
  const first = engine.embed([[1], [2], [3], [4]]);
  await expect.poll(() => engine.stats().running).toBe(4);
  const second = engine.embed([[5], [6], [7], [8], [9], [10]]);
  expect(codeOf(await engine.embed([[11]]).catch(e => e))).toBe("serve/queueFull");
  expect(engine.retryAfterSeconds).toBeGreaterThanOrEqual(1);
  open();
  expect((await Promise.all([first, second])).flat().map(v => v[0])).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
  await engine.close();
});

test("a client that leaves takes its texts out of the queue, and nobody else's", async () => {
  const { gate, open } = held();
  const program = scripted();
  program.gate = gate;
  const engine = await engineOf(program, { maxWaitMs: 0 });
  const first = engine.embed([[1]]);
  await expect.poll(() => engine.stats().running).toBe(1);
  const leaving = new AbortController();
  const gone = engine.embed([[2], [3]], leaving.signal);
  const stays = engine.embed([[4]]);
  leaving.abort();
  expect(codeOf(await gone.catch(e => e))).toBe("serve/cancelled");
  expect(engine.stats().queued).toBe(1);
  open();
  expect([...(await first), ...(await stays)].map(v => v[0])).toEqual([1, 4]);
  expect(program.batches.flatMap(b => b.texts.map(t => t[0]))).toEqual([1, 4]);
  expect(codeOf(await engine.embed([[1]], AbortSignal.abort()).catch(e => e))).toBe("serve/cancelled");
  await engine.close();
});

test("a vector that breaks down fails its request alone; a batch that fails is an error and the next one works", async () => {
  const engine = await engineOf(
    scripted(texts => texts.some(t => t[0] === 99)),
    { maxWaitMs: 0 },
  );
  const [broken, whole] = await Promise.allSettled([engine.embed([[13]]), engine.embed([[1]])]);
  expect(broken).toMatchObject({ status: "rejected", reason: { code: "serve/program" } });
  expect(whole.status).toBe("fulfilled");
  expect(codeOf(await engine.embed([[99]]).catch(e => e))).toBe("serve/program");
  expect((await engine.embed([[7]]))[0]![0]).toBe(7);
  await engine.close();
});

test("draining finishes what waits and takes nothing new; closing ends what waits with an error", async () => {
  const { gate, open } = held();
  const program = scripted();
  program.gate = gate;
  const engine = await engineOf(program, { maxWaitMs: 0 });
  const waiting = engine.embed([[1], [2], [3], [4], [5], [6]]);
  const drained = engine.drain();
  expect(codeOf(await engine.embed([[1]]).catch(e => e))).toBe("serve/draining");
  open();
  expect((await waiting).length).toBe(6);
  await drained;
  await engine.close();

  const late = held();
  const second = scripted();
  second.gate = late.gate;
  const closing = await engineOf(second, { maxWaitMs: 0 });
  const running = closing.embed([[1]]);
  await expect.poll(() => closing.stats().running).toBe(1);
  const queued = closing.embed([[2]]).catch(codeOf);
  const closed = closing.close();
  expect(await queued).toBe("serve/draining");
  late.open();
  expect((await running)[0]![0]).toBe(1);
  await closed;
  await closing.drain();
});

test("a model that does not load is not ready, and asking it says so", async () => {
  const engine = createEmbeddingEngine({ model, device, open: () => Promise.reject(new Error("no memory")) });
  await expect(engine.ready).rejects.toThrow("no memory");
  expect(engine.state).toBe("failed");
  expect(codeOf(await engine.embed([[1]]).catch(e => e))).toBe("serve/notReady");
  await engine.close();
});

test("a text's vector has the same bits alone and in batches of every size and order", async () => {
  const program = await openEncoderProgram(model, device, { sizes: [16, 40, 130] });
  expect(program.widths).toEqual([16, 32, 64, 96]);
  expect(program.widths.map(w => program.room(w))).toEqual([
    { tokens: 130, texts: 16 },
    { tokens: 130, texts: 8 },
    { tokens: 130, texts: 4 },
    { tokens: 130, texts: 2 },
  ]);
  const texts = Array.from({ length: 8 }, (_, i) => Array.from({ length: 5 + i }, (_, k) => (i * 31 + k * 7) % 257));
  const whole = await program.run(texts, 16);
  for (let n = 1; n <= 8; n++) expect(await program.run(texts.slice(8 - n), 16)).toEqual(whole.slice(8 - n));
  expect(await program.run(texts.toReversed(), 16)).toEqual(whole.toReversed());
  for (const v of whole) expect(Math.hypot(...v)).toBeCloseTo(1, 5);
  program.dispose();
});

test("a vector is the mean of the states that the padded encoder gives, whatever the text's width", async () => {
  const program = await openEncoderProgram({ ...model, normalise: false }, device, { sizes: [128] });
  const padded = compile((p: Encoder, t: Tensor) => sum(encoderStates(model.config, p, t), 1), { device });
  for (const [length, width] of [
    [3, 16],
    [16, 16],
    [41, 64],
  ] as const) {
    const text = Array.from({ length }, (_, k) => (k * 29) % 257);
    const tokens = await device.array(Int32Array.from(text), "i32", [1, length]);
    const want = (await (await padded(model.parameters, tokens)).numbers()).map(x => x / length);
    const [got] = await program.run([text], width);
    expect(Math.max(...got!.map((x, i) => Math.abs(x - want[i]!)))).toBeLessThan(1e-5);
  }
  program.dispose();
});

test("a text whose numbers break down spoils no other of its batch", async () => {
  const broken = model.parameters.token;
  const table = ((await broken.read()) as Float32Array).slice();
  table.fill(Number.NaN, 13 * model.config.width, 14 * model.config.width);
  const parameters = { ...model.parameters, token: await device.array(table, "f32", broken.shape) };
  const program = await openEncoderProgram({ ...model, parameters }, device, { sizes: [64] });
  const [bad, good] = await program.run(
    [
      [13, 2],
      [1, 2, 3],
    ],
    16,
  );
  expect(bad!.every(Number.isNaN)).toBe(true);
  expect(good!.every(Number.isFinite)).toBe(true);
  expect((await program.run([[1, 2, 3]], 16))[0]).toEqual(good);
  program.dispose();
});

test("a size that gives another bit than the largest is found out and left out", async () => {
  const vectors = (size: number) => Array.from({ length: size }, (_, i) => Float32Array.of(i / 3, size === 2 && i === 1 ? -0 : 0));
  expect(await agreeingSizes([1, 2, 3, 8], async size => vectors(size))).toEqual([1, 3, 8]);
});

test("poolings differ, and without scaling a vector keeps its length", async () => {
  const vectorOf = async (more: object) => {
    const program = await openEncoderProgram({ ...model, ...more }, device, { sizes: [16] });
    const [v] = await program.run([[1, 2, 3]], 16);
    program.dispose();
    return v!;
  };
  const [mean, cls, raw] = [await vectorOf({}), await vectorOf({ pooling: "cls" }), await vectorOf({ normalise: false })];
  expect(mean).not.toEqual(cls);
  const length = Math.hypot(...raw);
  expect(length).not.toBeCloseTo(1, 2);
  raw.forEach((x, i) => {
    expect(mean[i]).toBeCloseTo(x / length, 6);
  });
});

test("without pooling a text keeps one vector a token, whose mean is its vector, alone and in company", async () => {
  const open = (more: object) => openEncoderProgram({ ...model, normalise: false, ...more }, device, { sizes: [64] });
  const [program, pooled] = [await open({ pooling: "none" }), await open({})];
  const texts = [[1, 2, 3], [4], [5, 6]];
  const [together, means] = [await program.run(texts, 16), await pooled.run(texts, 16)];
  for (const [i, text] of texts.entries()) {
    expect(together[i]!.length).toBe(text.length * model.config.width);
    expect((await program.run([text], 16))[0]).toEqual(together[i]);
    for (let k = 0; k < model.config.width; k++) {
      const sum = text.reduce((s, _, row) => s + together[i]![row * model.config.width + k]!, 0);
      expect(sum / text.length).toBeCloseTo(means[i]![k]!, 5);
    }
  }
  program.dispose();
  pooled.dispose();
});

test("another pooling is another fingerprint; the model's own changes nothing", () => {
  expect(withPooling(model, "mean")).toBe(model);
  const [cls, none] = [withPooling(model, "cls"), withPooling(model, "none")];
  expect(new Set([model, cls, none].map(m => m.fingerprint)).size).toBe(3);
  expect([cls.normalise, none.normalise]).toEqual([true, false]);
});

test("what is no encoder, or does not fit its tokenizer or length, is refused", () => {
  const parts = { id: "m", tokenizer: model.tokenizer, fingerprint: "0", model: { ...model } };
  expect(() => servedEncoder({ ...parts, model: { ...model, family: "decoder" } })).toThrow(/expected an encoder/);
  expect(() => servedEncoder({ ...parts, longest: 97 })).toThrow(/1 to 96/);
  expect(() => servedEncoder({ ...parts, tokenizer: { ...model.tokenizer, vocabSize: 300 } })).toThrow(/at most 257/);
});
