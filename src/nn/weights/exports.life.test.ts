/** What Loam exports, read by the libraries it is for: `transformers` (safetensors folders) and ONNX Runtime's own Python package. */
import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, expect, test } from "vitest";
import { random } from "../../base/index.ts";
import { compile, openDevice, type Tensor } from "../../tensor/index.ts";
import { type Decoder, type DecoderConfig, decoderLogits, decoderSpec, gpt2Config, llamaConfig } from "../decoder.ts";
import { modelOf } from "../families.ts";
import { initialise } from "../parameters.ts";
import { folderFiles } from "./folder.ts";
import { exportHuggingFace } from "./huggingface.ts";
import { scoringOnnx } from "./onnx.ts";

const peers = fileURLToPath(new URL("../../../bench/peers", import.meta.url));
const python = join(peers, ".venv/bin/python");
function lacking(): string | undefined {
  if (!existsSync(python)) return "bench/peers/.venv is not there; `npm run bench -- peers` makes it";
  try {
    execFileSync(python, ["-c", "import torch, transformers, onnxruntime"], { stdio: "ignore" });
    return undefined;
  } catch {
    return process.env.LOAM_TORCH_REASON ?? "torch, transformers or onnxruntime is not in bench/peers/.venv";
  }
}
const why = lacking();

const device = openDevice("cpu", { threads: 1 });
const root = mkdtempSync(join(tmpdir(), "loam-exports-"));
afterAll(() => rmSync(root, { recursive: true, force: true }));
const size = { vocab: 61, width: 32, layers: 2, heads: 4, context: 24 } as const;
const gemma: DecoderConfig = {
  ...llamaConfig({ ...size, kvHeads: 2 }),
  activation: "geglu",
  tied: true,
  window: 6,
  embeddingScale: Math.sqrt(size.width),
  postNorm: true,
};
const configs: Readonly<Record<string, DecoderConfig>> = {
  GPT2LMHeadModel: gpt2Config(size),
  LlamaForCausalLM: { ...llamaConfig({ ...size, kvHeads: 2 }), tied: true },
  MistralForCausalLM: { ...llamaConfig({ ...size, kvHeads: 1 }), window: 6 },
  Qwen2ForCausalLM: { ...llamaConfig({ ...size, kvHeads: 2 }), qkvBias: true },
  Qwen3ForCausalLM: { ...llamaConfig({ ...size, kvHeads: 2 }), headSize: 16, qkNorm: true },
  Gemma2ForCausalLM: { ...gemma, windowLayers: [0], scoreCap: 3, logitCap: 20, scoreScale: 0.25 },
  Gemma3ForCausalLM: { ...gemma, windowLayers: [1], qkNorm: true, rotaryBase: 1000, windowRotaryBase: 50, rotaryFactors: [2, 2, 2, 2] },
};

test.skipIf(why !== undefined)(
  `exported folders and ONNX files have the model's logits in transformers and ONNX Runtime${why ? ` (skipped: ${why})` : ""}`,
  async () => {
    const r = random("exports");
    const cases: object[] = [];
    const wanted: Float32Array[] = [];
    for (const [name, base] of Object.entries(configs)) {
      const config = { ...base, deviation: 0.3 };
      const model = modelOf({ family: "decoder", config }, await initialise(decoderSpec(config), device, name));
      await exportHuggingFace(folderFiles(join(root, name)), model);
      writeFileSync(join(root, `${name}.onnx`), await scoringOnnx(model, device, 20));
      const tokens = Array.from({ length: 13 }, () => r.below(size.vocab));
      cases.push({ folder: name, onnx: `${name}.onnx`, tokens });
      const program = compile((p: Decoder, t: Tensor) => decoderLogits(config, p, t), { device });
      const given = await device.array(Int32Array.from(tokens), "i32", [1, tokens.length]);
      wanted.push((await (await program(model.parameters as never, given)).read()) as Float32Array);
    }
    writeFileSync(join(root, "cases.json"), JSON.stringify(cases));
    const said = execFileSync(python, [join(peers, "model_exports.py"), root], {
      maxBuffer: 2 ** 26,
      stdio: ["ignore", "pipe", "pipe"],
    });
    const found = JSON.parse(said.toString()) as {
      transformers: number[];
      onnx: number[];
      missing: string[];
      unexpected: string[];
      architecture: string;
    }[];
    expect(found.map(f => f.architecture)).toEqual(Object.keys(configs));
    for (const [i, { transformers, onnx, missing, unexpected, architecture }] of found.entries()) {
      expect([missing, unexpected], architecture).toEqual([[], []]);
      const far = (theirs: number[]) => Math.max(...theirs.map((x, j) => Math.abs(x - wanted[i]![j]!)));
      expect(Math.max(...wanted[i]!.map(Math.abs))).toBeGreaterThan(1);
      expect(far(transformers), `${architecture} in transformers`).toBeLessThan(1e-4);
      expect(far(onnx), `${architecture} in ONNX Runtime`).toBeLessThan(1e-4);
    }
  },
);
