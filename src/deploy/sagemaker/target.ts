/**
 * `loam deploy sagemaker`: a version as an endpoint of Amazon SageMaker: `model.tar.gz` beside a CloudFormation template with a model, an endpoint
 * configuration (variants by weight, a shadow, asynchronous or serverless inference) and scaling. Its image is that of `loam deploy image`'s variant for SageMaker.
 */
import { stringify } from "yaml";
import { deployErrors } from "../errors.ts";
import type { DeployPlan, DeployTarget, PlanArchive } from "../targets.ts";
import type { DeployedVersion } from "../version.ts";
import { sageMakerTemplate } from "./template.ts";

/** Limits of SageMaker (quotas page, November 2026). */
export const sageMakerLimits = {
  /** Of a serverless endpoint's image, uncompressed. */
  serverlessImageBytes: 10e9,
  serverlessMemoryMb: [1024, 2048, 3072, 4096, 5120, 6144],
  serverlessConcurrency: 200,
  variants: 10,
  /** Of a request and of a response in real time. */
  payloadBytes: 25e6,
  serverlessPayloadBytes: 4e6,
} as const;

export interface SageMakerVariant {
  readonly name: string;
  /** Where its model.tar.gz lies: s3://... ; null: the one of this deployment. */
  readonly data: string | null;
  /** Its image; null: the same. */
  readonly image: string | null;
  readonly weight: number;
}

export interface SageMakerWishes {
  readonly archive: PlanArchive | null;
  readonly form: string;
  readonly neededMb: number;
  readonly slots: number;
  readonly context: number;
  readonly kind: "real-time" | "serverless" | "async";
  /** Of real-time and asynchronous endpoints. */
  readonly instance: string;
  readonly instances: readonly [least: number, most: number];
  /** Of serverless ones; null: the least that the model fits. */
  readonly memoryMb: number | null;
  readonly concurrency: number;
  /** Of this deployment's variant, among others. */
  readonly weight: number;
  readonly others: readonly SageMakerVariant[];
  /** Gets a copy of each request, and its responses go nowhere. */
  readonly shadow: SageMakerVariant | null;
}

const wish = (place: string, expected: string, received: string, hint?: string) =>
  deployErrors.fail("wish", { place: `loam deploy sagemaker: ${place}`, expected, received, ...(hint === undefined ? {} : { hint }) });

/** The least memory of a serverless endpoint that the model fits. Errors: deploy/tooLarge, deploy/wish. */
export function serverlessMemory({ memoryMb, neededMb, form }: SageMakerWishes): number {
  const { serverlessMemoryMb: sizes } = sageMakerLimits;
  const fits = sizes.find(mb => mb >= neededMb);
  if (fits === undefined)
    throw deployErrors.fail("tooLarge", {
      place: "loam deploy sagemaker: --kind serverless",
      expected: `a model that needs at most ${sizes.at(-1)} MB`,
      received: `${neededMb} MB, served as ${form}`,
      hint: "Lower --context, or use --kind real-time.",
    });
  if (memoryMb === null) return fits;
  if (!sizes.some(mb => mb === memoryMb)) throw wish("--memory", `one of ${sizes.join(", ")}`, String(memoryMb));
  if (memoryMb < neededMb) throw wish("--memory", `at least ${fits}, for a model that needs ${neededMb} MB`, String(memoryMb));
  return memoryMb;
}

/** Errors: deploy/wish, deploy/tooLarge. */
function checkWishes(w: SageMakerWishes): void {
  const [least, most] = w.instances;
  if (least > most) throw wish("--instances", "LEAST:MOST, the least first", `${least}:${most}`);
  if (least === 0 && w.kind !== "async")
    throw wish("--instances", "at least 1: only asynchronous endpoints scale to none", "0", "Use --kind async or --kind serverless.");
  if (w.others.length + 1 > sageMakerLimits.variants)
    throw wish("--variant", `${sageMakerLimits.variants} variants at most`, String(w.others.length + 1));
  const names = ["main", ...w.others.map(v => v.name), ...(w.shadow ? [w.shadow.name] : [])];
  const twice = names.find((n, i) => names.indexOf(n) !== i);
  if (twice !== undefined) throw wish("--variant", "a name of its own for each variant", twice);
  const wrong = names.find(n => !/^[A-Za-z][A-Za-z0-9]{0,30}$/.test(n));
  if (wrong !== undefined) throw wish("--variant", "a name of letters and digits", JSON.stringify(wrong));
  if (w.kind === "serverless") {
    serverlessMemory(w);
    if (w.shadow) throw wish("--shadow", "--kind real-time", w.kind, "Serverless endpoints have no shadow variants.");
    if (w.concurrency > sageMakerLimits.serverlessConcurrency)
      throw wish("--concurrency", `${sageMakerLimits.serverlessConcurrency} at most`, String(w.concurrency));
  }
  if (w.kind === "async" && (w.shadow || w.others.length > 0))
    throw wish("--kind async", "one variant", `${w.others.length + 1 + (w.shadow ? 1 : 0)}`, "Variants and shadows are of real-time endpoints.");
}

function planSageMaker(v: DeployedVersion, w: SageMakerWishes): DeployPlan {
  checkWishes(w);
  return {
    files: [{ path: "template.yaml", text: stringify(sageMakerTemplate(v, w), { version: "1.1", lineWidth: 0, aliasDuplicateObjects: false }) }],
    archives: w.archive === null ? [] : [w.archive],
    facts: {
      kind: w.kind,
      form: w.form,
      neededMb: w.neededMb,
      memoryMb: w.kind === "serverless" ? serverlessMemory(w) : null,
      instance: w.kind === "serverless" ? null : w.instance,
      mostRequestBytes: w.kind === "serverless" ? sageMakerLimits.serverlessPayloadBytes : sageMakerLimits.payloadBytes,
    },
  };
}

export const sageMakerTarget: DeployTarget<SageMakerWishes> = { name: "sagemaker", plan: planSageMaker };
