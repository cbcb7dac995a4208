/**
 * Memory of a served SmolLM2-135M, from Linux' own account of the process: what the weights and the keys and values must take, and what is there
 * beside them. What stands there of the weights a second time would show in the rest.
 */
import { localModel } from "../src/cli/models/paths.ts";
import { checkModelFiles, countParameters, specOfModel } from "../src/nn/index.ts";
import { type Bar, type BenchContext, type BenchResult, digits } from "./harness.ts";
import { runLoad } from "./serving/load.ts";
import { type LoadRequest, mailRequests, smolLm } from "./serving/model.ts";
import {
  findLlamaServer,
  llamaServer,
  llamaVersion,
  loamServer,
  type MemoryUse,
  type ServerProgram,
  startServer,
} from "./serving/server.ts";

const choice = { slots: 8, context: 1024 } as const;
const clients = choice.slots;
const requestCount = 48;
const prompts = { least: 64, most: 512 } as const;
const answers = { least: 8, most: 32 } as const;
/** Beside the weights: Node, ONNX Runtime, programs, the memory between operators. More than half of the weights would be suspect. */
const allowedRest = 0.5;

interface Seen {
  /** Once it is ready, before the first request. */
  readonly ready: MemoryUse;
  /** After a load in all slots. */
  readonly used: MemoryUse;
}

async function watched(program: ServerProgram, requests: readonly LoadRequest[]): Promise<Seen | undefined> {
  await using server = await startServer(program);
  const { data } = (await (await fetch(`${server.url}/v1/models`)).json()) as { data: { id: string }[] };
  const ready = server.memory();
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
    const beside = allocated.exact - bytesOf.weights;
    const share = digits(beside / bytesOf.weights);
    ours["exact, beside the weights before the first request"] = megabytes(beside);
    bars.push({
      name: "exact: what is allocated beside the weights before the first request, as a share of them (a second copy would be 1)",
      want: `< ${allowedRest}`,
      got: share,
      holds: share < allowedRest,
    });
  }
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
    ours: { "weights in 32 bits": megabytes(bytesOf.weights), "keys and values in 32 bits": megabytes(bytesOf.keysAndValues), ...ours },
    peers: theirs,
    ratios: {},
    bars,
    notes,
  };
}
