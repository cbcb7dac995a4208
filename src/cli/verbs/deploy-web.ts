/** `loam deploy web`: a version as a static page. */
import { formatBytes, parseBytes } from "../../base/index.ts";
import { webWeightForms } from "../../deploy/index.ts";
import { deployWeb } from "../../project/deploying/index.ts";
import { wrongArgument } from "../../project/index.ts";
import { choiceOption, numberOption, textOption } from "../options.ts";
import { quietWatchOf } from "../show-call.ts";
import type { VerbRun } from "../verb.ts";
import { workplaceOf } from "../verb-folder.ts";

function sizeOption(given: string | undefined): number | undefined {
  if (given === undefined) return undefined;
  const bytes = parseBytes(given);
  if (bytes === undefined) throw wrongArgument("loam deploy web: --max-size", 'a size such as "512MiB" or "2GB"', JSON.stringify(given));
  return bytes;
}

export const deployWebVerb: VerbRun = async (context, [given = ""], options) => {
  const { out } = context;
  const to = textOption(options, "to");
  if (to === undefined) throw wrongArgument("loam deploy web", "--to FOLDER", "none");
  const page = await deployWeb(
    workplaceOf(context, options),
    given,
    {
      to,
      weights: choiceOption(options, "weights", "deploy web", webWeightForms),
      context: numberOption(options, "context", "deploy web", { least: 16, most: 1 << 20, whole: true }),
      webgpu: options.webgpu === true,
      withoutGuards: options.withoutGuards === true,
      mostBytes: sizeOption(textOption(options, "maxSize")),
      text: textOption(options, "text"),
      unapproved: options.unapproved === true,
    },
    quietWatchOf(context),
  );
  out.clear();
  const { model, version, alias, weights, weightBytes, downloadBytes, heldOut } = page;
  out.line(`  ${model}@${version}${alias === null ? "" : ` (${alias})`}   ${weights}   context ${page.context}`);
  out.line(`    weights  ${formatBytes(weightBytes).padStart(9)}`);
  out.line(`    download ${formatBytes(downloadBytes).padStart(9)}`);
  if (heldOut) {
    const { loss, fullLoss, tokens, text } = heldOut;
    out.line(`    loss ${loss.toFixed(4)} nats per token (f32 ${fullLoss.toFixed(4)}) on ${tokens} tokens of ${text}`);
  }
  out.line(`  ${to}   serve it: npx serve ${to}`);
  out.result(page);
};
