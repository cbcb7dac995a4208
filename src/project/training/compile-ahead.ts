/**
 * `loam train compile`: the programs of a model's training step, compiled for devices that need not be here. The step is run once on a device that
 * keeps programs in place of running them, so what is compiled is what `loam train` would run. The plugin works in a process of its own: it may
 * crash, and it reads its environment when it is loaded.
 */
import { spawn } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { defined, environment, LoamError, type Problem, type Tree, treeFrom, treeLeaves } from "../../base/index.ts";
import { type ArraysOf, countParameters, type DecoderSpec, type ParameterSpec } from "../../nn/index.ts";
import {
  type CompileTarget,
  compileEnvironment,
  type DeviceArray,
  parseCompileTarget,
  type RecordedProgram,
  recordingDevice,
  sizeOf,
} from "../../tensor/index.ts";
import {
  type BatchArraySpec,
  createTrainer,
  decoderConfigOf,
  type HostBatch,
  recipeSchema,
  tokensPerStep as tokensOfStep,
  trainerOptions,
} from "../../train/index.ts";
import { progressFor, type Watch } from "../call.ts";
import { projectErrors } from "../errors.ts";
import { modelNameOf } from "../project-file.ts";
import type { Workspace } from "../workspace.ts";
import { compiledFile, compiledFolder, processorName } from "./kept-executables.ts";

export interface CompileAheadOptions {
  /** Devices to compile for: `cpu`, `cuda`, `tpu:v5e:2x2`. */
  readonly target: string;
  /** Folder for the executables. Default: `.loam/compiled/MODEL-TARGET`. */
  readonly output?: string | undefined;
}

/** One program, bytes of a device. */
export interface CompiledProgram {
  /** gradient, accumulate or update. */
  readonly name: string;
  /** Values between operations. */
  readonly temporaryBytes: number | null;
  readonly argumentBytes: number | null;
  readonly outputBytes: number | null;
  /** Results that lie in their arguments' memory. */
  readonly aliasedBytes: number | null;
  readonly codeBytes: number | null;
  /** Arguments, results and temporaries at once. */
  readonly totalBytes: number | null;
  /** The compiler's estimates by its own names ("flops", "bytes accessed", "optimal_seconds"). */
  readonly cost: Readonly<Record<string, number>>;
  readonly compileSeconds: number;
  /** The executable, within the folder; null where the plugin writes none. */
  readonly file: string | null;
  readonly digest: string | null;
  /** SHA-256 of the program that it was compiled from. */
  readonly program: string;
}

export interface CompileAheadReport {
  readonly model: string;
  readonly target: string;
  readonly platform: string;
  readonly device: string;
  /** Devices of the target; a program is for one of them. */
  readonly devices: number;
  /** Of PJRT's C API, and what the plugin says of itself. */
  readonly api: string;
  readonly version: string;
  /** Of the machine that compiled, with its vector units: what the executables of target `cpu` are for. */
  readonly processor: string;
  readonly parameters: number;
  readonly tokensPerStep: number;
  readonly programs: readonly CompiledProgram[];
  readonly folder: string;
}

/** Work of the process: programs as text, and where their executables go. */
export interface CompileJob {
  readonly target: CompileTarget;
  readonly folder: string;
  readonly programs: readonly { readonly name: string; readonly file: string }[];
}
/** What it answers, a line a program. */
export type CompileAnswer =
  | { readonly compiled: CompiledProgram; readonly by: CompilerFacts }
  | { readonly problem: Problem; readonly row: LoamError["row"] }
  | { readonly message: string };
type CompilerFacts = Pick<CompileAheadReport, "platform" | "device" | "devices" | "api" | "version">;

/** The module that the process runs; it stands beside this one in the build. */
const child = fileURLToPath(new URL("./compile-child.js", import.meta.url));

/** A model's recipe as it is compiled, and its configuration. Errors: project/argument for a tuned model. */
function recipeOf(at: Workspace, name: string) {
  const { config } = at.file;
  if (!Object.hasOwn(config.models, name))
    throw projectErrors.fail("argument", {
      place: "model",
      expected: "a model that is trained from nothing (models: in loam.yaml)",
      received: `"${name}", which is tuned`,
      hint: "Name its base.",
    });
  const { train: part, evaluate: _, purpose: __, ...architecture } = config.models[name]!;
  const { on: ___, length, memory: ____, ...rest } = part;
  const given = recipeSchema.parse({ ...rest, length: length ?? architecture.context });
  // timing decides "auto" where a step runs; accelerators have products of bf16
  const recipe = given.precision === "auto" ? { ...given, precision: "bf16" as const } : given;
  return { recipe, model: decoderConfigOf(architecture, config.tokenizer.vocab) };
}

/** A micro-batch that has a weight and nothing else. */
function emptyBatch(specs: Readonly<Record<string, BatchArraySpec>>): HostBatch {
  const arrays = Object.entries(specs).map(([name, { shape, dtype }]) => {
    const size = sizeOf(shape);
    return [name, dtype === "f32" ? new Float32Array(size) : new Int32Array(size)] as const;
  });
  return { arrays: Object.fromEntries(arrays), weight: 1, documents: [] };
}

/** The programs of a training step, by running one on a device that only keeps them. */
async function recordStep(at: Workspace, name: string, { plugin }: CompileTarget) {
  const { recipe, model } = recipeOf(at, name);
  const programs: RecordedProgram[] = [];
  const device = recordingDevice(program => programs.push(program), plugin);
  const options = trainerOptions({ device, model, recipe });
  const specs = treeLeaves<ParameterSpec>(options.specs as Tree<unknown> as Tree<ParameterSpec>);
  const arrays = await Promise.all(specs.map(s => device.zeros(s.shape, s.dtype)));
  const start = treeFrom<ParameterSpec, DeviceArray>(options.specs as Tree<unknown> as Tree<ParameterSpec>, arrays);
  const trainer = await createTrainer({ ...options, start: start as ArraysOf<DecoderSpec> });
  const microBatches = typeof options.accumulate === "function" ? options.accumulate(0) : (options.accumulate ?? 1);
  await trainer.step(Array.from({ length: microBatches }, () => emptyBatch(options.batch)));
  trainer.dispose();
  return { programs, parameters: countParameters(options.specs), tokensPerStep: tokensOfStep(recipe) };
}

/** Runs the process; `onAnswer` hears each line. Errors: those of the plugin; project/compile where the process ends without an answer. */
async function runChild(job: CompileJob, onAnswer: (answer: CompileAnswer) => void, signal: AbortSignal | undefined): Promise<void> {
  const env = { ...environment(), ...compileEnvironment(job.target) };
  const started = spawn(process.execPath, [child, JSON.stringify(job)], { stdio: ["ignore", "pipe", "pipe"], env, ...defined({ signal }) });
  let errors = "";
  started.stderr.on("data", d => {
    errors = (errors + d).slice(-2000);
  });
  const ended = new Promise<string>((done, failed) => {
    started.on("error", error => failed(signal?.aborted ? signal.reason : error));
    started.on("exit", (code, by) => done(code === 0 ? "" : `${by ?? `exit code ${code}`}`));
  });
  ended.catch(() => {});
  let answers = 0;
  try {
    for await (const line of createInterface({ input: started.stdout }))
      if (line.startsWith("{")) {
        answers++;
        onAnswer(JSON.parse(line) as CompileAnswer);
      }
  } finally {
    started.kill("SIGKILL");
  }
  const how = await ended;
  if (answers < job.programs.length)
    throw projectErrors.fail("compile", {
      place: job.target.plugin,
      message: `the plugin's process ended (${how || "without a word"}) ${errors.trim()}`.trim(),
    });
}

/** Errors: project/argument, train/recipe, pjrt/*; project/compile where the plugin crashes. */
export async function compileStep(
  at: Workspace,
  given: string | undefined,
  { target: wanted, output }: CompileAheadOptions,
  watch: Watch,
): Promise<CompileAheadReport> {
  const name = modelNameOf(at.file, given);
  const target = parseCompileTarget(wanted);
  const show = progressFor(watch, "compile");
  const { programs, parameters, tokensPerStep } = await recordStep(at, name, target);
  const folder = resolve(at.file.folder, output ?? join(compiledFolder, `${name}-${wanted.replaceAll(":", "-")}`));
  const scratch = await mkdtemp(join(tmpdir(), "loam-compile-"));
  try {
    const files = programs.map(p => ({ name: p.name, file: join(scratch, `${p.name}.mlir`) }));
    for (const [i, p] of programs.entries()) await writeFile(files[i]!.file, p.text);
    const compiled: CompiledProgram[] = [];
    let by: CompilerFacts | undefined;
    show({ stage: "compile", done: 0, message: files[0]!.name });
    const onAnswer = (answer: CompileAnswer) => {
      if ("message" in answer) throw projectErrors.fail("compile", { place: wanted, message: answer.message });
      if ("problem" in answer) throw new LoamError(answer.problem, answer.row);
      compiled.push(answer.compiled);
      by = answer.by;
      show({ stage: "compile", done: compiled.length / files.length, message: files[compiled.length]?.name ?? answer.compiled.name });
    };
    await runChild({ target, folder, programs: files }, onAnswer, watch.signal);
    const report = {
      model: name,
      target: wanted,
      ...by!,
      processor: processorName(),
      parameters,
      tokensPerStep,
      programs: compiled,
      folder,
    };
    await writeFile(join(folder, compiledFile), `${JSON.stringify(report, null, 2)}\n`);
    return report;
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}
