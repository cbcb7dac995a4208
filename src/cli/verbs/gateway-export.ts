/** `loam gateway export`: what the gateway allows, for another gateway to enforce; every difference is said. Writes new files only. */
import { resolve } from "node:path";
import { exportTargets } from "../../gateway/index.ts";
import { writeGatewayExport } from "../../project/gateway/index.ts";
import { wrongArgument } from "../../project/index.ts";
import { gatewayAt } from "../gateway-place.ts";
import { textOption } from "../options.ts";
import type { Options, VerbRun } from "../verb.ts";

/** Errors: cli/usage. */
function backendOf(options: Options): URL | undefined {
  const text = textOption(options, "backend");
  if (text === undefined) return undefined;
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url && /^https?:$/.test(url.protocol) && url.username === "" && url.search === "" && url.hash === "") return url;
  throw wrongArgument("loam gateway export: --backend", "an address such as https://gateway.internal/v1", JSON.stringify(text));
}

export const gatewayExport: VerbRun = async (context, [given], options) => {
  const { out, cwd } = context;
  const target = exportTargets.find(t => t === given);
  if (target === undefined)
    throw wrongArgument("loam gateway export", `one of ${exportTargets.join(", ")}`, JSON.stringify(given ?? "nothing"));
  const to = textOption(options, "to");
  if (to === undefined) throw wrongArgument("loam gateway export", "a folder: --to FOLDER", "nothing");
  const accounts = options.accounts === true;
  const wanted = { to: resolve(cwd, to), backend: backendOf(options), accounts };
  const exported = await writeGatewayExport(gatewayAt(context, options), target, wanted);
  out.line(`  ${exported.files.length} files in ${exported.folder}.`);
  if (accounts)
    out.line("  With --accounts the state was not looked at: principals and policies that stand there and not in the file are left out.");
  out.line(`  What ${target} does otherwise, or not at all:`);
  for (const { place, why } of exported.differences) out.line(`    ${place}: ${why}`);
  out.result(exported);
};
