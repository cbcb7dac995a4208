/**
 * What the first command costs: `loam serve FILE.gguf` of a file that is quantised already, the first time (forms are built and measured), later (the
 * choice was kept), and exactly; each until it is ready, in a home of its own.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type BenchContext, digits, median } from "../harness.ts";
import { loamServer, type RunningServer, startServer } from "./server.ts";

const starts = ["exact", "first", "later"] as const;
type Start = (typeof starts)[number];

interface StartCost {
  readonly processorSeconds: number;
  readonly peakBytes: number;
  readonly readyMs: number;
}

/** Undefined where the system does not tell. */
function costOf(server: RunningServer): StartCost | undefined {
  const processorSeconds = server.processorSeconds();
  const peakBytes = server.memory()?.peakBytes;
  return processorSeconds === undefined || peakBytes === undefined ? undefined : { processorSeconds, peakBytes, readyMs: server.readyMs };
}

/** Medians over the rounds, the three starts in turn; undefined where the system does not tell. */
export async function startCosts(
  file: string,
  choice: { readonly slots: number; readonly context: number },
  rounds: number,
  say: BenchContext["say"],
): Promise<Record<Start, StartCost> | undefined> {
  const seen: Record<Start, StartCost[]> = { exact: [], first: [], later: [] };
  for (let round = 0; round < rounds; round++) {
    const home = await mkdtemp(join(tmpdir(), "loam-bench-home-"));
    try {
      for (const start of starts) {
        const form = start === "exact" ? "exact" : undefined;
        await using server = await startServer({ ...loamServer(file, { ...choice, form }), env: { LOAM_HOME: home } });
        const cost = costOf(server);
        if (!cost) return undefined;
        seen[start].push(cost);
        say(`start, ${start}: ${digits(cost.processorSeconds)} s of processor, ${digits(cost.peakBytes / 1e6)} MB at most`);
      }
    } finally {
      await rm(home, { recursive: true, force: true });
    }
  }
  const of = (start: Start): StartCost => ({
    processorSeconds: median(seen[start].map(c => c.processorSeconds)),
    peakBytes: median(seen[start].map(c => c.peakBytes)),
    readyMs: median(seen[start].map(c => c.readyMs)),
  });
  return { exact: of("exact"), first: of("first"), later: of("later") };
}
