/** What a page needs of a version: its program and weights as files, its texts, what was measured, and the programs that the page runs. */
import { existsSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { type Json, treePaths } from "../../base/index.ts";
import { deployErrors, type WebParts, type WebSizes, type WebWeights } from "../../deploy/index.ts";
import {
  type DecoderConfig,
  type DecoderParameters,
  disposeTree,
  type FilesReader,
  generate,
  type ModelConfig,
  type ParameterSpec,
  specOfModel,
  stepOnnx,
  weightFiles,
} from "../../nn/index.ts";
import type { ServedModel } from "../../serve/index.ts";
import { type Device, type DeviceArray, openDevice, sizeOf, writeModel } from "../../tensor/index.ts";
import type { Watch } from "../call.ts";
import { type Closeness, closeness, measuredText, modelText, type Quantisation, quantisedParameters } from "../models/index.ts";
import { packageFolder } from "../package.ts";
import { readServedModel } from "../serving/read-model.ts";

/** The form of the server that has the same codes. */
const forms: { readonly [F in Exclude<WebWeights, "f32">]: Quantisation } = { q8: "int8-blocks", q4: "int4" };

/** Bytes a weight: codes, and a scale of 4 bytes for 32 of them; in 4 bits a least value too. */
const bytesPerWeight = { f32: 4, q8: 1 + 4 / 32, q4: 0.5 + 8 / 32 } as const;

/** Bytes of a decoder's weights in each form, before any is read. */
export function webSizes(model: ModelConfig): WebSizes {
  const leaves = treePaths<ParameterSpec>(specOfModel(model) as never);
  const size = (form: WebWeights): number =>
    leaves.reduce((sum, [path, { shape }]) => {
      const isMatrix = shape.length === 2 && path !== "position";
      const as = !isMatrix ? "f32" : form === "q4" && !path.startsWith("blocks") ? "q8" : form;
      return sum + sizeOf(shape) * bytesPerWeight[as];
    }, 0);
  return { f32: size("f32"), q8: Math.ceil(size("q8")), q4: Math.ceil(size("q4")) };
}

/** Bytes of a file of weights, beyond which another begins: hosts bound the size of a file, and a broken download begins again with one. */
const fileBytes = 24 * (1 << 20);
/** Tokens of the text that a quantised form is measured on. */
const measuredTokens = 2048;

/** Prompts whose completions the page compares before it trusts a device. */
const probePrompts = ["The", "Dear Anna,\n", "1, 2, 3,"];
const probeTokens = 12;

async function bytesOf(arrays: readonly DeviceArray[], sizeBytes: number): Promise<Uint8Array> {
  const whole = new Uint8Array(sizeBytes);
  let at = 0;
  for (const array of arrays) {
    const data = array.memory.host() ?? (await array.read());
    whole.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength), at);
    at += data.byteLength;
  }
  return whole;
}

async function probesOf(model: ServedModel, parameters: DecoderParameters, device: Device) {
  const config: DecoderConfig =
    model.config.positions === "rotary" ? { ...model.config, context: Math.min(model.config.context, 64) } : model.config;
  const probes: { prompt: number[]; answer: number[] }[] = [];
  for (const text of probePrompts) {
    const start = model.startToken === undefined ? [] : [model.startToken];
    const prompt = [...start, ...Array.from(model.tokenizer.encode(text, { addSpecialTokens: false }))];
    if (prompt.length === 0 || prompt.length + probeTokens > config.context) continue;
    const answer: number[] = [];
    for await (const token of generate({ config, parameters, device }, prompt, { sampling: { temperature: 0 }, maxTokens: probeTokens }))
      answer.push(token);
    probes.push({ prompt, answer });
  }
  return probes;
}

/** Errors: deploy/wish where blocks of 32 do not divide a width. */
async function inForm(model: ServedModel, device: Device, weights: WebWeights): Promise<DecoderParameters> {
  if (weights === "f32") return model.parameters;
  const odd = [model.config.width, model.config.hidden, model.config.heads * model.config.headSize].find(n => n % 32 !== 0);
  if (odd !== undefined)
    throw deployErrors.fail("wish", {
      place: `loam deploy web: --weights ${weights}`,
      expected: "a model whose widths 32 divides",
      received: String(odd),
      hint: "Use --weights f32.",
    });
  return quantisedParameters(model, device, forms[weights]);
}

const told = (near: Closeness, text: string): Json => ({
  text,
  tokens: near.tokens,
  loss: Math.log(near.perplexity),
  fullLoss: Math.log(near.fullPerplexity),
  divergence: near.divergence,
  agreement: near.agreement,
});

const runtimeName = "onnxruntime-web";
const runtimeFiles = {
  wasm: ["ort.wasm.min.mjs", "ort-wasm-simd-threaded.mjs", "ort-wasm-simd-threaded.wasm"],
  webgpu: ["ort.webgpu.min.mjs", "ort-wasm-simd-threaded.asyncify.mjs", "ort-wasm-simd-threaded.asyncify.wasm"],
} as const;
const pageFiles = ["loam-web.js", "page.js", "service-worker.js"] as const;

/** The runtime's folder, from the project or from Loam's package. Errors: deploy/missing. */
function runtimeFolder(from: readonly string[]): string {
  for (const folder of from)
    try {
      return dirname(createRequire(join(folder, "package.json")).resolve(`${runtimeName}/wasm`));
    } catch {
      // the next place
    }
  throw deployErrors.fail("missing", {
    place: "loam deploy web",
    expected: `the package ${runtimeName}, which the page runs`,
    received: "none",
    hint: `Install it: npm install ${runtimeName}@1.30.0.`,
  });
}

function webPrograms(projectFolder: string, webgpu: boolean) {
  const ort = runtimeFolder([projectFolder, packageFolder]);
  const own = join(packageFolder, "dist", "web");
  if (!existsSync(join(own, pageFiles[0])))
    throw deployErrors.fail("missing", {
      place: "loam deploy web",
      expected: "dist/web/loam-web.js",
      received: "none",
      hint: "Build it: npm run build.",
    });
  const { version } = JSON.parse(readFileSync(join(ort, "..", "package.json"), "utf8")) as { readonly version: string };
  const programs = [
    ...pageFiles.map(name => ({ path: name, bytes: readFileSync(join(own, name)) })),
    ...[...runtimeFiles.wasm, ...(webgpu ? runtimeFiles.webgpu : [])].map(name => ({
      path: `ort/${name}`,
      bytes: readFileSync(join(ort, name)),
    })),
  ];
  return { programs, version };
}

export interface WebPartsOptions {
  readonly weights: WebWeights;
  readonly context: number;
  readonly webgpu: boolean;
  /** A file of text that the loss of a quantised form is measured on; default: generated sentences. */
  readonly text?: string | undefined;
}

/** Errors: deploy/missing, deploy/wish, project/family, project/argument, and those of the model's files. */
export async function webParts(
  files: FilesReader,
  label: string,
  { folder, cwd }: { readonly folder: string; readonly cwd: string },
  { weights, context, webgpu, text }: WebPartsOptions,
  watch: Watch,
): Promise<WebParts> {
  const { programs, version } = webPrograms(folder, webgpu);
  const device = openDevice("cpu");
  const texts = await modelText(files);
  const served = await readServedModel(files, device, { id: label, fingerprint: "" });
  const model: ServedModel = served.config.positions === "rotary" ? { ...served, config: { ...served.config, context } } : served;
  let parameters = served.parameters;
  try {
    parameters = await inForm(model, device, weights);
    watch.signal.throwIfAborted();
    const step = await stepOnnx(model.config, parameters, device);
    const { files: stretches, model: graph } = weightFiles(step, fileBytes, i => `weights-${i}.bin`);
    const probes = await probesOf(model, parameters, device);
    watch.signal.throwIfAborted();
    const measured = weights === "f32" ? undefined : measuredText(text, cwd, "loam deploy web: --text");
    const ids = measured && Array.from(model.tokenizer.encode(measured.text)).slice(0, measuredTokens);
    const near = ids && (await closeness(model.config, device, served.parameters, parameters, ids));
    const kept: { path: string; bytes: Uint8Array }[] = [];
    for (const s of stretches) kept.push({ path: s.name, bytes: await bytesOf(s.parts, s.sizeBytes) });
    const { layers, kvHeads, headSize, vocab } = model.config;
    const { template, bosToken = "", eosToken = "" } = texts;
    return {
      model: {
        layers,
        kvHeads,
        headSize,
        vocab,
        startToken: model.startToken ?? null,
        stopTokens: model.stopTokens ?? [],
        chat: template === undefined ? null : { template, bosToken, eosToken },
        sampling: (model.sampling ?? {}) as Readonly<Record<string, number>>,
        probes,
      },
      graph: writeModel(graph),
      tokenizer: JSON.stringify(texts.tokenizer.toJSON()),
      weightFiles: kept,
      programs,
      facts: { runtime: `${runtimeName} ${version}`, heldOut: near && measured ? told(near, measured.name) : null },
    };
  } finally {
    if (parameters !== served.parameters) disposeTree(parameters);
    disposeTree(served.parameters);
    device.dispose();
  }
}
