/** The most that a server has taken: models of random numbers to serve, and VmHWM of a fresh process whose sequences were all at full length. */
import { basename, dirname, join } from "node:path";
import { random } from "../../src/base/index.ts";
import type { PodForm } from "../../src/deploy/index.ts";
import { decoderSpec, disposeTree, folderFiles, initialise, llamaConfig, modelGguf, modelOf } from "../../src/nn/index.ts";
import { ggufTextEntries } from "../../src/project/models/gguf-text.ts";
import type { ModelText } from "../../src/project/models/model-text.ts";
import { openDevice } from "../../src/tensor/index.ts";
import { runLoad } from "./load.ts";
import { loamServer, startServer } from "./server.ts";

/** Requests per sequence: heaps have grown by then. */
export const peakRounds = 3;
const completionTokens = 16;

export interface ServedSubject {
  readonly name: string;
  readonly path: string;
  readonly slots: number;
  readonly context: number;
  /** Default: `exact`. */
  readonly form?: PodForm;
  /** Further flags of `loam serve`. */
  readonly more?: readonly string[];
}

export interface DecoderSize {
  readonly vocab: number;
  readonly layers: number;
  readonly width: number;
  readonly heads: number;
  readonly kvHeads: number;
  readonly context: number;
}

/** A decoder of random weights beside a tokenizer, as a GGUF file in `folder`; answers its path. */
export async function writeRandomDecoder(folder: string, name: string, size: DecoderSize, text: ModelText): Promise<string> {
  const config = { ...llamaConfig(size), tied: true };
  const parameters = await initialise(decoderSpec(config), openDevice("cpu"), name);
  const path = join(folder, `${name}.gguf`);
  const content = modelGguf(modelOf({ family: "decoder", config }, parameters), "F32", ggufTextEntries(text, config.vocab));
  await folderFiles(dirname(path)).writeStream(basename(path), content);
  disposeTree(parameters);
  return path;
}

/** VmHWM of one fresh server after a load in all sequences, whole; undefined where the system does not tell. */
export async function peakOf(
  { path, slots, context, form = "exact", more = [] }: ServedSubject,
  vocabulary: number,
  seed: string,
): Promise<number | undefined> {
  await using server = await startServer(loamServer(path, { slots, context, form, more }));
  const { data } = (await (await fetch(`${server.url}/v1/models`)).json()) as { data: { id: string }[] };
  const r = random(seed);
  const requests = Array.from({ length: peakRounds * slots }, () => ({
    prompt: Array.from({ length: context - completionTokens }, () => 3 + r.below(vocabulary - 4)),
    maxTokens: completionTokens,
  }));
  // more clients than sequences: some wait
  await runLoad(server.url, data[0]!.id, requests, 2 * slots);
  return server.memory()?.peakBytes;
}
