/**
 * Memory of a served SmolLM2-135M, from Linux' own account of the process: what the weights and the keys and values must take, what is there
 * beside them, and what a model with more weights and nothing else takes more: as much as those weights, if they lie there once.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import {
  checkModelFiles,
  countParameters,
  type DecoderConfig,
  decoderSpec,
  disposeTree,
  folderFiles,
  initialise,
  modelGguf,
  modelOf,
  specOfModel,
} from "../src/nn/index.ts";
import { ggufTextEntries } from "../src/project/models/gguf-text.ts";
import { modelText } from "../src/project/models/model-text.ts";
import { localModel } from "../src/project/models/paths.ts";
import { openDevice } from "../src/tensor/index.ts";
import { type Bar, type BenchContext, type BenchResult, digits } from "./harness.ts";
import { runLoad } from "./serving/load.ts";
import { type LoadRequest, mailRequests, smolLm } from "./serving/model.ts";
import {
  findLlamaServer,
  llamaServer,
  llamaVersion,
  loamServer,
  type MemoryUse,
  type RunningServer,
  type ServerProgram,
  startServer,
} from "./serving/server.ts";
import { startCosts } from "./serving/start-cost.ts";

const choice = { slots: 8, context: 1024 } as const;
const clients = choice.slots;
const requestCount = 48;
const prompts = { least: 64, most: 512 } as const;
const answers = { least: 8, most: 32 } as const;
/** The same decoder with a wider middle: as many operators and as large a cache, so what it takes more is its weights. */
const widerBy = 3;
/** Bytes allocated for a further byte of weights. A copy would make it 2. */
const allowedSlope = 1.1;
/** What loading leaves behind goes back a moment after a server is ready. */
const lookMs = 500;
const looks = 20;

interface Seen {
  /** Once it is ready, before the first request. */
  readonly ready: MemoryUse;
  /** After a load in all slots. */
  readonly used: MemoryUse;
}

/** Memory once it has stopped falling. */
async function settled(server: RunningServer): Promise<MemoryUse | undefined> {
  let least = server.memory();
  for (let look = 0, since = 0; least && look < looks && since < 5; look++) {
    await wait(lookMs);
    const now = server.memory()!;
    // a fall of less than a hundredth is breathing
    since = now.anonymousBytes < least.anonymousBytes * 0.99 ? 0 : since + 1;
    if (now.anonymousBytes < least.anonymousBytes) least = now;
  }
  return least;
}

/** Writes a decoder like this one, `widerBy` times as wide between its attentions, with random weights; gives its parameters. */
async function writeWider(config: DecoderConfig, text: Parameters<typeof ggufTextEntries>[0], folder: string): Promise<number> {
  const wider = { ...config, hidden: widerBy * config.hidden };
  const parameters = await initialise(decoderSpec(wider), openDevice("cpu"), "serve-memory");
  const model = modelOf({ family: "decoder", config: wider }, parameters);
  await folderFiles(folder).writeStream("wider.gguf", modelGguf(model, "F32", ggufTextEntries(text)));
  disposeTree(parameters);
  return countParameters(specOfModel(model));
}

async function watched(program: ServerProgram, requests: readonly LoadRequest[]): Promise<Seen | undefined> {
  await using server = await startServer(program);
  const { data } = (await (await fetch(`${server.url}/v1/models`)).json()) as { data: { id: string }[] };
  const ready = await settled(server);
  await runLoad(server.url, data[0]!.id, requests, clients);
  const used = server.memory();
  return ready && used && { ready, used };
}

const megabytes = (bytes: number) => Math.round(bytes / 1e6);
const shown = (m: MemoryUse) => ({
  resident: megabytes(m.residentBytes),
  allocated: megabytes(m.anonymousBytes),
  files: megabytes(m.fileBytes),
  peak: megabytes(m.peakBytes),
});

const startRounds = 3;

/** What `loam serve FILE.gguf` costs until it is ready, beside what exact costs in the same run. */
async function startBars(file: string, say: BenchContext["say"], scale: number): Promise<{ bars: Bar[]; shown: Record<string, unknown> }> {
  const costs = await startCosts(file, choice, Math.max(1, Math.round(startRounds * scale)), say);
  if (!costs) return { bars: [], shown: {} };
  const { exact, first, later } = costs;
  const bar = (name: string, got: number, most: number): Bar => ({ name, want: `<= ${most}`, got: digits(got), holds: got <= most });
  return {
    bars: [
      bar("first start of a quantised file over exact: processor time", first.processorSeconds / exact.processorSeconds, 2.5),
      bar("first start of a quantised file over exact: peak memory", first.peakBytes / exact.peakBytes, 1.5),
      bar("later start of a quantised file over exact: processor time", later.processorSeconds / exact.processorSeconds, 1.3),
    ],
    shown: Object.fromEntries(
      Object.entries(costs).map(([name, { processorSeconds, peakBytes, readyMs }]) => [
        name,
        { processorSeconds: digits(processorSeconds), peak: megabytes(peakBytes), readyMs: Math.round(readyMs) },
      ]),
    ),
  };
}

export async function run({ peers, say, scale }: BenchContext): Promise<BenchResult> {
  const file = smolLm();
  const { model } = await checkModelFiles(localModel(file).files);
  if (model.family !== "decoder") throw new Error(`expected a decoder, got a ${model.family}`);
  const parameters = countParameters(specOfModel(model));
  const { layers, kvHeads, headSize } = model.config;
  const bytesOf = {
    weights: 4 * parameters,
    keysAndValues: 4 * 2 * layers * kvHeads * headSize * choice.slots * choice.context,
  };
  const requests = await mailRequests(file, Math.max(clients, Math.round(requestCount * scale)), prompts, answers);
  const ours: Record<string, unknown> = {};
  const bars: Bar[] = [];
  const allocated: Record<string, number> = {};
  for (const form of ["exact", "int8", "int4"]) {
    say(`loam serve --quantize ${form}`);
    const seen = await watched(loamServer(file, { ...choice, form }), requests);
    if (!seen) continue;
    // before the first request the keys and values are nearly all unwritten, and memory that was never written is not there yet
    const all = seen.ready.anonymousBytes;
    allocated[form] = all;
    ours[form] = { ready: shown(seen.ready), used: shown(seen.used), "bytes a weight, before the first request": digits(all / parameters) };
  }
  if (allocated.exact !== undefined) {
    ours["exact, beside the weights before the first request"] = megabytes(allocated.exact - bytesOf.weights);
    const folder = await mkdtemp(join(tmpdir(), "loam-serve-memory-"));
    try {
      say(`loam serve of a model ${widerBy} times as wide in the middle`);
      const more = 4 * ((await writeWider(model.config, await modelText(localModel(file).files), folder)) - parameters);
      const seen = await watched(loamServer(join(folder, "wider.gguf"), { ...choice, form: "exact" }), []);
      const slope = digits((seen!.ready.anonymousBytes - allocated.exact) / more);
      ours[`exact, ${megabytes(more)} MB of weights more`] = shown(seen!.ready);
      bars.push({
        name: "exact: bytes allocated for a further byte of weights (with a second copy: 2)",
        want: `< ${allowedSlope}`,
        got: slope,
        holds: slope < allowedSlope,
      });
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  }
  const start = await startBars(file, say, scale);
  bars.push(...start.bars);
  const llama = findLlamaServer(peers);
  const notes: string[] = Object.keys(allocated).length ? [] : ["this system does not tell what a process takes (/proc/PID/smaps_rollup)"];
  const theirs: Record<string, unknown> = {};
  if (llama === undefined) notes.push("no llama.cpp: neither LOAM_LLAMA_CPP, the search path nor bench/peers has a llama-server");
  else {
    say("llama-server");
    // a peer that fails is reported; ours must not
    const seen = await watched(llamaServer(llama, file, choice), requests).catch((error: unknown) => {
      notes.push(`llama-server failed: ${error instanceof Error ? error.message : String(error)}`);
      return undefined;
    });
    if (seen)
      theirs["llama-server, Q4_1 as it is, keys and values in 16 bits"] = {
        ready: shown(seen.ready),
        used: shown(seen.used),
        version: llamaVersion(llama),
      };
  }
  return {
    method: `SmolLM2-135M-Instruct (${megabytes(parameters)} M weights) from its Q4_1 file, ${choice.slots} slots of ${choice.context} tokens; MB of the server's process once it is ready and after ${requests.length} requests in all slots, a server at a time`,
    ours: {
      "weights in 32 bits": megabytes(bytesOf.weights),
      "keys and values in 32 bits": megabytes(bytesOf.keysAndValues),
      ...ours,
      start: start.shown,
    },
    peers: theirs,
    ratios: {},
    bars,
    notes,
  };
}
