import { expect, test } from "vitest";
import { openDevice } from "../tensor/index.ts";
import { createEngine } from "./engine.ts";
import { Engines } from "./engines.ts";
import { scriptedProgram, tinyModel } from "./fakes.ts";
import { createServeMetrics } from "./metrics.ts";

const device = openDevice("cpu", { threads: 1 });

test("llama.cpp's series count what was computed, found and generated, without labels; rates are those since the last scrape", async () => {
  const engine = createEngine({
    model: await tinyModel(device, { id: "tiny@1" }),
    device,
    open: async () =>
      scriptedProgram({
        slots: 1,
        room: 64,
        widths: [16],
        isUniform: true,
        logits: () => Float32Array.from({ length: 257 }, (_, i) => (i === 97 ? 50 : 0)),
      }),
  });
  await engine.ready;
  const metrics = createServeMetrics(new Engines([engine]), "1.2.3");
  const tokens = [1, 2, 3, 4, 5, 6, 7, 8];
  let [cached, generated] = [0, 0];
  for (const maxTokens of [5, 3])
    for await (const event of engine.submit({ tokens, maxTokens }))
      if (event.kind === "end") {
        cached += event.usage.cachedTokens ?? 0;
        generated += event.usage.completionTokens;
      }
  const text = await metrics.text();
  const value = (name: string, of = text) => Number(new RegExp(`^llamacpp:${name} (.*)$`, "m").exec(of)?.[1]);
  expect(cached).toBeGreaterThan(0);
  expect(value("prompt_tokens_cached_total")).toBe(cached);
  expect(value("prompt_tokens_total")).toBe(2 * tokens.length - cached);
  expect([value("tokens_predicted_total"), generated]).toEqual([8, 8]);
  expect(value("n_tokens_max")).toBe(tokens.length + 5);
  expect(value("n_decode_total")).toBeGreaterThan(0);
  expect(value("n_busy_slots_per_decode")).toBe(1);
  expect([value("requests_processing"), value("requests_deferred")]).toEqual([0, 0]);
  expect(value("spec_decode_num_accepted_tokens_total")).toBeLessThanOrEqual(value("spec_decode_num_draft_tokens_total"));
  expect(value("predicted_tokens_seconds")).toBeGreaterThan(0);
  expect(value("predicted_tokens_seconds", await metrics.text())).toBe(0);
  for (const [, name, kind] of text.matchAll(/^# TYPE llamacpp:(\S+) (\S+)$/gm))
    expect([name, kind === "counter", text.includes(`# HELP llamacpp:${name} `)]).toEqual([name, /_total$|_max$/.test(name!), true]);
  await engine.close();
});
