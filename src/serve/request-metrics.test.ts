import { expect, test } from "vitest";
import { openDevice } from "../tensor/index.ts";
import { createEngine } from "./engine.ts";
import { Engines } from "./engines.ts";
import { scriptedProgram, tinyModel } from "./fakes.ts";
import { createServeMetrics } from "./metrics.ts";

const device = openDevice("cpu", { threads: 1 });

test("vLLM's histograms of requests and steps hold what was generated, whatever the number of answers to a prompt", async () => {
  const engine = createEngine({
    model: await tinyModel(device, { id: "tiny@1" }),
    device,
    open: async () =>
      scriptedProgram({
        slots: 4,
        room: 64,
        widths: [16],
        logits: () => Float32Array.from({ length: 257 }, (_, i) => (i === 97 ? 50 : 0)),
      }),
  });
  await engine.ready;
  const metrics = createServeMetrics(new Engines([engine]), "1.2.3");
  const tokens = [1, 2, 3];
  // two answers to one prompt, of other lengths, and one to another
  const asked = [
    { tokens, choice: 0, maxTokens: 5 },
    { tokens, choice: 1, maxTokens: 8 },
    { tokens: [4, 5, 6, 7], maxTokens: 2 },
  ];
  for (const answer of engine.submitAll(asked)) for await (const _ of answer);
  const text = await metrics.text();
  const value = (name: string) => Number(new RegExp(`^${name}\\{[^}]*model_name="tiny@1"[^}]*\\} (.*)$`, "m").exec(text)?.[1]);
  expect([value("vllm:request_params_n_count"), value("vllm:request_params_n_sum")]).toEqual([2, 3]);
  expect([value("vllm:request_max_num_generation_tokens_count"), value("vllm:request_max_num_generation_tokens_sum")]).toEqual([2, 10]);
  expect([value("vllm:request_params_max_tokens_count"), value("vllm:request_params_max_tokens_sum")]).toEqual([3, 15]);
  expect([value("vllm:request_inference_time_seconds_count"), value("vllm:request_time_per_output_token_seconds_count")]).toEqual([3, 3]);
  expect([value("vllm:request_num_preemptions_count"), value("vllm:request_num_preemptions_sum")]).toEqual([3, 0]);
  // the tokens of prompts that were read, and those that were generated
  const reused = value("vllm:prefix_cache_hits_total") || 0;
  expect(value("vllm:iteration_tokens_total_sum")).toBe(3 + 3 + 4 - reused + 15);
  expect(value("vllm:iteration_tokens_total_count")).toBeGreaterThan(0);
  await engine.close();
});

test("of a prompt that is in the cache, the last token is read again, and counted", async () => {
  const engine = createEngine({
    model: await tinyModel(device, { id: "tiny@1" }),
    device,
    open: async () => scriptedProgram({ slots: 1, room: 64, widths: [16], logits: () => new Float32Array(257), isUniform: true }),
  });
  await engine.ready;
  const metrics = createServeMetrics(new Engines([engine]), "1.2.3");
  const tokens = [1, 2, 3, 4, 5];
  const value = async (name: string) => Number(new RegExp(`^${name}\\{[^}]*\\} (.*)$`, "m").exec(await metrics.text())?.[1]);
  for (const sum of [5 + 2, 5 + 2 + 1 + 2]) {
    for await (const _ of engine.submit({ tokens, maxTokens: 2 }));
    // the last step is told when its answer has ended already
    await expect.poll(() => value("vllm:iteration_tokens_total_sum")).toBe(sum);
  }
  expect(await value("vllm:prefix_cache_hits_total")).toBe(4);
  await engine.close();
});

test("a full queue counts what it refuses", async () => {
  const engine = createEngine({
    model: await tinyModel(device, { id: "tiny@1" }),
    device,
    queueSequences: 1,
    open: async () => scriptedProgram({ slots: 1, room: 64, widths: [16], logits: () => new Float32Array(257) }),
  });
  await engine.ready;
  const metrics = createServeMetrics(new Engines([engine]), "1.2.3");
  expect(() => engine.submitAll(Array.from({ length: 9 }, () => ({ tokens: [1] })))).toThrow(/queue/);
  expect(await metrics.text()).toMatch(/^vllm:admission_rejections_total\{model_name="tiny@1"\} 9$/m);
  await engine.close();
});
