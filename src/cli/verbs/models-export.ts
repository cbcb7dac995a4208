/** `loam models export`: a version as files for other programs. */
import { formatBytes } from "../../base/index.ts";
import { wrongArgument } from "../../project/index.ts";
import { exportVersion, modelFormats } from "../../project/models/index.ts";
import { numberOption, textOption } from "../options.ts";
import { watchOf } from "../show-call.ts";
import type { VerbRun } from "../verb.ts";
import { workplaceOf } from "../verb-folder.ts";

export const modelsExport: VerbRun = async (context, [given = ""], options) => {
  const { out } = context;
  const to = textOption(options, "to");
  const format = modelFormats.find(f => f === (textOption(options, "format") ?? "huggingface"));
  if (!format) throw wrongArgument("loam models export: --format", `one of ${modelFormats.join(", ")}`, `"${String(options.format)}"`);
  if (to === undefined) throw wrongArgument("loam models export: --to", "a folder or a file to write", "nothing");
  const tokens = numberOption(options, "tokens", "models export", { least: 1, most: 2 ** 20, whole: true });
  if (tokens !== undefined && format !== "onnx")
    throw wrongArgument("loam models export: --tokens", "--format onnx with it", `--format ${format}`);
  const exported = await exportVersion(workplaceOf(context, options), given, { to, format, tokens }, watchOf(context));
  out.line(`  ${to}   ${formatBytes(exported.sizeBytes)}   sha256 ${exported.digest.slice(0, 16)}`);
  out.result(exported);
};
