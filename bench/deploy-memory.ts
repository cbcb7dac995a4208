/**
 * Memory that `loam deploy kubernetes` computes, held against VmHWM of saturated servers: all sequences at full length, several times over, in fresh
 * processes. Three models: a toy, one of 49 M weights with random numbers, SmolLM2-135M. Peaks of a control group are no measure: they count the page cache.
 */
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, dirname, join } from "node:path";
import { random } from "../src/base/index.ts";
import { memoryPlan } from "../src/deploy/index.ts";
import { decoderSpec, disposeTree, folderFiles, initialise, llamaConfig, modelGguf, modelOf } from "../src/nn/index.ts";
import { servedSizes } from "../src/project/deploying/served-sizes.ts";
import { ggufTextEntries } from "../src/project/models/gguf-text.ts";
import { modelText } from "../src/project/models/model-text.ts";
import { localModel } from "../src/project/models/paths.ts";
import { packageFolder } from "../src/project/package.ts";
import { openDevice } from "../src/tensor/index.ts";
import { type Bar, type BenchContext, type BenchResult, digits, median } from "./harness.ts";
import { runLoad } from "./serving/load.ts";
import { smolLm } from "./serving/model.ts";
import { loamServer, startServer } from "./serving/server.ts";

const processes = 5;
/** Requests per sequence: heaps have grown by then. */
const rounds = 3;
const completionTokens = 16;
const mostAbove = 1.1;

interface Subject {
  readonly name: string;
  readonly path: string;
  readonly slots: number;
  readonly context: number;
}

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
  const config = { ...llamaConfig(size), tied: true };
  const parameters = await initialise(decoderSpec(config), openDevice("cpu"), "deploy-memory");
  const path = join(folder, "middle.gguf");
  const content = modelGguf(modelOf({ family: "decoder", config }, parameters), "F32", ggufTextEntries(text, config.vocab));
  await folderFiles(dirname(path)).writeStream(basename(path), content);
  disposeTree(parameters);
  return path;
}

/** VmHWM of one fresh server after a load in all sequences, whole. */
async function peakOf({ path, slots, context }: Subject, vocabulary: number, seed: string): Promise<number | undefined> {
  await using server = await startServer(loamServer(path, { slots, context, form: "exact" }));
  const { data } = (await (await fetch(`${server.url}/v1/models`)).json()) as { data: { id: string }[] };
  const r = random(seed);
  const requests = Array.from({ length: rounds * slots }, () => ({
    prompt: Array.from({ length: context - completionTokens }, () => 3 + r.below(vocabulary - 4)),
    maxTokens: completionTokens,
  }));
  // more clients than sequences: some wait
  await runLoad(server.url, data[0]!.id, requests, 2 * slots);
  return server.memory()?.peakBytes;
}

export async function run({ say, scale }: BenchContext): Promise<BenchResult> {
  const folder = mkdtempSync(join(tmpdir(), "loam-deploy-memory-"));
  const ours: Record<string, unknown> = {};
  const ratios: Record<string, number> = {};
  const bars: Bar[] = [];
  const notes: string[] = [];
  try {
    const subjects: Subject[] = [
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
    method: `VmHWM of loam serve --quantize exact after ${rounds} requests per sequence at full length, twice as many clients as sequences; median of ${processes} fresh processes`,
    ours,
    peers: {},
    ratios,
    bars,
    notes,
  };
}
