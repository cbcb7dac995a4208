/**
 * `loam deploy sagemaker`: a version as an endpoint of Amazon SageMaker: `model.tar.gz` beside a CloudFormation template with a model, an endpoint
 * configuration (variants by weight, a shadow, asynchronous or serverless inference) and scaling. Its image is that of `loam deploy image`'s variant for SageMaker.
 */
import { stringify } from "yaml";
import type { DeployPlan, DeployTarget } from "../targets.ts";
import type { DeployedVersion } from "../version.ts";
import { sageMakerTemplate } from "./template.ts";
import { type SageMakerWishes, sageMakerLimits, serverlessMemory, sageMakerWish as wish } from "./wishes.ts";

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
    throw wish(
      "--kind async",
      "one variant",
      `${w.others.length + 1 + (w.shadow ? 1 : 0)}`,
      "Variants and shadows are of real-time endpoints.",
    );
}

function planSageMaker(v: DeployedVersion, w: SageMakerWishes): DeployPlan {
  checkWishes(w);
  return {
    files: [
      { path: "template.yaml", text: stringify(sageMakerTemplate(v, w), { version: "1.1", lineWidth: 0, aliasDuplicateObjects: false }) },
    ],
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
