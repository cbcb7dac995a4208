/** `loam deploy lambda`: a function of AWS Lambda as files: the archive or image that it runs, and a CloudFormation template around it. */
import { stringify } from "yaml";
import { deployErrors } from "../errors.ts";
import type { DeployPlan, DeployTarget, PlanArchive } from "../targets.ts";
import type { DeployedVersion } from "../version.ts";
import { checkLambdaRange, type LambdaPackage, lambdaLimits } from "./limits.ts";
import { lambdaRuntime, lambdaTemplate } from "./template.ts";

export interface LambdaWishes {
  readonly package: LambdaPackage;
  readonly architecture: "x86_64" | "arm64";
  readonly mode: "stream" | "buffered";
  readonly auth: "AWS_IAM" | "NONE";
  readonly memoryMb: number;
  readonly timeoutSeconds: number;
  /** Of /tmp. */
  readonly storageMb: number;
  /** Reserved; null: the account's. */
  readonly concurrency: number | null;
  /** How the weights are stored: as the version has them, or anew. */
  readonly weightsForm: string;
  /** How they are served: `loam serve --quantize`. */
  readonly form: string;
  /** What the model needs, as computed. */
  readonly neededMb: number;
  /** Of all files, unpacked. */
  readonly unpackedBytes: number;
  readonly archive: PlanArchive | null;
  /** In a registry, by its digest. */
  readonly image: string | null;
  /** Of an image: arguments after its entry point. */
  readonly command: readonly string[];
}

const yamlText = (document: object): string => stringify(document, { version: "1.1", lineWidth: 0, aliasDuplicateObjects: false });

/** Errors: deploy/wish, deploy/tooLarge for memory. */
function checkWishes(w: LambdaWishes): void {
  const { leastMemoryMb, mostMemoryMb, mostTimeoutSeconds, leastStorageMb, mostStorageMb } = lambdaLimits;
  if (w.neededMb > mostMemoryMb)
    throw deployErrors.fail("tooLarge", {
      place: "loam deploy lambda: memory",
      expected: `a model that needs at most ${mostMemoryMb} MB`,
      received: `${w.neededMb} MB, served as ${w.form}`,
      hint: "Lower --context, or deploy it elsewhere: loam deploy kubernetes, sagemaker or cloud-run.",
    });
  checkLambdaRange("--memory", w.memoryMb, leastMemoryMb, mostMemoryMb, "megabytes");
  checkLambdaRange("--timeout", w.timeoutSeconds, 1, mostTimeoutSeconds, "seconds");
  checkLambdaRange("--storage", w.storageMb, leastStorageMb, mostStorageMb, "megabytes");
  if (w.memoryMb < w.neededMb)
    throw deployErrors.fail("wish", {
      place: "loam deploy lambda: --memory",
      expected: `at least ${w.neededMb}, which the model needs served as ${w.form}`,
      received: String(w.memoryMb),
      hint: "Leave it out, or lower --context.",
    });
}

function planLambda(v: DeployedVersion, w: LambdaWishes): DeployPlan {
  checkWishes(w);
  const sent = w.archive === null ? null : w.archive.sizeBytes <= lambdaLimits.directUploadBytes ? "direct or S3" : "S3";
  return {
    files: [{ path: "template.yaml", text: yamlText(lambdaTemplate(v, w)) }],
    archives: w.archive === null ? [] : [w.archive],
    facts: {
      unpackedBytes: w.unpackedBytes,
      unpackedLimit: w.package === "zip" ? lambdaLimits.unzippedBytes : lambdaLimits.imageBytes,
      upload: sent,
      runtime: w.package === "zip" ? lambdaRuntime : null,
      neededMb: w.neededMb,
      memoryMb: w.memoryMb,
      weightsForm: w.weightsForm,
      form: w.form,
      mostResponseBytes: w.mode === "stream" ? lambdaLimits.streamedBytes : lambdaLimits.bufferedBytes,
    },
  };
}

export const lambdaTarget: DeployTarget<LambdaWishes> = { name: "lambda", plan: planLambda };
