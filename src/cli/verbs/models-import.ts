/** `loam models import`: a GGUF file, a Hugging Face folder or a repository of a hub becomes a version in the record. */
import { formatBytes, formatCount } from "../../base/index.ts";
import { importVersion } from "../../project/models/index.ts";
import { textOption } from "../options.ts";
import { watchOf } from "../show-call.ts";
import type { VerbRun } from "../verb.ts";
import { workplaceOf } from "../verb-folder.ts";

export const modelsImport: VerbRun = async (context, [given = ""], options) => {
  const { out } = context;
  const imported = await importVersion(workplaceOf(context, options), given, { name: textOption(options, "name") }, watchOf(context));
  const { tookMs, ...result } = imported;
  const { model: name, version, artifact, action, summary: s } = result;
  out.done(
    name,
    `${formatCount(Number(s.parameters))} parameters, ${formatBytes(Number(s.sizeBytes))} ${s.format}${action === "reused" ? ", here already" : ""}`,
    tookMs,
  );
  const next = s.family === "decoder" ? `   loam serve ${name}   loam chat ${name}` : s.family === "encoder" ? `   loam serve ${name}` : "";
  out.line(`  ${name}@${version}   ${artifact}${next}`);
  out.result(result);
};
