/**
 * One training step of a GPT (forward, backward, AdamW) beside the throw-away prototype (its folder in LOAM_PROTOTYPE) and PyTorch in fp32 and
 * bf16. A machine-code backend that passes PyTorch is planned; its row belongs here.
 */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { runOwn, run as runProcess } from "./child.ts";
import { type GptStepTimes, gptStep } from "./gpt-step.ts";
import { type BenchContext, type BenchResult, digits, interleaved, median, medianRatio } from "./harness.ts";

const rounds = 5;

async function prototypeMs(folder: string): Promise<number> {
  const said = await runProcess(process.execPath, ["gpt2.mjs"], {
    cwd: folder,
    env: { S: String(gptStep.steps), TH: String(gptStep.threads) },
  });
  return Number(/median (\d+)/.exec(said)![1]);
}

async function torchMs(peers: string, mode: "fp32" | "bf16"): Promise<number> {
  const said = await runProcess(join(peers, ".venv", "bin", "python"), [
    join(peers, "train_step.py"),
    JSON.stringify({ ...gptStep, mode }),
  ]);
  return JSON.parse(said.trim().split("\n").at(-1)!).medianMs;
}

export async function run({ peers, say }: BenchContext): Promise<BenchResult> {
  const prototype = process.env.LOAM_PROTOTYPE;
  const torch = peers && existsSync(join(peers, ".venv", "bin", "python"));
  const sides: Record<string, (round: number) => Promise<number>> = {
    loam: async () => (await runOwn<GptStepTimes>("gpt-step", gptStep)).medianMs,
    ...(prototype ? { prototype: () => prototypeMs(prototype) } : {}),
    ...(torch ? { "PyTorch fp32": () => torchMs(peers, "fp32"), "PyTorch bf16": () => torchMs(peers, "bf16") } : {}),
  };
  say(`${rounds} rounds of ${Object.keys(sides).join(", ")}`);
  const ms = await interleaved(rounds, sides);
  const tokens = gptStep.rows * gptStep.length;
  const ratios = Object.fromEntries(
    Object.keys(ms)
      .filter(name => name !== "loam")
      .map(name => [`${name} ms / loam ms`, digits(medianRatio(ms[name]!, ms.loam!))]),
  );
  const against = ratios["prototype ms / loam ms"];
  return {
    method: `GPT ${gptStep.layers} layers, d ${gptStep.width}, ${gptStep.heads} heads, T ${gptStep.length}, B ${gptStep.rows}, vocab ${gptStep.vocab}, AdamW, ${gptStep.threads} threads; median of ${gptStep.steps} steps a process, median of ${rounds} interleaved rounds after one unmeasured`,
    ours: {
      "ms a step": digits(median(ms.loam!), 4),
      "tokens a second": Math.round((tokens * 1000) / median(ms.loam!)),
      rounds: ms.loam!.map(x => digits(x, 4)),
    },
    peers: Object.fromEntries(
      Object.entries(ms)
        .filter(([name]) => name !== "loam")
        .map(([name, list]) => [`${name}, ms a step`, digits(median(list), 4)]),
    ),
    ratios,
    bars: against === undefined ? [] : [{ name: "beside the prototype", want: ">= 0.97", got: against, holds: against >= 0.97 }],
    ...(against === undefined ? { notes: ["Without the prototype: set LOAM_PROTOTYPE to its folder."] } : {}),
  };
}
