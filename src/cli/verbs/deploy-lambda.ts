/** `loam deploy lambda`: a version as a function of AWS Lambda. */
import { formatBytes } from "../../base/index.ts";
import { deployLambda } from "../../project/deploying/index.ts";
import { choiceOption, numberOption, textOption } from "../options.ts";
import { quietWatchOf } from "../show-call.ts";
import type { VerbRun } from "../verb.ts";
import { workplaceOf } from "../verb-folder.ts";

const verb = "deploy lambda";

export const deployLambdaVerb: VerbRun = async (context, [given = ""], options) => {
  const { out } = context;
  const whole = (key: string, least: number, most: number) => numberOption(options, key, verb, { least, most, whole: true });
  const deployed = await deployLambda(
    workplaceOf(context, options),
    given,
    {
      to: textOption(options, "to") ?? `${given.replaceAll(/[^\w.-]/g, "-")}-lambda`,
      package: choiceOption(options, "package", verb, ["zip", "image"]),
      weightsForm: choiceOption(options, "weightsForm", verb, ["as-is", "q8", "q4"]),
      quantize: textOption(options, "quantize"),
      push: textOption(options, "push"),
      base: textOption(options, "base"),
      plainHttp: options.plainHttp === true,
      architecture: textOption(options, "architecture"),
      mode: choiceOption(options, "mode", verb, ["stream", "buffered"]),
      auth: choiceOption(options, "auth", verb, ["iam", "key"]),
      memoryMb: whole("memory", 1, 1_000_000),
      timeoutSeconds: whole("timeout", 1, 1_000_000),
      storageMb: whole("storage", 1, 1_000_000),
      concurrency: whole("concurrency", 1, 1_000_000),
      slots: whole("slots", 1, 256),
      context: whole("context", 16, 1_048_576),
      unapproved: options.unapproved === true,
    },
    quietWatchOf(context),
  );
  out.clear();
  const { model, version, alias, files, facts, path } = deployed;
  out.line(`  ${model}@${version}${alias === null ? "" : ` (${alias})`}   served as ${facts.form}   ${facts.memoryMb} MB`);
  for (const f of files) out.line(`    ${f.path.padEnd(14)} ${formatBytes(f.sizeBytes).padStart(9)}   sha256:${f.digest}`);
  out.line(`    ${formatBytes(Number(facts.unpackedBytes))} unpacked, of ${formatBytes(Number(facts.unpackedLimit))} that Lambda takes`);
  if (facts.upload === "S3") out.line("    over 50 MiB: upload it to a bucket, which the template names");
  if (facts.weightsForm !== "as-is")
    out.warn(`  Weights stored as ${facts.weightsForm}: the release's evaluations are of the version's own weights.`);
  out.line(`  ${path}`);
  out.result(deployed);
};
