/** SmolLM2-135M-Instruct in its quantised forms, where LOAM_MODELS names a folder with it: close to the full model, and served like it. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { defaultSampling } from "../../nn/index.ts";
import { openDevice } from "../../tensor/index.ts";
import type { Found } from "../serving/find-model.ts";
import { openEngine } from "../serving/open-engine.ts";
import { readServedModel } from "../serving/read-model.ts";
import { calibrationTexts } from "./calibration-text.ts";
import { closeness } from "./closeness.ts";
import { localModel } from "./paths.ts";
import { quantisationNames, quantisedParameters } from "./quantised.ts";

const folder = join(process.env.LOAM_MODELS ?? "", "smollm2-135m-instruct");
const missing =
  process.env.LOAM_MODELS && existsSync(folder)
    ? undefined
    : (process.env.LOAM_MODELS_REASON ?? "LOAM_MODELS names no folder with smollm2-135m-instruct");
const reason = missing === undefined ? "" : ` (skipped: ${missing})`;
const real = (claim: string, run: () => Promise<void>) => test.skipIf(missing !== undefined)(claim + reason, run, 600_000);

/** Nats of divergence from the full model that a form may have; about twice what was seen. */
const bounds = { int8: 0.025, "int8-blocks": 0.012, int4: 0.01 } as const;

real(
  "each form's divergence from the full model stays within its bound; four bits that were four bits before cost no more than rounding the other side",
  async () => {
    const device = openDevice("cpu", { threads: 2 });
    const model = await readServedModel(localModel(folder).files, device, { id: "smollm2", fingerprint: "f" });
    const ids = Array.from(model.tokenizer.encode(calibrationTexts(8).slice(4).join("\n"))).slice(0, 512);
    const found: Record<string, number> = {};
    for (const form of quantisationNames) {
      const parameters = await quantisedParameters(model, device, form);
      const c = await closeness(model.config, device, model.parameters, parameters, ids);
      found[form] = c.divergence;
      expect(c.divergence, form).toBeLessThan(bounds[form]);
      expect(c.divergence).toBeGreaterThanOrEqual(0);
    }
    expect(found["int8-blocks"]).toBeLessThan(found.int8!);
    expect(found.int4).toBeLessThan(1.2 * found["int8-blocks"]!);
  },
);

real("served in int8 it says the same alone and in company", async () => {
  const place: Found = {
    model: { kind: "files", path: folder, shown: folder },
    project: undefined,
    store: undefined,
    async [Symbol.asyncDispose]() {},
  };
  const ask = async (engine: Awaited<ReturnType<typeof openEngine>>["engine"], text: string) => {
    const generation = engine.submit({
      tokens: Array.from(engine.model.tokenizer.encode(text)),
      maxTokens: 12,
      sampling: { ...defaultSampling, temperature: 0 },
    });
    const tokens: number[] = [];
    for await (const part of generation) tokens.push(...part.tokens.map(t => t.token));
    return tokens;
  };
  await using served = await openEngine(place, { slots: 3, context: 256, quantize: "int8" });
  await served.engine.ready;
  const alone = await ask(served.engine, "The capital of France is");
  expect(served.engine.model.tokenizer.decode(alone)).toContain("Paris");
  const [beside] = await Promise.all(["The capital of France is", "Once upon a time", "1, 2, 3,"].map(text => ask(served.engine, text)));
  expect(beside).toEqual(alone);
});
