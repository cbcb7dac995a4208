/**
 * `load()`: the page's model, ready to generate. Tokenizer, template, sampling and stop strings are those of Loam's server, compiled for the browser;
 * the program runs in ONNX Runtime. Nothing is fetched but files of the module's own folder.
 */
import { choiceRandom, type SamplingOptions, sampleToken, samplingOptions, TextStream } from "../../../nn/index.ts";
import { type ChatMessage, chatTemplate, encodeChat, loadTokenizer, type Tokenizer } from "../../../text/index.ts";
import { type WebManifest, webManifestFile } from "../manifest.ts";
import { fetchFile } from "./fetch-file.ts";
import { hasWebGpu, openRuntime, type RuntimeSession, usableThreads, type WebDevice } from "./runtime.ts";
import { StepCache } from "./step-cache.ts";

export interface LoadOptions {
  /** Default: `auto`, WebGPU where it gives the tokens that the manifest has, else wasm. */
  readonly device?: WebDevice | "auto";
  /** Of wasm in an isolated page; default: the machine's, at most 8. */
  readonly threads?: number;
  /** Generate what the manifest has before use, on wasm too. */
  readonly verify?: boolean;
  readonly onProgress?: (loaded: { readonly bytes: number; readonly totalBytes: number }) => void;
  readonly signal?: AbortSignal;
}

export type Prompt = string | readonly ChatMessage[] | { readonly tokens: readonly number[] };

export interface GenerateOptions extends Partial<SamplingOptions> {
  /** Default: what the context leaves. */
  readonly maxTokens?: number;
  /** Texts that end the completion and are not part of it. */
  readonly stop?: readonly string[];
  /** The same seed gives what the server gives for it. Default: another one each time. */
  readonly seed?: number | string;
  readonly signal?: AbortSignal;
}

type FinishReason = "stop" | "length";

export interface WebModel {
  readonly manifest: WebManifest;
  readonly device: WebDevice;
  readonly threads: number;
  readonly tokenizer: Tokenizer;
  /** Tokens of a prompt as the server counts them. */
  promptTokens(prompt: Prompt): number[];
  /** Text as it becomes certain; returns why it ended. One generation at a time. */
  generate(prompt: Prompt, options?: GenerateOptions): AsyncGenerator<string, FinishReason, undefined>;
  /** The same as token ids. */
  generateTokens(prompt: Prompt, options?: GenerateOptions): AsyncGenerator<number, FinishReason, undefined>;
  close(): Promise<void>;
}

interface Opened {
  readonly session: RuntimeSession;
  readonly cache: StepCache;
}

async function openSession(folder: URL, manifest: WebManifest, files: ModelBytes, device: WebDevice, threads: number): Promise<Opened> {
  const runtime = await openRuntime(folder, device, threads);
  const session = await runtime.InferenceSession.create(files.graph, {
    executionProviders: [device],
    externalData: manifest.weightFiles.map(({ path }, i) => ({ path, data: files.weights[i]! })),
    graphOptimizationLevel: "all",
  });
  return { session, cache: new StepCache(runtime, session, manifest) };
}

interface ModelBytes {
  readonly graph: Uint8Array;
  readonly weights: readonly Uint8Array[];
}

async function* draw(
  cache: StepCache,
  { context, stopTokens }: Pick<WebManifest, "context" | "stopTokens">,
  masked: Uint8Array,
  prompt: readonly number[],
  { maxTokens, seed, signal, ...given }: GenerateOptions,
): AsyncGenerator<number, FinishReason, undefined> {
  const sampling = samplingOptions({ endTokens: stopTokens, ...given });
  const random = choiceRandom(seed ?? crypto.getRandomValues(new Uint32Array(1))[0]!, 0);
  if (prompt.length === 0) throw new Error("generate: expected a prompt of at least one token, got none.");
  if (prompt.length >= context)
    throw new Error(`generate: expected a prompt below the context of ${context} tokens, got ${prompt.length}.`);
  const most = Math.min(maxTokens ?? context, context - prompt.length);
  const answer: number[] = [];
  const memory = {};
  while (answer.length < most) {
    const logits = await cache.logits([...prompt, ...answer], signal);
    for (let id = 0; id < logits.length; id++) if (masked[id] !== 0) logits[id] = Number.NEGATIVE_INFINITY;
    const token = sampleToken(logits, { prompt, answer, memory }, sampling, random);
    if (stopTokens.includes(token)) return "stop";
    answer.push(token);
    yield token;
  }
  return "length";
}

/** Whether the program writes what it wrote where it was exported. */
async function isSame(cache: StepCache, { probes, context }: WebManifest, masked: Uint8Array): Promise<boolean> {
  for (const { prompt, answer } of probes) {
    const got: number[] = [];
    const options = { temperature: 0, maxTokens: answer.length };
    for await (const token of draw(cache, { context, stopTokens: [] }, masked, prompt, options)) got.push(token);
    if (got.join() !== answer.join()) return false;
  }
  return true;
}

/** The first device that gives the right tokens. */
async function openBest(folder: URL, manifest: WebManifest, files: ModelBytes, masked: Uint8Array, o: LoadOptions) {
  const { device: asked = "auto", verify = false } = o;
  const threads = usableThreads(o.threads);
  if (asked !== "wasm" && manifest.webgpu && (await hasWebGpu())) {
    const opened = await openSession(folder, manifest, files, "webgpu", 1).catch(error => {
      if (asked === "webgpu") throw error;
    });
    if (opened && (await isSame(opened.cache, manifest, masked))) return { ...opened, device: "webgpu", threads: 1 } as const;
    await opened?.session.release();
  }
  if (asked === "webgpu")
    throw new Error(
      'device: expected WebGPU that gives the exported model\'s tokens, got none. Export with --webgpu, or load with device: "wasm".',
    );
  const opened = await openSession(folder, manifest, files, "wasm", threads);
  if (verify && !(await isSame(opened.cache, manifest, masked)))
    throw new Error("verify: the model does not give the tokens that it was exported with.");
  return { ...opened, device: "wasm", threads } as const;
}

/** The start token in front, as in training; an encoder that has put it there already is believed. */
const withStart = (start: number | null, ids: readonly number[]): number[] =>
  start === null || ids[0] === start ? [...ids] : [start, ...ids];

const isTokens = (prompt: Prompt): prompt is { readonly tokens: readonly number[] } => typeof prompt === "object" && "tokens" in prompt;

/** Loads the model that lies beside this module, or in another folder. Throws an Error where a file is missing or changed. */
export async function load(options: LoadOptions = {}, folder: URL = new URL("./", import.meta.url)): Promise<WebModel> {
  const { onProgress, signal } = options;
  const response = await fetch(new URL(webManifestFile, folder), signal ? { signal } : {});
  if (!response.ok) throw new Error(`${webManifestFile}: expected the file, got HTTP ${response.status}. Copy the whole folder.`);
  const manifest = (await response.json()) as WebManifest;
  const totalBytes = [manifest.graph, manifest.tokenizer, ...manifest.weightFiles].reduce((sum, f) => sum + f.sizeBytes, 0);
  let bytes = 0;
  const heard = (count: number): void => {
    bytes += count;
    onProgress?.({ bytes, totalBytes });
  };
  const graph = await fetchFile(folder, manifest.graph, heard, signal);
  const tokenizer = loadTokenizer(new TextDecoder().decode(await fetchFile(folder, manifest.tokenizer, heard, signal)));
  const weights: Uint8Array[] = [];
  for (const file of manifest.weightFiles) weights.push(await fetchFile(folder, file, heard, signal));
  // ids without a token have no text: rows that pad the vocabulary, and gaps in it
  const masked = Uint8Array.from({ length: manifest.vocab }, (_, id) => (tokenizer.tokenOf(id) === undefined ? 1 : 0));
  const { session, cache, device, threads } = await openBest(folder, manifest, { graph, weights }, masked, options);
  const { chat, startToken } = manifest;
  const template = chat && chatTemplate(chat.template);
  const promptTokens = (prompt: Prompt): number[] => {
    if (isTokens(prompt)) return [...prompt.tokens];
    if (typeof prompt === "string") return withStart(startToken, Array.from(tokenizer.encode(prompt)));
    if (!template) throw new Error("generate: expected a text, got messages: the model has no chat template.");
    const { bosToken = "", eosToken = "" } = chat ?? {};
    return Array.from(encodeChat(tokenizer, template, prompt, { addGenerationPrompt: true, bosToken, eosToken }));
  };
  let isBusy = false;
  async function* generateTokens(prompt: Prompt, o: GenerateOptions = {}): AsyncGenerator<number, FinishReason, undefined> {
    if (isBusy) throw new Error("generate: a generation is running. Wait for it, or stop it.");
    isBusy = true;
    try {
      return yield* draw(cache, manifest, masked, promptTokens(prompt), { ...(manifest.sampling as Partial<SamplingOptions>), ...o });
    } finally {
      isBusy = false;
    }
  }
  async function* generate(prompt: Prompt, { stop = [], ...o }: GenerateOptions = {}): AsyncGenerator<string, FinishReason, undefined> {
    const text = new TextStream(tokenizer.stream({ skipSpecialTokens: true, isContinuation: true }), stop);
    const tokens = generateTokens(prompt, o);
    try {
      for (;;) {
        const { value, done } = await tokens.next();
        const piece = done ? text.end() : text.push(value);
        if (piece) yield piece;
        if (done) return text.stop === undefined ? value : "stop";
        if (text.stop !== undefined) return "stop";
      }
    } finally {
      await tokens.return("stop");
    }
  }
  return { manifest, device, threads, tokenizer, promptTokens, generate, generateTokens, close: () => session.release() };
}
