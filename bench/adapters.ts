/**
 * What adapters cost a step: SmolLM2-135M writing in eight slots with none, one and four adapters among them, and reading prompts, in several
 * rooms. No other engine that runs here batches rows of different adapters, so the model without adapters is what it is held against.
 */

import { type AdapterRoom, adapterOf, CachedDecoder, projectionSizes } from "../src/nn/index.ts";
import { localModel } from "../src/project/models/paths.ts";
import { readServedModel } from "../src/project/serving/read-model.ts";
import { openDevice } from "../src/tensor/index.ts";
import { modelFolder, threads } from "./forms.ts";
import { type BenchContext, type BenchResult, digits, interleaved, median } from "./harness.ts";

const slots = 8;
const room = 512;
const prompt = 128;
const steps = 8;
const rooms: readonly (AdapterRoom | undefined)[] = [undefined, { count: 1, rank: 16 }, { count: 4, rank: 16 }, { count: 16, rank: 16 }];
const nameOf = (r: AdapterRoom | undefined): string => (r ? `room for ${r.count} of rank ${r.rank}` : "no room");

/** Rows with adapters among the eight; as many adapters as there is room for take turns. */
const adaptedRows = [0, 1, 4, 8] as const;

export const run = async ({ say, scale }: BenchContext): Promise<BenchResult> => {
  const device = openDevice("cpu", { threads });
  const model = await readServedModel(localModel(modelFolder()).files, device, { id: "smollm2", fingerprint: "bench" });
  const config = { ...model.config, context: room };
  const { parameters } = model;
  const sequence = Array.from({ length: prompt }, (_, i) => (i * 7919) % config.vocab);
  const tokens = Int32Array.from({ length: slots }, (_, i) => i % config.vocab);
  const sides: Record<string, () => Promise<number>> = {};
  const bytes: Record<string, number> = {};
  const processorMs: Record<string, number[]> = {};
  for (const of of rooms) {
    say(`programs: ${nameOf(of)}`);
    const decoder = await CachedDecoder.open(config, device, { slots, room, widths: [prompt], ...(of ? { adapters: of } : {}) });
    const { bank } = decoder;
    if (bank) {
      bytes[nameOf(of)] = bank.sizeBytes;
      const numbers = (n: number, from: number) => Float32Array.from({ length: n }, (_, i) => 0.01 * Math.sin(i + from));
      const layers = Array.from({ length: config.layers }, (_, l) =>
        Object.fromEntries(
          [...projectionSizes(config)].map(([p, s]) => [
            p,
            { rank: bank.rank, down: numbers(bank.rank * s.input, l), up: numbers(bank.rank * s.output, l + 1) },
          ]),
        ),
      );
      for (let place = 1; place <= bank.count; place++) await bank.write(place, adapterOf(config, layers));
    }
    /** Tokens a second; what it took of the processors is noted beside it. */
    const timed = async (name: string, count: number, tokensEach: number, work: (i: number) => Promise<{ release(): void }>) => {
      const began = performance.now();
      const before = process.cpuUsage();
      for (let i = 0; i < count; i++) (await work(i)).release();
      const { user, system } = process.cpuUsage(before);
      processorMs[name] = [...(processorMs[name] ?? []), (user + system) / 1000 / count];
      return (1000 * tokensEach * count) / (performance.now() - began);
    };
    for (const rows of of ? adaptedRows : [0]) {
      const adapters = rows === 0 ? undefined : Int32Array.from({ length: slots }, (_, i) => (i < rows ? 1 + (i % of!.count) : 0));
      const decode = (i: number) => decoder.decode(parameters, tokens, new Int32Array(slots).fill(prompt + i), adapters);
      const name = `decode, ${nameOf(of)}, ${rows} of ${slots} rows with adapters`;
      sides[name] = () => timed(name, steps, slots, decode);
    }
    for (const adapter of of ? [undefined, 1] : [undefined]) {
      const prefill = () => decoder.prefill(parameters, 0, sequence, { start: 0, count: prompt, width: prompt }, adapter);
      const name = `prefill, ${nameOf(of)}, ${adapter ? "with an adapter" : "without"}`;
      sides[name] = () => timed(name, 1, prompt, prefill);
    }
  }
  const rounds = Math.max(3, Math.round(9 * scale));
  say(`${rounds} rounds of ${Object.keys(sides).length} sides`);
  const measured = await interleaved(rounds, sides);
  const speeds = Object.fromEntries(Object.entries(measured).map(([name, all]) => [name, digits(Math.max(...all))]));
  const ratio = (name: string, base: string) => digits(speeds[name]! / speeds[base]!);
  const ratios = Object.fromEntries(
    Object.keys(speeds).flatMap(name => {
      const kind = name.slice(0, name.indexOf(","));
      const base = kind === "decode" ? `decode, no room, 0 of ${slots} rows with adapters` : "prefill, no room, without";
      return name === base ? [] : [[`${name}, over no room`, ratio(name, base)] as const];
    }),
  );
  const idle = ratios[`decode, ${nameOf(rooms[2])}, 0 of ${slots} rows with adapters, over no room`]!;
  return {
    method: `SmolLM2-135M-Instruct in float32, ${threads} threads, ${slots} slots of ${room}; adapters on all projections; tokens a second, sides in turn, best of ${rounds} rounds; processor time is the median`,
    ours: {
      ...speeds,
      "processor milliseconds a step or prompt": Object.fromEntries(
        Object.entries(processorMs).map(([n, all]) => [n, digits(median(all))]),
      ),
      "bytes of the bank": bytes,
    },
    peers: {},
    ratios,
    bars: [{ name: "a step without adapters where there is room for some", want: ">= 0.95", got: idle, holds: idle >= 0.95 }],
    notes: ["a step costs the same with one adapter as with all that there is room for: each row meets all of them and keeps its own"],
  };
};
