/** What a run used, as its row of the record keeps it: written at every heartbeat and at its end. Nothing of it enters a digest. */
import { z } from "zod";

const amount = z.number().min(0);
const workSchema = z.object({
  products: amount,
  attention: amount,
  elementwise: amount,
  recomputed: amount,
  bf16: amount,
});
const partUse = z.object({ coreSeconds: amount, work: workSchema });
export type PartUse = z.output<typeof partUse>;

const usedResources = z.object({
  /** Processor time of all threads and of processes that the run started, its start-up included. */
  coreSeconds: amount,
  wallSeconds: amount,
  /** Of `coreSeconds`: start-up of the process, and what it did since its last run. */
  startUpSeconds: amount,
  /** Of `coreSeconds`: processes that the run started. */
  childSeconds: amount,
  /** Ranks' waiting for each other and for what is sent between them, added up over the ranks: time, not processor time. Absent where there were none. */
  waitedSeconds: amount.optional(),
  /** By the processor's counters; null where they cannot be read. */
  joules: amount.nullable(),
  /** What belongs to no part. */
  own: partUse,
  parts: z.record(z.string(), partUse),
});
export type UsedResources = z.output<typeof usedResources>;

/** Where a run computed. */
const ledgerMachine = z.object({
  processor: z.string(),
  /** What machine code was made for: "avx512+vnni+bf16", "none", "off". */
  tier: z.string(),
  cores: z.number(),
  /** Greatest measured rate of one core, GFLOP/s, and what it was measured with; absent where nothing was computed. */
  peak: z.object({ f32: z.number(), bf16: z.number().optional(), method: z.string() }).optional(),
});
export type LedgerMachine = z.output<typeof ledgerMachine>;
export type MachinePeak = NonNullable<LedgerMachine["peak"]>;

const runLedger = z.object({
  used: usedResources,
  machine: ledgerMachine.nullable(),
  /** Why energy was not counted: the file, and what is wrong with it. */
  energyProblem: z.string().optional(),
  /** The search that the run belongs to. */
  study: z.string().optional(),
  /** How far the run is, while it is under way: the share that is done, and when it is expected to end (milliseconds since 1970). */
  progress: z.object({ done: z.number().min(0).max(1), finishesAtMs: z.number().optional() }).optional(),
});
export type RunLedger = z.output<typeof runLedger>;

/** The ledger of a row; undefined where it has none that this version reads. */
export function readRunLedger(text: string | null): RunLedger | undefined {
  if (text === null) return undefined;
  try {
    return runLedger.safeParse(JSON.parse(text)).data;
  } catch {
    return undefined;
  }
}
