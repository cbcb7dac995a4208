/** The study of `examples/efficiency` at its quick size: what the efficient recipe saves to equal held-out bits per byte. Goes on where it was stopped. */
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";
import { run as runProcess } from "./child.ts";
import { type BenchContext, type BenchResult, digits } from "./harness.ts";

interface Saving {
  readonly saving: number;
  readonly low: number | null;
  readonly high: number | null;
}
interface Baseline {
  readonly skipped?: string;
  readonly bitsPerByte?: number;
  readonly coreSeconds?: number;
  readonly training?: Saving;
  readonly withCuration?: Saving;
  readonly withSweep?: Saving;
}
interface Document {
  readonly stronger: string | null;
  readonly baselines: Readonly<Record<string, Baseline>>;
  readonly efficient: { readonly coreSeconds: number | null };
  readonly leaveOneOut: readonly {
    readonly name: string;
    readonly ratio?: number;
    readonly low?: number | null;
    readonly high?: number | null;
  }[];
  readonly timed: readonly { readonly name: string; readonly ratio: number }[];
}

const told = (s: Saving | undefined): string =>
  s === undefined
    ? "not reached"
    : `${digits(s.saving)}${s.low === null || s.high === null ? "" : ` [${digits(s.low)}, ${digits(s.high)}]`}`;

export async function run({ say, scale }: BenchContext): Promise<BenchResult> {
  const script = fileURLToPath(new URL("../../examples/efficiency/run.js", import.meta.url));
  const size = scale < 1 ? "tiny" : scale > 1 ? "default" : "quick";
  say(`node examples/efficiency/run.js --scale ${size}`);
  const d = JSON.parse(await runProcess(process.execPath, [script, "--scale", size, "--json"], { cwd: dirname(script) })) as Document;
  const peers = Object.fromEntries(
    Object.entries(d.baselines).map(([name, b]) => [
      name,
      b.skipped ?? { "bits per byte": digits(b.bitsPerByte ?? Number.NaN, 4), "core-seconds": digits(b.coreSeconds ?? Number.NaN) },
    ]),
  );
  const claim = d.stronger === null ? undefined : d.baselines[d.stronger];
  const saving = claim?.withSweep?.saving ?? Number.NaN;
  return {
    method: `examples/efficiency at scale ${size}: core-seconds to equal held-out bits per byte on the same raw mails, paired seeds, 95 % intervals; curation and sweeps charged`,
    ours: {
      "core-seconds to the plain recipe's bits per byte": digits(d.efficient.coreSeconds ?? Number.NaN),
      ...Object.fromEntries(
        d.leaveOneOut.map(e => [`cost without ${e.name} / with`, e.ratio === undefined ? "not reached" : digits(e.ratio)]),
      ),
      ...Object.fromEntries(d.timed.map(t => [`cost of a step without ${t.name} / with`, digits(t.ratio)])),
    },
    peers,
    ratios: Object.fromEntries(
      Object.entries(d.baselines).flatMap(([name, b]) =>
        b.withSweep ? [[`${name} cost / ours`, digits(1 / (1 - b.withSweep.saving))]] : [],
      ),
    ),
    bars: [
      {
        name: `saving beside the stronger baseline (${d.stronger})`,
        want: ">= 0.4",
        got: told(claim?.withSweep),
        holds: saving >= 0.4,
      },
    ],
    notes: [
      `without sweeps: ${told(claim?.withCuration)}; training alone: ${told(claim?.training)}`,
      "Timings of a study are kept where they were made: remove examples/efficiency/.study to measure anew.",
    ],
  };
}
