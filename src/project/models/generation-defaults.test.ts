import { expect, test } from "vitest";
import { ggufSampling, huggingFaceSampling, samplingText } from "./generation-defaults.ts";

test("what generation_config.json says of sampling is read, and what is off anyway is nothing", () => {
  const qwen = {
    do_sample: true,
    temperature: 0.7,
    top_p: 0.8,
    top_k: 20,
    repetition_penalty: 1.05,
    eos_token_id: [1, 2],
    pad_token_id: 3,
  };
  const found = huggingFaceSampling(qwen, "generation_config.json")!;
  expect(found).toEqual({ temperature: 0.7, topP: 0.8, topK: 20, repetitionPenalty: 1.05 });
  expect(samplingText(found)).toBe("temperature 0.7, top_p 0.8, top_k 20, repetition_penalty 1.05");
  expect(huggingFaceSampling({ temperature: 1, top_p: 1, top_k: -1, min_p: null }, "g")).toBeUndefined();
  expect(huggingFaceSampling({ top_p: 0 }, "g")).toEqual({ topP: Number.MIN_VALUE });
});

test("what a GGUF file says of sampling is read under its own names", () => {
  const metadata = new Map<string, unknown>([
    ["general.sampling.temp", 0.25],
    ["general.sampling.top_k", 64],
    ["general.sampling.penalty_repeat", 1],
    ["general.name", "toy"],
  ]);
  expect(ggufSampling(metadata, "m.gguf")).toEqual({ temperature: 0.25, topK: 64 });
  expect(ggufSampling(new Map(), "m.gguf")).toBeUndefined();
});

test("a number out of bounds and a value of another type are errors with their place", () => {
  expect(() => huggingFaceSampling({ temperature: -1 }, "m: generation_config.json")).toThrow(
    /m: generation_config\.json\.temperature: expected a number from 0, got -1/,
  );
  expect(() => huggingFaceSampling({ top_k: "many" }, "m: generation_config.json")).toThrow(/m: generation_config\.json: top_k/);
  expect(() => ggufSampling(new Map([["general.sampling.top_p", 2]]), "m.gguf")).toThrow(/m\.gguf: general\.sampling\.topP/);
});
