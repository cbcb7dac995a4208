/**
 * XLA's CPU plugin as a second judge and as a peer: every operation's StableHLO against the reference (the contract suite of backends, with more samples
 * and seeds than a test run takes), and training steps of a GPT through PJRT beside our own engine: losses, wall time, processor time.
 */
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { openDevice } from "../src/tensor/index.ts";
import { runOwn, run as runProcess } from "./child.ts";
import { type GptStep, type GptStepTimes, gptStep } from "./gpt-step.ts";
import { type Bar, type BenchContext, type BenchResult, digits, interleaved, median, medianRatio } from "./harness.ts";

const rounds = 3;
const seeds = [1, 2, 3];
/** The step of `train-step` on a quarter of its rows: the whole bench takes some minutes. */
const quarter: GptStep = { ...gptStep, rows: gptStep.rows / 4, steps: 3, warmUp: 1 };
/** Losses of steps on the two engines may differ so much, relative to the loss: sums in another order, and in bf16 other roundings. */
const bounds = { f32: 1e-4, bf16: 1e-2 } as const;
const formNames = { f32: "fp32", bf16: "bf16" } as const;
const root = fileURLToPath(new URL("../..", import.meta.url));

interface SuiteReport {
  readonly testResults: readonly { readonly assertionResults: readonly { readonly fullName: string; readonly status: string }[] }[];
}

/** The contract suite on the plugin with a seed: names of operations and checks that passed and failed. */
async function suite(seed: number): Promise<{ readonly passed: string[]; readonly failed: string[] }> {
  const folder = await mkdtemp(join(tmpdir(), "loam-bench-pjrt-"));
  try {
    const file = join(folder, "report.json");
    const vitest = join(root, "node_modules/vitest/vitest.mjs");
    const args = ["run", "--project", "unit", "src/tensor/backend.test.ts", "-t", "pjrt", "--reporter=json", `--outputFile=${file}`];
    // a failed test is a result here: the report says which
    await runProcess(process.execPath, [vitest, ...args], { cwd: root, env: { LOAM_TEST_SEED: String(seed), LOAM_DEEP: "1" } }).catch(
      () => {},
    );
    const { testResults } = JSON.parse(await readFile(file, "utf8")) as SuiteReport;
    const all = testResults.flatMap(t => t.assertionResults);
    const named = (status: string) => all.filter(a => a.status === status).map(a => a.fullName);
    return { passed: named("passed"), failed: named("failed") };
  } finally {
    await rm(folder, { recursive: true });
  }
}

const isOperation = (name: string): boolean => /: equals the reference on /.test(name);

/** Greatest difference of two runs' losses, relative. */
const lossDifference = (a: readonly number[], b: readonly number[]): number =>
  a.reduce((most, x, i) => Math.max(most, Math.abs(x - b[i]!) / Math.abs(x)), 0);

const partNames = ["operations", "fp32", "bf16"] as const;

export async function run({ only, scale, say }: BenchContext): Promise<BenchResult> {
  const has = (part: (typeof partNames)[number]) => only.length === 0 || only.includes(part);
  const { api, platform, version } = openDevice("pjrt:cpu").capabilities.details;
  const numSeeds = has("operations") ? Math.max(1, Math.round(seeds.length * scale)) : 0;
  if (numSeeds > 0) say(`every operation in the plugin against the reference, ${numSeeds} seeds`);
  const suites: Awaited<ReturnType<typeof suite>>[] = [];
  for (const seed of seeds.slice(0, numSeeds)) suites.push(await suite(seed));
  const failed = suites.flatMap((s, i) => s.failed.map(name => `${name} (seed ${seeds[i]})`));
  const operations = suites[0]?.passed.filter(isOperation).length ?? 0;

  const numSteps = Math.max(2, Math.round(quarter.steps * Math.min(1, 2 * scale)));
  const processorMs = new Map<string, number[]>();
  const losses = new Map<string, readonly number[]>();
  const cases = (["f32", "bf16"] as const)
    .filter(precision => has(formNames[precision]))
    .flatMap(precision => [1, 2].map(threads => ({ precision, threads })));
  const sideOf = (who: string, { precision, threads }: (typeof cases)[number]) =>
    `${who} ${formNames[precision]}, ${threads === 1 ? "1 thread" : `${threads} threads`}`;
  const sides: Record<string, (round: number) => Promise<number>> = {};
  for (const given of cases)
    for (const [who, device] of [
      ["Loam", "cpu"],
      ["XLA", "pjrt:cpu"],
    ] as const) {
      const name = sideOf(who, given);
      sides[name] = async round => {
        const step: GptStep = { ...quarter, ...given, device, steps: numSteps };
        const times = await runOwn<GptStepTimes>("gpt-step", round < 0 ? { ...step, steps: 1, warmUp: 1 } : step);
        if (round >= 0) {
          processorMs.set(name, [...(processorMs.get(name) ?? []), times.medianProcessorMs]);
          losses.set(name, times.losses);
        }
        return times.medianMs;
      };
    }
  const numRounds = cases.length > 0 ? Math.max(1, Math.round(rounds * scale)) : 0;
  if (numRounds > 0) say(`${numRounds} rounds of ${Object.keys(sides).join("; ")}`);
  const wallMs = numRounds > 0 ? await interleaved(numRounds, sides) : {};

  const figures = (who: string) =>
    Object.fromEntries(
      cases.map(given => {
        const name = sideOf(who, given);
        return [name, { "wall ms": digits(median(wallMs[name]!), 4), "processor ms": digits(median(processorMs.get(name)!), 4) }];
      }),
    );
  const ratios: Record<string, number> = {};
  const differences: Record<string, number> = {};
  const bars: Bar[] =
    numSeeds === 0
      ? []
      : [
          {
            name: "checks of the contract suite that fail in the plugin",
            want: "0",
            got: failed.length,
            holds: failed.length === 0 && operations > 50,
          },
        ];
  for (const given of cases) {
    const [own, other] = [sideOf("Loam", given), sideOf("XLA", given)];
    ratios[`${other}: wall time / Loam's`] = digits(medianRatio(wallMs[other]!, wallMs[own]!));
    ratios[`${other}: processor time / Loam's`] = digits(medianRatio(processorMs.get(other)!, processorMs.get(own)!));
    const difference = digits(lossDifference(losses.get(own)!, losses.get(other)!));
    differences[`${other.replace("XLA ", "")}`] = difference;
    const bound = bounds[given.precision];
    bars.push({
      name: `${other}: losses of ${quarter.warmUp + numSteps} steps, greatest relative difference`,
      want: `<= ${bound}`,
      got: difference,
      holds: difference <= bound,
    });
  }
  const tokens = quarter.rows * quarter.length;
  return {
    method: `contract suite of backends with full rounds, ${numSeeds} seeds; GPT ${gptStep.layers} layers, d ${gptStep.width}, T ${gptStep.length}, B ${quarter.rows} (${tokens} tokens), AdamW: a process a side, median of ${numSteps} steps after ${quarter.warmUp}, median of ${numRounds} interleaved rounds; processor time is of all threads`,
    ours: {
      operations,
      checks: suites.reduce((sum, s) => sum + s.passed.length, 0),
      failed,
      "loss differences": differences,
      ...figures("Loam"),
    },
    peers: { "XLA's CPU plugin": `PJRT ${api}, ${platform}, ${version}`, ...figures("XLA") },
    ratios,
    bars,
  };
}
