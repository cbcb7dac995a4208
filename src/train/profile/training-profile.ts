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
  /** Milliseconds a step in each kind of program, as the device's calls took: what a device tells that times no kernels. */
  programs: z.array(z.object({ program: z.string(), ms: z.number() })).default([]),
  /** None of a device that times no kernels. */
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
/** A node's name in an event's; the engine's own nodes may hold one somewhere. */
const nodeIn = (event: TraceEvent): string | undefined => /(?:^|[^A-Za-z0-9])(n\d+)(?![A-Za-z0-9])/.exec(event.name)?.[1];

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

/** Operators of the engine that move and compute nothing: one of them is never what computes an operation that has work. */
const movers: readonly string[] = [
  "Transpose",
  "Reshape",
  "Cast",
  "Squeeze",
  "Unsqueeze",
  "Expand",
  "Identity",
  "Slice",
  "Gather",
  "Concat",
];
/** Its products of matrices; it fuses transpositions and sums into them, and names what comes of that itself. */
const engineProducts: readonly string[] = ["MatMul", "FusedMatMul", "Gemm"];

const show = (shape: readonly number[]): string => `[${shape.join(", ")}]`;

/** A product of [.., M, K] and [.., K, N], either side transposed: K from the numbers of elements. */
function engineProduct(event: TraceEvent): Kernel | undefined {
  const [[a, b], [c]] = [shapesOf(event, "input_type_shape"), shapesOf(event, "output_type_shape")];
  if (!a || !b || !c) return undefined;
  const matrix = (shape: readonly number[]) => elementsIn(shape.slice(-2));
  const k = Math.round(Math.sqrt((matrix(a) * matrix(b)) / matrix(c)));
  const products = 2 * k * elementsIn(c);
  const kind = a.length > 2 && b.length > 2 ? "attention" : "product";
  const [m, n] = c.slice(-2) as [number, number];
  const lead = (shape: readonly number[], ...last: readonly number[]) => show([...shape.slice(0, -2), ...last]);
  return { what: `product ${lead(a, m, k)} x ${lead(b, k, n)}`, kind, flops: products, products, bytes: bytesIn(event) };
}

/** What an event computed: by its node's name, else by what the engine says of it. */
function kernelOf(event: TraceEvent, notes: ReadonlyMap<string, KernelNote>): Kernel {
  const op = String(event.args?.op_name ?? "unknown");
  const note = notes.get(nodeIn(event) ?? "");
  const isMover = movers.includes(op);
  if (note && !isMover) {
    const products = hardwareFlops(note.work);
    return { what: note.what, kind: note.kind, products, flops: products + note.work.elementwise, bytes: note.bytes };
  }
  const product = engineProducts.includes(op) ? engineProduct(event) : undefined;
  if (product) return product;
  const [shape] = shapesOf(event, "output_type_shape");
  return {
    what: `${op} ${shape ? show(shape) : ""}`.trim(),
    kind: isMover ? "layout" : "other",
    flops: 0,
    products: 0,
    bytes: bytesIn(event),
  };
}

interface Timed {
  readonly startUs: number;
  readonly us: number;
  readonly kernel: Kernel;
  readonly node: string;
}
interface ProgramRun {
  readonly ms: number;
  readonly kernels: readonly Timed[];
}

/** Kernels of the last runs of a program, a list a run. */
function lastRuns({ events, notes }: ProgramTrace, runs: number): ProgramRun[] {
  const read = events.flatMap(e => traceEvent.safeParse(e).data ?? []);
  const byNode = new Map(notes.flatMap(note => note.nodes.map(node => [node, note] as const)));
  const starts = read
    .filter(e => e.cat === "Session" && e.name === "model_run")
    .sort((a, b) => a.ts - b.ts)
    .slice(-runs);
  const kernels = read.filter(e => e.cat === "Node" && e.name.endsWith(suffix)).sort((a, b) => a.ts - b.ts);
  const timed = (event: TraceEvent, from: number): Timed => ({
    startUs: event.ts - from,
    us: event.dur,
    kernel: kernelOf(event, byNode),
    node: nodeIn(event) ?? event.name,
  });
  return starts.map(run => ({
    ms: run.dur / 1000,
    kernels: kernels.filter(k => k.ts >= run.ts && k.ts < run.ts + run.dur).map(k => timed(k, run.ts)),
  }));
}

export function medianOf(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length === 0 ? 0 : sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

const quickestOf = (runs: readonly ProgramRun[]): ProgramRun | undefined =>
  runs.reduce<ProgramRun | undefined>((best, run) => (best && best.ms <= run.ms ? best : run), undefined);

/** A run's kernels, each with its median over all runs as its time: one that something else on the machine held up counts as it mostly is. */
function typicalKernels(run: ProgramRun, runs: readonly ProgramRun[]): Timed[] {
  const alike = runs.filter(r => r.kernels.length === run.kernels.length);
  return run.kernels.map((k, i) => ({ ...k, us: medianOf(alike.map(r => r.kernels[i]!.us)) }));
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

/** A run's kernels by what they compute, `times` each. An operation of several nodes is computed by the one of them that takes longest. */
function sumsOf({ program, isBf16, notes }: ProgramTrace, kernels: readonly Timed[], times: number): Sum[] {
  const operation = new Map(notes.flatMap((note, i) => note.nodes.map(node => [node, i] as const)));
  const longest = new Map<number, Timed>();
  for (const timed of kernels) {
    const of = operation.get(timed.node);
    // what moves only has no work to be given
    if (of !== undefined && timed.kernel.flops > 0 && timed.us > (longest.get(of)?.us ?? -1)) longest.set(of, timed);
  }
  const sums = new Map<string, Sum>();
  for (const timed of kernels) {
    const { kernel, us, node } = timed;
    const of = operation.get(node);
    const counted = of === undefined || kernel.flops === 0 || longest.get(of) === timed ? times : 0;
    const sum = sums.get(kernel.what) ?? { ...kernel, program, isBf16, us: 0, count: 0, totalFlops: 0, totalProducts: 0, totalBytes: 0 };
    sum.us += us * times;
    sum.count += counted;
    sum.totalFlops += kernel.flops * counted;
    sum.totalProducts += kernel.products * counted;
    sum.totalBytes += kernel.bytes * counted;
    sums.set(kernel.what, sum);
  }
  return [...sums.values()];
}

interface ProfiledSteps {
  readonly steps: number;
  /** Milliseconds of a step, outside of programs included. */
  readonly stepMs: number;
  readonly threads: number;
  readonly peak: MachinePeak | null;
  readonly programs: TrainingProfile["programs"];
}

/** Runs of a program a step. */
const runsPerStep = (program: string, accumulate: number): number => (program === "accumulate" ? accumulate - 1 : 1);

export function trainingProfileOf(
  traces: readonly ProgramTrace[],
  accumulate: number,
  { steps, stepMs, threads, peak, programs }: ProfiledSteps,
): TrainingProfile {
  const sums: Sum[] = [];
  const timeline: ProgramSpan[] = [];
  for (const trace of traces) {
    const times = runsPerStep(trace.program, accumulate);
    const runs = lastRuns(trace, times * steps);
    const run = quickestOf(runs);
    if (!run) continue;
    sums.push(...sumsOf(trace, typicalKernels(run, runs), times));
    const spans = run.kernels.map(
      ({ startUs, us, kernel: { what, kind } }): ProfileSpan => ({ what, kind, startMs: startUs / 1000, ms: us / 1000 }),
    );
    for (let i = 0; i < times; i++) timeline.push({ program: trace.program, ms: run.ms, spans });
  }
  const allUs = sums.reduce((n, s) => n + s.us, 0);
  const kernels = sums.sort((a, b) => b.us - a.us).map(s => kernelTimeOf(s, allUs, threads, peak));
  return { steps, threads, peak, stepMs, kernelMs: allUs / 1000, programs, kernels, timeline };
}

/** A GFLOP/s is a thousand operations a microsecond. */
function kernelTimeOf(s: Sum, allUs: number, threads: number, peak: MachinePeak | null): KernelTime {
  const perUs = (n: number): number => (s.us > 0 ? n / s.us / 1e3 : 0);
  const greatest = peak === null ? undefined : threads * (s.isBf16 ? (peak.bf16 ?? peak.f32) : peak.f32);
  return {
    program: s.program,
    what: s.what,
    kind: s.kind,
    count: s.count,
    ms: s.us / 1000,
    share: allUs > 0 ? s.us / allUs : 0,
    gflops: s.totalFlops > 0 ? perUs(s.totalFlops) : null,
    gigabytesPerSecond: perUs(s.totalBytes),
    shareOfPeak: greatest !== undefined && s.totalProducts > 0 ? perUs(s.totalProducts) / greatest : null,
  };
}
