/**
 * One step of tuning SmolLM2-135M (B 4, T 256), all weights and LoRA of rank 16 on all projections, beside transformers and PEFT on PyTorch in fp32
 * and under bf16 autocast; ours in float32 and with bf16 products too. Model, first adapter, tokens, optimiser and clipping are the same on both
 * sides, and so have to be the losses: those of bf16 as near as 0.02 % to float32's.
 */
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { cpus, tmpdir } from "node:os";
import { join } from "node:path";
import { runOwn, run as runProcess } from "./child.ts";
import { type BenchContext, type BenchResult, digits, interleaved, median, medianRatio } from "./harness.ts";
import type { TuneStep, TuneStepTimes } from "./tune-step-run.ts";

const rounds = 3;
const methods = ["lora", "full"] as const;
const precisions = ["f32", "bf16"] as const;
const settings = { rank: 16, rows: 4, length: 256, steps: 4, threads: 1, rate: 2e-4 } as const;
/** Nats by which the losses of the same steps, 10 to 11, may differ from fp32's. PyTorch's own bf16 were 1.3e-3 and 7.4e-3 away. */
const lossRoom = { f32: 1e-3, bf16: 2e-3 } as const;

export async function run({ peers, say, scale }: BenchContext): Promise<BenchResult> {
  const folder = mkdtempSync(join(tmpdir(), "loam-tune-step-"));
  const python = join(peers ?? "", ".venv", "bin", "python");
  const hasPeer = peers !== undefined && existsSync(python);
  try {
    say("writing the model and the adapter");
    const own = (given: Partial<TuneStep>) => runOwn<TuneStepTimes>("tune-step-run", { ...settings, folder, ...given });
    await own({ method: "lora", prepare: true });
    const peer = async (method: string, mode: string): Promise<TuneStepTimes> =>
      JSON.parse(
        (await runProcess(python, [join(peers!, "tune_step.py"), JSON.stringify({ ...settings, folder, method, mode })]))
          .trim()
          .split("\n")
          .at(-1)!,
      );
    const seen: Record<string, TuneStepTimes> = {};
    const kept = (name: string, measure: () => Promise<TuneStepTimes>) => async () => {
      const found = await measure();
      const before = seen[name];
      seen[name] = { ...found, peakBytes: Math.max(found.peakBytes, before?.peakBytes ?? 0) };
      return found.medianMs;
    };
    const sides: Record<string, () => Promise<number>> = {};
    for (const method of methods) {
      for (const precision of precisions)
        sides[`${precision} loam ${method}`] = kept(`${precision} loam ${method}`, () => own({ method, precision }));
      if (hasPeer) for (const mode of ["fp32", "bf16"]) sides[`${mode} ${method}`] = kept(`${mode} ${method}`, () => peer(method, mode));
    }
    const count = Math.max(1, Math.round(rounds * scale));
    say(`${count} rounds of ${Object.keys(sides).join(", ")}`);
    const ms = await interleaved(count, sides);
    const isAmd = /AMD/i.test(cpus()[0]?.model ?? "");
    const least = isAmd ? 1.5 : 0.8;
    const ratios: Record<string, number> = {};
    const bars: BenchResult["bars"][number][] = [];
    const lossesOf = (side: string) => seen[side]!.losses;
    const apartOf = (a: string, b: string) => Math.max(...lossesOf(a).map((l, i) => Math.abs(l - lossesOf(b)[i]!)));
    for (const method of hasPeer ? methods : []) {
      for (const precision of precisions)
        for (const mode of ["fp32", "bf16"])
          ratios[`${method}: PyTorch ${mode} ms / loam ${precision} ms`] = digits(
            medianRatio(ms[`${mode} ${method}`]!, ms[`${precision} loam ${method}`]!),
          );
      const speed = ratios[`${method}: PyTorch fp32 ms / loam bf16 ms`]!;
      bars.push({
        name: `${method}: bf16 products, times as fast as fp32 on ${isAmd ? "AMD" : "Intel"}`,
        want: `>= ${least}`,
        got: speed,
        holds: speed >= least,
      });
      const theirs = `fp32 ${method}`;
      for (const precision of precisions) {
        const mine = `${precision} loam ${method}`;
        const memory = digits(seen[mine]!.peakBytes / seen[theirs]!.peakBytes);
        bars.push({ name: `${method}, ${precision}: share of fp32's peak memory`, want: "<= 1", got: memory, holds: memory <= 1 });
        const room = lossRoom[precision];
        const apart = apartOf(mine, theirs);
        bars.push({
          name: `${method}, ${precision}: losses of the same steps, nats from fp32's`,
          want: `<= ${room}`,
          got: digits(apart, 2),
          holds: apart <= room,
        });
      }
      ratios[`${method}: nats from fp32's, loam bf16 / PyTorch bf16`] = digits(
        apartOf(`bf16 loam ${method}`, theirs) / apartOf(`bf16 ${method}`, theirs),
      );
    }
    const [lora, full] = methods.map(m => seen[`f32 loam ${m}`]!.peakBytes) as [number, number];
    bars.push({ name: "memory of LoRA beside that of a full step", want: "<= 1", got: digits(lora / full), holds: lora <= full });
    const figures = (side: string) =>
      Object.fromEntries(
        methods.flatMap(m => [
          [`${m}, ms a step`, digits(median(ms[`${side} ${m}`]!), 4)],
          [`${m}, peak memory, bytes`, seen[`${side} ${m}`]!.peakBytes],
          [`${m}, losses`, lossesOf(`${side} ${m}`).join(" ")],
        ]),
      );
    return {
      method: `SmolLM2-135M's sizes, random weights; B ${settings.rows}, T ${settings.length}, all tokens trained, AdamW, clipping at 1; LoRA of rank ${settings.rank} on all projections; ${settings.threads} thread; median of ${settings.steps - 1} steps after one, median of ${count} interleaved rounds after one unmeasured; peak memory is the process's`,
      ours: Object.fromEntries(precisions.map(p => [p, figures(`${p} loam`)])),
      peers: hasPeer ? Object.fromEntries(["fp32", "bf16"].map(mode => [`transformers and PEFT, ${mode}`, figures(mode)])) : {},
      ratios,
      bars,
      ...(hasPeer ? {} : { notes: ["Without peers: `npm run bench -- peers` brings PyTorch, transformers and PEFT."] }),
    };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
