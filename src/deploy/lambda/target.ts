/** `loam deploy lambda`: a function of AWS Lambda as files: the archive or image that it runs, and a CloudFormation template around it. */
import { stringify } from "yaml";
import { deployErrors } from "../errors.ts";
import type { DeployPlan, DeployTarget } from "../targets.ts";
import type { DeployedVersion } from "../version.ts";
import { checkLambdaRange, lambdaLimits } from "./limits.ts";
import { lambdaRuntime, lambdaTemplate } from "./template.ts";
import type { LambdaWishes } from "./wishes.ts";

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
      guards: w.guards,
      mostResponseBytes: w.mode === "stream" ? lambdaLimits.streamedBytes : lambdaLimits.bufferedBytes,
    },
  };
}

export const lambdaTarget: DeployTarget<LambdaWishes> = { name: "lambda", plan: planLambda };
