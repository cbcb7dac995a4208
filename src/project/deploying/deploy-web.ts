/** A version as a static page that runs it in the browser. */
import { checkWebSize, defaultWebBytes, type WebWeights, type WebWishes, webTarget } from "../../deploy/index.ts";
import { checkModelFiles } from "../../nn/index.ts";
import type { Watch } from "../call.ts";
import { checkFree, projectErrors, wrongArgument } from "../errors.ts";
import type { Workplace } from "../workspace.ts";
import { type ApprovalOptions, refuseGuards, versionToDeploy } from "./approved-version.ts";
import { writePlan } from "./plan-folder.ts";
import { webParts, webSizes } from "./web-parts.ts";

export interface DeployWebOptions extends ApprovalOptions {
  /** A folder of which nothing exists yet. */
  readonly to: string;
  /** Default: f32, which gives the server's tokens. */
  readonly weights?: WebWeights | undefined;
  /** Tokens of prompt and completion; default: the model's, at most 2,048. */
  readonly context?: number | undefined;
  /** Also the build for WebGPU, 27 MB more that only browsers with WebGPU load. */
  readonly webgpu?: boolean | undefined;
  /** Bytes of weights at most; default 1 GiB. */
  readonly mostBytes?: number | undefined;
  /** Also where `serve.blocked` or `serve.moderate` of loam.yaml guards responses: a page has no guards. */
  readonly withoutGuards?: boolean | undefined;
  /** A file of text that the loss of a quantised form is measured on; default: generated sentences. */
  readonly text?: string | undefined;
}

export interface DeployedWeb {
  readonly path: string;
  readonly model: string;
  readonly version: number;
  readonly alias: string | null;
  readonly weights: WebWeights;
  readonly context: number;
  readonly weightBytes: number;
  /** What a visitor's browser loads without WebGPU. */
  readonly downloadBytes: number;
  /** Loss of a quantised form and of the full model, nats a token; null for f32. */
  readonly heldOut: { readonly text: string; readonly tokens: number; readonly loss: number; readonly fullLoss: number } | null;
}

/** Tokens of a context where nobody says: rotary angles and the cache grow with it. */
const defaultContext = 2048;

/**
 * Errors: deploy/unapproved, deploy/wish for a model that a browser cannot hold, deploy/missing without onnxruntime-web; project/exists, project/family;
 * registry/tampered, store/notFound; base/diskFull.
 */
export async function deployWeb(at: Workplace, given: string, options: DeployWebOptions, watch: Watch): Promise<DeployedWeb> {
  const { to, weights = "f32", webgpu = false, mostBytes = defaultWebBytes, text, withoutGuards = false } = options;
  checkFree(to, to);
  await using version = await versionToDeploy(at, given, options, watch);
  refuseGuards(version, "web", withoutGuards, watch);
  const { model, version: number, alias } = version.deployed;
  const place = `loam deploy web ${model}@${number}`;
  const { model: config } = await checkModelFiles(version.files);
  if (config.family !== "decoder" || config.config.classifier)
    throw projectErrors.fail("family", {
      place,
      expected: "a decoder, which continues texts",
      received: config.family === "decoder" ? "a classifier" : `an ${config.family}`,
      hint: "Export it: loam models export --format onnx.",
    });
  checkWebSize(place, webSizes(config), { weights, mostBytes });
  const longest = config.config.context;
  const context = options.context ?? Math.min(longest, defaultContext);
  if (context > longest) throw wrongArgument(`${place}: --context`, `at most the model's ${longest}`, String(context));
  const wishes: WebWishes = { weights, context, webgpu, mostBytes };
  const parts = await webParts(version.files, `${model}@${number}`, at, { weights, context, webgpu, text }, watch);
  const { path, deployment } = writePlan(webTarget(parts), version.deployed, wishes, { cwd: at.cwd, to });
  // facts are plain data that `webTarget` wrote a moment ago
  const { weightBytes, downloadBytes, heldOut } = deployment.facts as unknown as Pick<
    DeployedWeb,
    "weightBytes" | "downloadBytes" | "heldOut"
  >;
  return { path, model, version: number, alias, weights, context, weightBytes, downloadBytes, heldOut };
}
