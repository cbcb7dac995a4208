/**
 * A training step's kernels: what each took, computed and moved, from the engine's own trace (Chrome trace events) joined with what the nodes of its model stand
 * for. Times are of a few steps after the first ones; operations are counted, not measured. Pure: files are read elsewhere.
 */
import { z } from "zod";
import { hardwareFlops, type MachinePeak } from "../../ledger/index.ts";
import { type KernelClass, type KernelNote, kernelClasses } from "../../tensor/index.ts";

/** The profile's name among a run's data. */
export const profileFile = "profile.json";

const kernelClass = z.enum(kernelClasses);

/** All kernels of a step that compute the same: of each layer one, say. */
const kernelTime = z.object({
  program: z.string(),
  what: z.string(),
  kind: kernelClass,
  /** Kernels a step. */
  count: z.number(),
  /** Milliseconds a step, of all of them. */
  ms: z.number(),
  /** Of the step's kernels. */
  share: z.number(),
  /** Null where nothing is computed, or where the engine has fused it away. */
  gflops: z.number().nullable(),
  gigabytesPerSecond: z.number(),
  /** Of the measured peak of all threads; products alone. */
  shareOfPeak: z.number().nullable(),
});
export type KernelTime = z.output<typeof kernelTime>;

const span = z.object({ what: z.string(), kind: kernelClass, startMs: z.number(), ms: z.number() });
/** A kernel of the last step, on its program's clock. */
export type ProfileSpan = z.output<typeof span>;

const programSpan = z.object({ program: z.string(), ms: z.number(), spans: z.array(span) });
/** A run of a program in the last step. */
export type ProgramSpan = z.output<typeof programSpan>;

const trainingProfile = z.object({
  steps: z.number(),
  threads: z.number(),
  /** GFLOP/s of one core. */
  peak: z.object({ f32: z.number(), bf16: z.number().optional(), method: z.string() }).nullable(),
  /** Milliseconds a step: of all, and in kernels. */
  stepMs: z.number(),
  kernelMs: z.number(),
  kernels: z.array(kernelTime),
  /** The programs of one step, in order. */
  timeline: z.array(programSpan),
});
export type TrainingProfile = z.output<typeof trainingProfile>;

/** The profile as it was kept; undefined where this version cannot read it. */
export function readTrainingProfile(text: string): TrainingProfile | undefined {
  try {
    return trainingProfile.safeParse(JSON.parse(text)).data;
  } catch {
    return undefined;
  }
}

/** An event of the engine's trace; times in microseconds. */
const traceEvent = z.object({
  name: z.string(),
  cat: z.string(),
  ts: z.number(),
  dur: z.number(),
  args: z.record(z.string(), z.unknown()).optional(),
});
type TraceEvent = z.output<typeof traceEvent>;

/** What a program's profile holds. */
export interface ProgramTrace {
  readonly program: string;
  readonly events: readonly unknown[];
  readonly notes: readonly KernelNote[];
  /** Runs of the program a step, and whether its products were asked for in bf16. */
  readonly isBf16: boolean;
}

const suffix = "_kernel_time";
/** What the engine made itself, and what it took out of a model's nodes, keeps a node's name somewhere in its own. */
const nodeName = /\bn\d+\b/;

type Shapes = readonly Readonly<Record<string, readonly number[]>>[];
const shapesOf = (event: TraceEvent, key: string): readonly number[][] =>
  ((event.args?.[key] ?? []) as Shapes).flatMap(shape => Object.values(shape).map(s => [...s]));
const elementsIn = (shape: readonly number[]): number => shape.reduce((n, d) => n * d, 1);
const bytesIn = (event: TraceEvent): number =>
  ["input_type_shape", "output_type_shape"].flatMap(key => shapesOf(event, key)).reduce((sum, s) => sum + 4 * elementsIn(s), 0);

interface Kernel {
  readonly what: string;
  readonly kind: KernelClass;
  readonly flops: number;
  readonly products: number;
  readonly bytes: number;
}

/** What an event computed: by its node's name, else by what the engine says of it. */
function kernelOf(event: TraceEvent, notes: ReadonlyMap<string, KernelNote>): Kernel {
  const note = notes.get(nodeName.exec(event.name)?.[0] ?? "");
  if (!note) {
    const what =
      `${String(event.args?.op_name ?? "unknown")} ${shapesOf(event, "output_type_shape").map(s => `[${s.join(", ")}]`)[0] ?? ""}`.trim();
    return { what, kind: "other", flops: 0, products: 0, bytes: bytesIn(event) };
  }
  const products = hardwareFlops(note.work);
  return { what: note.what, kind: note.kind, products, flops: products + note.work.elementwise, bytes: note.bytes };
}

interface Timed {
  readonly event: TraceEvent;
  readonly kernel: Kernel;
  readonly node: string;
}

/** Kernels of the last runs of a program, a list a run. */
function lastRuns(
  { events, notes }: ProgramTrace,
  runs: number,
): { readonly runMs: number; readonly startUs: number; readonly kernels: Timed[] }[] {
  const read = events.flatMap(e => traceEvent.safeParse(e).data ?? []);
  const byNode = new Map(notes.flatMap(note => note.nodes.map(node => [node, note] as const)));
  const starts = read
    .filter(e => e.cat === "Session" && e.name === "model_run")
    .sort((a, b) => a.ts - b.ts)
    .slice(-runs);
  const kernels = read.filter(e => e.cat === "Node" && e.name.endsWith(suffix)).sort((a, b) => a.ts - b.ts);
  return starts.map(run => ({
    runMs: run.dur / 1000,
    startUs: run.ts,
    kernels: kernels
      .filter(k => k.ts >= run.ts && k.ts < run.ts + run.dur)
      .map(event => ({ event, kernel: kernelOf(event, byNode), node: nodeName.exec(event.name)?.[0] ?? event.name })),
  }));
}

interface Sum extends Kernel {
  readonly program: string;
  readonly isBf16: boolean;
  us: number;
  count: number;
  totalFlops: number;
  totalProducts: number;
  totalBytes: number;
}

/** Adds a run's kernels up by what they compute. An operation of several nodes is computed by the one of them that takes longest. */
function addRun(sums: Map<string, Sum>, { program, isBf16, notes }: ProgramTrace, kernels: readonly Timed[]): void {
  const operation = new Map(notes.flatMap((note, i) => note.nodes.map(node => [node, i] as const)));
  const longest = new Map<number, Timed>();
  for (const timed of kernels) {
    const of = operation.get(timed.node);
    if (of !== undefined && timed.event.dur > (longest.get(of)?.event.dur ?? -1)) longest.set(of, timed);
  }
  for (const timed of kernels) {
    const { kernel, event, node } = timed;
    const of = operation.get(node);
    const isMain = of === undefined || longest.get(of) === timed;
    const key = `${program} ${kernel.what}`;
    const sum = sums.get(key) ?? { ...kernel, program, isBf16, us: 0, count: 0, totalFlops: 0, totalProducts: 0, totalBytes: 0 };
    sum.us += event.dur;
    sum.count += isMain ? 1 : 0;
    sum.totalFlops += isMain ? kernel.flops : 0;
    sum.totalProducts += isMain ? kernel.products : 0;
    sum.totalBytes += isMain ? kernel.bytes : 0;
    sums.set(key, sum);
  }
}

export interface ProfiledSteps {
  readonly steps: number;
  /** Milliseconds of the steps, outside of programs included. */
  readonly stepMs: number;
  readonly threads: number;
  readonly peak: MachinePeak | null;
}

/** Runs of a program in so many steps. */
const runsIn = (program: string, steps: number, accumulate: number): number =>
  program === "accumulate" ? steps * (accumulate - 1) : steps;

export function trainingProfileOf(
  traces: readonly ProgramTrace[],
  accumulate: number,
  { steps, stepMs, threads, peak }: ProfiledSteps,
): TrainingProfile {
  const sums = new Map<string, Sum>();
  const timeline: ProgramSpan[] = [];
  for (const trace of traces) {
    const runs = lastRuns(trace, runsIn(trace.program, steps, accumulate));
    for (const run of runs) addRun(sums, trace, run.kernels);
    const last = runs.at(-1);
    if (!last) continue;
    const spans = last.kernels.map(({ event, kernel: { what, kind } }) => ({
      what,
      kind,
      startMs: (event.ts - last.startUs) / 1000,
      ms: event.dur / 1000,
    }));
    for (let i = 0; i < runsIn(trace.program, 1, accumulate); i++) timeline.push({ program: trace.program, ms: last.runMs, spans });
  }
  const allUs = [...sums.values()].reduce((n, s) => n + s.us, 0);
  const kernels = [...sums.values()]
    .sort((a, b) => b.us - a.us)
    .map(({ program, what, kind, isBf16, us, count, totalFlops, totalProducts, totalBytes }): KernelTime => {
      const greatest = peak && totalProducts > 0 ? (isBf16 ? (peak.bf16 ?? peak.f32) : peak.f32) * threads : undefined;
      return {
        program,
        what,
        kind,
        count: count / steps,
        ms: us / 1000 / steps,
        share: allUs > 0 ? us / allUs : 0,
        gflops: totalFlops > 0 && us > 0 ? totalFlops / us / 1e3 : null,
        gigabytesPerSecond: us > 0 ? totalBytes / us / 1e3 : 0,
        shareOfPeak: greatest !== undefined && us > 0 ? totalProducts / us / 1e3 / greatest : null,
      };
    });
  return { steps, threads, peak, stepMs: stepMs / steps, kernelMs: allUs / 1000 / steps, kernels, timeline };
}
