/** `loam deploy`: a version as an OCI image. */
import { formatBytes } from "../../base/index.ts";
import { imageVariants, weightPlaces } from "../../deploy/index.ts";
import { deployImage } from "../../project/deploying/index.ts";
import { choiceOption, textOption } from "../options.ts";
import { quietWatchOf } from "../show-call.ts";
import type { VerbRun } from "../verb.ts";
import { workplaceOf } from "../verb-folder.ts";

export const deployImageVerb: VerbRun = async (context, [given = ""], options) => {
  const { out } = context;
  const image = await deployImage(
    workplaceOf(context, options),
    given,
    {
      to: textOption(options, "to"),
      push: textOption(options, "push"),
      base: textOption(options, "base"),
      weights: choiceOption(options, "weights", "deploy image", weightPlaces),
      pullFrom: textOption(options, "pullFrom"),
      variant: choiceOption(options, "variant", "deploy image", imageVariants),
      dockerfile: textOption(options, "dockerfile"),
      sign: textOption(options, "sign"),
      plainHttp: options.plainHttp === true,
      unapproved: options.unapproved === true,
    },
    quietWatchOf(context),
  );
  out.clear();
  const { model, version, alias, layers, path, dockerfile, pushed, programBytes, architecture, digest } = image;
  out.line(`  ${model}@${version}${alias === null ? "" : ` (${alias})`}   linux/${architecture}${digest === null ? "" : `   ${digest}`}`);
  for (const l of layers)
    out.line(
      `    ${l.name.padEnd(8)} ${formatBytes(l.sizeBytes).padStart(9)}${l.unpackedBytes === null ? "" : `   ${formatBytes(l.unpackedBytes)} unpacked`}`,
    );
  if (programBytes !== null) out.line(`    ${formatBytes(programBytes)} unpacked without the weights`);
  if (path !== null) out.line(`  ${textOption(options, "to")}`);
  if (dockerfile !== null) out.line(`  ${textOption(options, "dockerfile")}/Dockerfile`);
  if (pushed)
    out.line(
      `  ${pushed.reference}   ${formatBytes(pushed.sentBytes)} sent, ${pushed.skipped} blobs were there${pushed.signature === null ? "" : "; signed"}`,
    );
  out.result(image);
};
