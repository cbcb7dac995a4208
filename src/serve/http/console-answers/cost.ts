/** Answers about what runs cost, and what the kernels of a training step took. */

import { z } from "zod";
import { measured } from "../../../base/openapi.ts";

const amounts = {
  coreSeconds: z.number(),
  flops: z.number().describe("of products of matrices, attention included"),
  kilowattHours: z.number(),
  usd: z.number(),
};

export const runCost = z
  .object({
    subject: z.string(),
    lines: z
      .array(
        z.object({
          what: z.string(),
          stage: z.string(),
          category: z.string(),
          runs: z.int().describe("attempts"),
          unfinished: z.int().describe("attempts that failed, were interrupted or killed"),
          withoutLedger: z.int(),
          ...amounts,
          mfu: measured.describe("model FLOPs utilisation").nullable(),
          hfu: measured.describe("hardware FLOPs utilisation").nullable(),
        }),
      )
      .describe("what it was made from, then itself, then its evaluations"),
    categories: z.array(z.object({ category: z.string(), share: z.number().describe("of core-seconds"), ...amounts })),
    total: z.object(amounts),
    totalWithoutSweeps: z.object(amounts),
    notes: z.array(z.string()).describe("utilisation, machine, energy, price; for people"),
  })
  .meta({ id: "RunCost", description: "What a run cost, with everything behind it." });

const kernelKind = z.enum(["product", "attention", "chain", "element-wise", "reduction", "layout", "other"]).meta({ id: "KernelKind" });

export const runProfile = z
  .object({
    profile: z
      .object({
        steps: z.int(),
        threads: z.int(),
        peak: z.object({ f32: z.number(), bf16: z.number().optional(), method: z.string() }).nullable().describe("GFLOP/s of one core"),
        stepMs: z.number(),
        kernelMs: z.number(),
        kernels: z.array(
          z.object({
            program: z.string(),
            what: z.string(),
            kind: kernelKind,
            count: z.number().describe("kernels a step"),
            ms: z.number().describe("milliseconds per step, of all of them"),
            share: z.number(),
            gflops: measured.nullable(),
            gigabytesPerSecond: measured,
            shareOfPeak: measured.nullable(),
          }),
        ),
        timeline: z
          .array(
            z.object({
              program: z.string(),
              ms: z.number(),
              spans: z.array(z.object({ what: z.string(), kind: kernelKind, startMs: z.number(), ms: z.number() })),
            }),
          )
          .describe("the programs of one step, in order"),
      })
      .nullable()
      .describe("null where none was made: `loam train --profile` makes one"),
  })
  .meta({ id: "RunProfile", description: "What the kernels of a training step took." });
