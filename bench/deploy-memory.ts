/**
 * Memory that `loam deploy kubernetes` computes, held against VmHWM of saturated servers: all sequences at full length, several times over, in fresh
 * processes. Three models: a toy, one of 49 M weights with random numbers, SmolLM2-135M. Peaks of a control group are no measure: they count the page cache.
 */
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { memoryPlan } from "../src/deploy/index.ts";
import { servedSizes } from "../src/project/deploying/served-sizes.ts";
import { modelText } from "../src/project/models/model-text.ts";
import { localModel } from "../src/project/models/paths.ts";
import { packageFolder } from "../src/project/package.ts";
import { type Bar, type BenchContext, type BenchResult, digits, median } from "./harness.ts";
import { smolLm } from "./serving/model.ts";
import { peakOf, peakRounds, type ServedSubject, writeRandomDecoder } from "./serving/peak.ts";

const processes = 5;
const mostAbove = 1.1;

/** A letters project, trained for a moment, as files. */
function writeToy(folder: string): string {
  const loam = (args: readonly string[], cwd: string) =>
    execFileSync(process.execPath, [join(packageFolder, "bin", "loam.js"), ...args], { cwd, stdio: "ignore" });
  loam(["init", "letters"], folder);
  const file = join(folder, "letters", "loam.yaml");
  writeFileSync(file, readFileSync(file, "utf8").replace("tokens: 240k", "tokens: 20k"));
  loam(["run"], join(folder, "letters"));
  const to = join(folder, "toy");
  loam(["models", "export", "letters", "--to", to], join(folder, "letters"));
  return to;
}

/** Random weights beside SmolLM2's tokenizer. */
async function writeMiddle(folder: string): Promise<string> {
  const text = await modelText(localModel(smolLm()).files);
  const size = { vocab: text.tokenizer.vocabSize, layers: 8, width: 512, heads: 8, kvHeads: 4, context: 4096 };
  return writeRandomDecoder(folder, "middle", size, text);
}

export async function run({ say, scale }: BenchContext): Promise<BenchResult> {
  const folder = mkdtempSync(join(tmpdir(), "loam-deploy-memory-"));
  const ours: Record<string, unknown> = {};
  const ratios: Record<string, number> = {};
  const bars: Bar[] = [];
  const notes: string[] = [];
  try {
    const subjects: ServedSubject[] = [
      { name: "toy", path: writeToy(folder), slots: 8, context: 128 },
      { name: "49 M random weights", path: await writeMiddle(folder), slots: 8, context: 512 },
      { name: "SmolLM2-135M-Instruct", path: smolLm(), slots: 4, context: 512 },
    ];
    for (const subject of subjects) {
      const { sizes } = await servedSizes(localModel(subject.path).files, subject.slots, subject.context);
      const plan = memoryPlan({ sizes, form: "exact", slots: subject.slots });
      const peaks: number[] = [];
      for (let i = 0; i < Math.max(1, Math.round(processes * scale)); i++) {
        const peak = await peakOf(subject, sizes.vocabulary, `${subject.name} ${i}`);
        if (peak === undefined)
          return { method: "", ours, peers: {}, ratios, bars, notes: ["this system does not tell what a process takes"] };
        peaks.push(peak);
        say(`${subject.name}: ${digits(peak / 1e6)} MB, computed ${digits(plan.totalBytes / 1e6)} MB`);
      }
      const share = plan.totalBytes / median(peaks);
      ours[subject.name] = { computed: plan, peaks, slots: subject.slots, context: subject.context };
      ratios[`${subject.name}: computed over measured`] = digits(share);
      bars.push({
        name: `${subject.name}: computed over measured`,
        want: `1 to ${mostAbove}`,
        got: digits(share),
        holds: share >= 1 && share <= mostAbove,
      });
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  return {
    method: `VmHWM of loam serve --quantize exact after ${peakRounds} requests per sequence at full length, twice as many clients as sequences; median of ${processes} fresh processes`,
    ours,
    peers: {},
    ratios,
    bars,
    notes,
  };
}
