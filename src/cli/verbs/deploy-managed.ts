/** `loam deploy sagemaker`, `cloud-run` and `azure-functions`: a version for managed platforms, as a folder. */
import { formatBytes } from "../../base/index.ts";
import {
  type DeployedFolder,
  deployAzureFunctions,
  deployCloudRun,
  deploySageMaker,
  type SageMakerVariant,
} from "../../project/deploying/index.ts";
import { wrongArgument } from "../../project/index.ts";
import { choiceOption, listOption, numberOption, textOption } from "../options.ts";
import { quietWatchOf } from "../show-call.ts";
import type { Context, Options, VerbRun } from "../verb.ts";
import { workplaceOf } from "../verb-folder.ts";

function show({ out }: Context, deployed: DeployedFolder): void {
  out.clear();
  const { model, version, alias, files, facts, path } = deployed;
  out.line(`  ${model}@${version}${alias === null ? "" : ` (${alias})`}   served as ${facts.form}   needs ${facts.neededMb} MB`);
  for (const f of files) out.line(`    ${f.path.padEnd(18)} ${formatBytes(f.sizeBytes).padStart(9)}   sha256:${f.digest}`);
  out.line(`  ${path}`);
  out.result(deployed);
}

/** What each of them takes. */
const commonOf = (given: string, options: Options, verb: string) => ({
  to: textOption(options, "to") ?? `${given.replaceAll(/[^\w.-]/g, "-")}-${verb.slice("deploy ".length)}`,
  quantize: textOption(options, "quantize"),
  slots: numberOption(options, "slots", verb, { least: 1, most: 1000, whole: true }),
  context: numberOption(options, "context", verb, { least: 16, most: 1_048_576, whole: true }),
  unapproved: options.unapproved === true,
});

/** `LEAST:MOST`. */
function instancesOf(options: Options, verb: string): [number, number] | undefined {
  const given = textOption(options, "instances");
  if (given === undefined) return undefined;
  const [, least, most] = /^(\d{1,4}):(\d{1,4})$/.exec(given) ?? [];
  if (least === undefined || most === undefined)
    throw wrongArgument(`loam ${verb}: --instances`, "LEAST:MOST, such as 1:4", JSON.stringify(given));
  return [Number(least), Number(most)];
}

/** `NAME=WEIGHT,s3://...[,IMAGE]`. */
function variantOf(given: string, flag: string): SageMakerVariant {
  const [, name, weight, data, image] = /^([^=,]+)=(\d+(?:\.\d+)?),(s3:\/\/[^,]+)(?:,(.+))?$/.exec(given) ?? [];
  if (name === undefined || data === undefined)
    throw wrongArgument(
      `loam deploy sagemaker: ${flag}`,
      "NAME=WEIGHT,s3://BUCKET/model.tar.gz or NAME=WEIGHT,s3://...,IMAGE",
      JSON.stringify(given),
    );
  return { name, weight: Number(weight), data, image: image ?? null };
}

export const deploySageMakerVerb: VerbRun = async (context, [given = ""], options) => {
  const verb = "deploy sagemaker";
  const shadow = textOption(options, "shadow");
  const deployed = await deploySageMaker(
    workplaceOf(context, options),
    given,
    {
      ...commonOf(given, options, verb),
      kind: choiceOption(options, "kind", verb, ["real-time", "serverless", "async"]),
      instance: textOption(options, "instance"),
      instances: instancesOf(options, verb),
      memoryMb: numberOption(options, "memory", verb, { least: 1, most: 1_000_000, whole: true }),
      concurrency: numberOption(options, "concurrency", verb, { least: 1, most: 1_000_000, whole: true }),
      weight: numberOption(options, "weight", verb, { least: 0, most: 1000 }),
      others: listOption(options, "variant").map(v => variantOf(v, "--variant")),
      shadow: shadow === undefined ? undefined : variantOf(shadow, "--shadow"),
    },
    quietWatchOf(context),
  );
  show(context, deployed);
};

export const deployCloudRunVerb: VerbRun = async (context, [given = ""], options) => {
  const verb = "deploy cloud-run";
  const deployed = await deployCloudRun(
    workplaceOf(context, options),
    given,
    {
      ...commonOf(given, options, verb),
      image: textOption(options, "image") ?? "",
      memoryMb: numberOption(options, "memory", verb, { least: 1, most: 1_000_000, whole: true }),
      processors: numberOption(options, "processors", verb, { least: 1, most: 64, whole: true }),
      timeoutSeconds: numberOption(options, "timeout", verb, { least: 1, most: 1_000_000, whole: true }),
      instances: instancesOf(options, verb),
    },
    quietWatchOf(context),
  );
  show(context, deployed);
};

export const deployAzureFunctionsVerb: VerbRun = async (context, [given = ""], options) => {
  const verb = "deploy azure-functions";
  const deployed = await deployAzureFunctions(
    workplaceOf(context, options),
    given,
    {
      ...commonOf(given, options, verb),
      weightsForm: choiceOption(options, "weightsForm", verb, ["as-is", "q8", "q4"]),
      auth: choiceOption(options, "auth", verb, ["anonymous", "function"]),
      image: textOption(options, "image"),
    },
    quietWatchOf(context),
  );
  show(context, deployed);
};
