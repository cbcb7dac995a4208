/**
 * Decoding strategies on a real model: SmolLM2-135M-Instruct as GGUF in the folder LOAM_MODELS, beam search against `transformers`
 * (`golden/`, and where the folder LOAM_REFERENCE has more of the kind, that too), and the law that nothing that saves time changes an answer.
 */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, test } from "vitest";
import { disposeTree } from "../../nn/index.ts";
import { createEngine, type Engine, type GenerationRequest, openProgram, type ServedModel } from "../../serve/index.ts";
import { openDevice } from "../../tensor/index.ts";
import { readServedModel } from "../serving/read-model.ts";
import { localModel } from "./paths.ts";

const folder = join(process.env.LOAM_MODELS ?? "", "smollm2-135m-instruct");
const own = fileURLToPath(new URL("golden/smollm2.golden.json", import.meta.url));
const more = join(process.env.LOAM_REFERENCE ?? "", "smollm2.json");
const golden = process.env.LOAM_REFERENCE !== undefined && existsSync(more) ? [own, more] : [own];
const noModel =
  process.env.LOAM_MODELS === undefined || !existsSync(folder)
    ? (process.env.LOAM_MODELS_REASON ?? "LOAM_MODELS names no folder with smollm2-135m-instruct")
    : undefined;
const because = (reason: string | undefined) => (reason === undefined ? "" : ` (skipped: ${reason})`);

interface Case {
  readonly prompt: string;
  readonly ids: readonly number[];
  readonly beam4: readonly { readonly ids: readonly number[]; readonly score: number }[];
}

const device = openDevice("cpu", { threads: 2 });
const room = 128;
let model: ServedModel;
beforeAll(async () => {
  if (noModel !== undefined) return;
  const read = await readServedModel(localModel(folder).files, device, { id: "smollm2", fingerprint: "f" });
  model = { ...read, config: { ...read.config, context: room } };
});
afterAll(() => model && disposeTree(model.parameters));

async function said(engine: Engine, requests: readonly GenerationRequest[]) {
  return Promise.all(
    engine.submitAll(requests).map(async generation => {
      const tokens: number[] = [];
      let total = 0;
      for await (const event of generation) {
        tokens.push(...event.tokens.map(t => t.token));
        for (const { likelihood } of event.tokens) total += likelihood?.logProbability ?? 0;
        if (event.kind === "end") return { tokens, total, finishReason: event.finishReason };
      }
      throw new Error("no end");
    }),
  );
}

test.skipIf(noModel !== undefined)(
  `four beams find what transformers finds, with its scores, beside other requests${because(noModel)}`,
  async () => {
    const prompts = golden.flatMap(file => (JSON.parse(readFileSync(file, "utf8")) as { readonly prompts: readonly Case[] }).prompts);
    const engine = createEngine({ model, device, slots: 5 });
    await engine.ready;
    for (const { prompt, ids, beam4 } of prompts) {
      const beams = { width: 4, lengthPenalty: 1, earlyStopping: true };
      const search = said(
        engine,
        beam4.map(() => ({ tokens: ids, maxTokens: 16, beams, likelihoods: 0 })),
      );
      const other = said(engine, [{ tokens: ids, maxTokens: 12, seed: 1 }]);
      const found = await search;
      await other;
      for (const [i, want] of beam4.entries()) {
        expect(found[i]!.tokens, prompt).toEqual(want.ids);
        expect(Math.abs(found[i]!.total / want.ids.length - want.score), prompt).toBeLessThan(1e-4);
      }
    }
    await engine.close();
  },
  600_000,
);

test.skipIf(noModel !== undefined)(
  `the programs of a real model agree to the bit, so prefixes are taken over and guesses verified, and no answer changes${because(noModel)}`,
  async () => {
    const program = await openProgram(model, device, { slots: 3 });
    expect(program.isUniform).toBe(true);
    program.dispose();
    const { tokenizer } = model;
    const ask = (text: string): number[] => Array.from(tokenizer.encode(`<|im_start|>user\n${text}<|im_end|>\n<|im_start|>assistant\n`));
    const texts = [
      "Say the words one two three ten times: one two three one two three one two three",
      "Say the words one two three ten times: one two three, and then stop.",
      "Copy this: const x = f(x); const y = f(y); const z = f(z); const x = f(x);",
    ];
    const requests: GenerationRequest[] = [...texts, texts[0]!].map((text, i) => ({
      tokens: ask(text),
      maxTokens: 28,
      seed: i,
      likelihoods: 1,
      sampling: { temperature: i % 2 ? 0.4 : 0 },
    }));
    const plain = createEngine({ model, device, slots: 3, prefixCache: false, lookup: false });
    await plain.ready;
    const want = [];
    for (const r of requests) want.push((await said(plain, [r]))[0]);
    await plain.close();
    const engine = createEngine({ model, device, slots: 3 });
    await engine.ready;
    let reused = 0;
    let right = 0;
    engine.observe({
      reused: n => {
        reused += n;
      },
      verified: (_, n) => {
        right += n;
      },
    });
    for (const [i, r] of requests.entries()) expect((await said(engine, [r]))[0]).toEqual(want[i]);
    // the second begins as the first does, and so does the fourth
    const [first, second] = [requests[0]!.tokens, requests[1]!.tokens];
    const common = first.findIndex((t, i) => t !== second[i]);
    expect(common).toBeGreaterThan(10);
    expect(reused).toBeGreaterThanOrEqual(2 * common);
    expect(right).toBeGreaterThan(5);
    expect(await said(engine, requests)).toEqual(want);
    await engine.close();
  },
  600_000,
);
