/**
 * Removal of repeated passages from mails: speed and memory of the step `substrings`, from texts in memory to texts without repetitions.
 * There is no peer in this comparison: what others wrap (google-research's suffix array in Rust) needs a compiler of its own.
 */
import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { runInMemory } from "../src/data/plan/in-memory.ts";
import { substrings } from "../src/data/steps/substrings/substrings.ts";
import { dedupCorpus } from "./dedup-corpus.ts";
import { type BenchContext, type BenchResult, digits } from "./harness.ts";

/** Text, and memory for the table: the last takes several passes. */
const settings = [
  { megabytes: 50, tableMB: 1024 },
  { megabytes: 100, tableMB: 2048 },
  { megabytes: 100, tableMB: 256 },
] as const;
const MIN_BYTES = 200;

interface Figures {
  readonly bytes: number;
  readonly ms: number;
  readonly cutBytes: number;
  readonly edited: number;
  readonly dropped: number;
  readonly peakBytes: number;
  readonly before: number;
}

/** One measurement; a process each, so that the peak is its own. */
async function measure(megabytes: number, tableMB: number): Promise<Figures> {
  const documents = dedupCorpus("B", undefined, megabytes * 1e6).slice();
  const bytes = documents.reduce((n, d) => n + Buffer.byteLength(d.text), 0);
  const before = process.resourceUsage().maxRSS * 1024;
  const { user, system } = process.cpuUsage();
  const all = documents.map(({ id, text }) => ({ id, text, source: "", attributes: {} }));
  const plan = substrings.plan(substrings.options.parse({ minBytes: MIN_BYTES, tableBytes: tableMB * 2 ** 20 }));
  let [cutBytes, edited, dropped] = [0, 0, 0];
  for (const found of await runInMemory(plan, all)) {
    if (!found?.edits) continue;
    cutBytes += found.edits[0]!.value as number;
    if (found.verdicts) dropped++;
    else edited++;
  }
  const used = process.cpuUsage({ user, system });
  return {
    bytes,
    ms: (used.user + used.system) / 1000,
    cutBytes,
    edited,
    dropped,
    peakBytes: process.resourceUsage().maxRSS * 1024,
    before,
  };
}

export async function run({ say }: BenchContext): Promise<BenchResult> {
  const ours: Record<string, unknown> = {};
  for (const { megabytes, tableMB } of settings) {
    say(`${megabytes} MB, a table of ${tableMB} MiB`);
    const printed = execFileSync(process.execPath, [fileURLToPath(import.meta.url), String(megabytes), String(tableMB)], {
      encoding: "utf8",
    });
    const f = JSON.parse(printed) as Figures;
    ours[`${megabytes} MB, table ${tableMB} MiB`] = {
      MBPerSecond: digits(f.bytes / 1000 / f.ms),
      GBPerHour: digits((f.bytes / 1e9 / f.ms) * 3.6e6),
      cutShare: digits(f.cutBytes / f.bytes),
      edited: f.edited,
      dropped: f.dropped,
      peakBytesATextByte: digits(f.peakBytes / f.bytes),
      ofThatCorpusAndProgram: digits(f.before / f.bytes),
    };
  }
  return {
    method: `mails with copies (corpus B of the bench dedup), passages of ${MIN_BYTES} bytes and more; processor time of all threads, a process a figure, one run each`,
    ours,
    peers: {},
    ratios: {},
    bars: [],
  };
}

if (process.argv[1] === fileURLToPath(import.meta.url))
  process.stdout.write(JSON.stringify(await measure(Number(process.argv[2]), Number(process.argv[3]))));
