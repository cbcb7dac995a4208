/**
 * Clipped sums of per-example gradients of a small GPT: beside the plain gradient, a loop over the examples, and Opacus on the same architecture in the same
 * run (hooks, which write all gradients out). Processor time on one thread, and the most memory that values between operations took.
 */
import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { z } from "zod";
import type { Tree } from "../src/base/index.ts";
import { crossEntropy, type Decoder, decoderLogits, decoderSpec, gpt2Config, initialise } from "../src/nn/index.ts";
import { compile, type DeviceArray, div, grad, minimum, openDevice, perExample, sqrt, type Tensor } from "../src/tensor/index.ts";
import { type BenchContext, type BenchResult, digits, median } from "./harness.ts";

const [rows, length, rounds] = [16, 128, 5];
const config = { ...gpt2Config({ vocab: 2000, width: 256, layers: 4, heads: 4, context: length }), tied: false };
type Batch = { readonly tokens: Tensor; readonly targets: Tensor; readonly weights: Tensor };
const loss = (p: Decoder, b: Batch) => crossEntropy(decoderLogits(config, p, b.tokens), b.targets, b.weights, 1);

/** Processor milliseconds, the median of some runs after one that does not count, and the peak of values in MB. */
async function measured(f: (p: Decoder, b: Batch) => unknown, times: number) {
  const device = openDevice("cpu", { threads: 1 });
  const p = await initialise(decoderSpec(config), device, 1);
  const n = (rows / times) * length;
  const ids = Int32Array.from({ length: n }, (_, i) => (i * 7919) % 2000);
  const shape = [rows / times, length];
  const b = {
    tokens: await device.array(ids, "i32", shape),
    targets: await device.array(ids, "i32", shape),
    weights: await device.array(new Float32Array(n).fill(1), "f32", shape),
  };
  const program = compile(f as (p: Decoder, b: Batch) => Tree<Tensor>, { device, fuse: true, measureMemory: true });
  const ms: number[] = [];
  for (let round = 0; round <= rounds; round++) {
    const before = process.cpuUsage();
    for (let i = 0; i < times; i++) {
      const made = await program(p, b);
      for (const a of leaves(made)) a.dispose();
    }
    const spent = process.cpuUsage(before);
    if (round > 0) ms.push((spent.user + spent.system) / 1000);
  }
  const peak = (program.peakBytes() ?? 0) / 1e6;
  program.dispose();
  device.dispose();
  return { ms: digits(median(ms), 4), peakMb: digits(peak, 4) };
}
const leaves = (tree: unknown): DeviceArray[] =>
  typeof tree === "object" && tree !== null && "dispose" in tree
    ? [tree as DeviceArray]
    : Object.values((tree ?? {}) as Record<string, unknown>).flatMap(leaves);

const opacusReport = z.object({ version: z.string(), plainMs: z.number(), hooksMs: z.number(), ghostMs: z.number() });
/** The peer's own processor time, where its environment is. */
function opacus(): z.output<typeof opacusReport> | undefined {
  const python = process.env.LOAM_DP_PYTHON ?? "";
  if (!existsSync(python)) return undefined;
  const script = join(fileURLToPath(new URL("..", import.meta.url)), "bench/peers/per_example.py");
  return opacusReport.parse(
    JSON.parse(execFileSync(python, ["-W", "ignore", script], { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] })),
  );
}

export async function run({ say }: BenchContext): Promise<BenchResult> {
  say("plain gradient");
  const plain = await measured((p, b) => grad(loss)(p, b), 1);
  say("clipped sum");
  const clipped = await measured((p, b) => {
    const g = perExample(loss)(p, b);
    return g.weightedSum(minimum(1, div(1, sqrt(g.squaredNorms()))));
  }, 1);
  say("loop");
  const loop = await measured((p, b) => grad(loss)(p, b), rows);
  say("Opacus");
  const peer = opacus();
  const overPlain = digits(clipped.ms / plain.ms);
  const peerOver = peer && digits(peer.hooksMs / peer.plainMs);
  return {
    method: `GPT of 4 layers, width 256, vocabulary 2,000, untied; ${rows} rows of ${length} tokens, an example each; processor ms on one thread, median of ${rounds}; the loop without clipping`,
    ours: { plain, clipped, loop },
    peers: peer ? { [`Opacus ${peer.version}`]: peer } : {},
    ratios: {
      "clipped / plain": overPlain,
      "loop / clipped": digits(loop.ms / clipped.ms),
      ...(peerOver ? { "Opacus hooks / its plain": peerOver } : {}),
    },
    bars: [
      { name: "clipped over plain", want: "<= 2", got: overPlain, holds: overPlain <= 2 },
      ...(peer
        ? [
            {
              name: "processor time beside Opacus",
              want: "< Opacus hooks",
              got: digits(peer.hooksMs / clipped.ms),
              holds: clipped.ms < peer.hooksMs,
            },
          ]
        : []),
    ],
  };
}
