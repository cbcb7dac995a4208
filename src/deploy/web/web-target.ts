/** A small model as a static page: the folder's files from a version's exported parts. What is measured and computed comes in as parts. */
import { formatBytes, type Json, sha256 } from "../../base/index.ts";
import { deployErrors } from "../errors.ts";
import type { DeployPlan, DeployTarget, PlanFile } from "../targets.ts";
import type { DeployedVersion } from "../version.ts";
import { type WebFile, type WebManifest, webManifestFile } from "./manifest.ts";
import { pageHeaders, pageMarkup, pageStyle } from "./page-files.ts";

export const webWeightForms = ["f32", "q8", "q4"] as const;
export type WebWeights = (typeof webWeightForms)[number];

export interface WebWishes {
  readonly weights: WebWeights;
  /** Tokens of prompt and completion together. */
  readonly context: number;
  readonly webgpu: boolean;
  /** Bytes of weights at most. */
  readonly mostBytes: number;
}

/** Default bound of the weights: what a visitor may be asked to download, and a phone's browser to hold. */
export const defaultWebBytes = 1 << 30;
/** Bound that no wish passes: WebAssembly's memory has 4 GB, of which the program, its cache and a copy while a file is read take the rest. */
export const mostWebBytes = 3 * (1 << 30);

/** Bytes of the weights in each form. */
export type WebSizes = { readonly [F in WebWeights]: number };

/** Errors: deploy/wish with the size of each form, and which fit. */
export function checkWebSize(place: string, sizes: WebSizes, { weights, mostBytes }: Pick<WebWishes, "weights" | "mostBytes">): void {
  if (mostBytes > mostWebBytes)
    throw deployErrors.fail("wish", {
      place: `${place}: --max-size`,
      expected: `at most ${formatBytes(mostWebBytes)}: WebAssembly has 4 GB of memory for weights, cache and program`,
      received: formatBytes(mostBytes),
    });
  if (sizes[weights] <= mostBytes) return;
  const fitting = webWeightForms.filter(f => sizes[f] <= mostBytes);
  const possible = webWeightForms.filter(f => sizes[f] <= mostWebBytes);
  throw deployErrors.fail("wish", {
    place: `${place}: --weights ${weights}`,
    expected: `weights of at most ${formatBytes(mostBytes)}`,
    received: webWeightForms.map(f => `${f} ${formatBytes(sizes[f])}`).join(", "),
    hint:
      fitting.length > 0
        ? `Use --weights ${fitting[0]}.`
        : possible.length > 0
          ? `Use --weights ${possible.at(-1)} --max-size ${formatBytes(sizes[possible.at(-1)!]).replace(" ", "")}, or a smaller model.`
          : "No form fits a browser's memory: use a smaller model, or serve it.",
  });
}

export interface WebParts {
  readonly model: Omit<
    WebManifest,
    "format" | "model" | "version" | "fingerprint" | "weights" | "context" | "webgpu" | "graph" | "tokenizer" | "weightFiles"
  >;
  readonly graph: Uint8Array;
  readonly tokenizer: string;
  readonly weightFiles: readonly { readonly path: string; readonly bytes: Uint8Array }[];
  /** The page's programs and the runtime. */
  readonly programs: readonly { readonly path: string; readonly bytes: Uint8Array }[];
  /** What was measured. */
  readonly facts: Readonly<Record<string, Json>>;
}

const fileOf = (path: string, bytes: Uint8Array): WebFile => ({ path, sizeBytes: bytes.length, digest: sha256(bytes) });

function planWeb(parts: WebParts, v: DeployedVersion, wishes: WebWishes): DeployPlan {
  const { weights, context, webgpu } = wishes;
  const tokenizer = Buffer.from(parts.tokenizer);
  const manifest: WebManifest = {
    format: 1,
    model: v.model,
    version: v.version,
    fingerprint: v.fingerprint,
    weights,
    context,
    webgpu,
    ...parts.model,
    graph: fileOf("model.onnx", parts.graph),
    tokenizer: fileOf("tokenizer.json", tokenizer),
    weightFiles: parts.weightFiles.map(f => fileOf(f.path, f.bytes)),
  };
  const files: PlanFile[] = [
    { path: "index.html", text: pageMarkup(`${v.model}@${v.version}`) },
    { path: "page.css", text: pageStyle },
    { path: "_headers", text: pageHeaders },
    { path: webManifestFile, text: `${JSON.stringify(manifest, undefined, 1)}\n` },
    { path: "model.onnx", text: parts.graph },
    { path: "tokenizer.json", text: tokenizer },
    ...[...parts.weightFiles, ...parts.programs].map(f => ({ path: f.path, text: f.bytes })),
  ];
  const bytesOf = (list: readonly { readonly bytes: Uint8Array }[]) => list.reduce((sum, f) => sum + f.bytes.length, 0);
  const downloaded = parts.programs.filter(f => !f.path.includes("webgpu") && !f.path.includes("asyncify"));
  const weightBytes = bytesOf(parts.weightFiles);
  return {
    files,
    facts: {
      ...parts.facts,
      weightBytes,
      downloadBytes: weightBytes + parts.graph.length + tokenizer.length + bytesOf(downloaded),
    },
  };
}

export const webTarget = (parts: WebParts): DeployTarget<WebWishes> => ({
  name: "web",
  plan: (version, wishes) => planWeb(parts, version, wishes),
});
