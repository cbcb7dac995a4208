/**
 * `loam gateway import`: another gateway's configuration, or Cedar's policies, as ours; says what has no counterpart. Writes a file only where it is
 * told one.
 */
import { resolve } from "node:path";
import { defined } from "../../base/index.ts";
import { takeCedar, takeLitellm, writeGatewayFile } from "../../project/gateway/index.ts";
import { wrongArgument } from "../../project/index.ts";
import { textOption } from "../options.ts";
import type { Context, Options, VerbRun } from "../verb.ts";

/** Printed, or written to a new file. Gives the path. Errors: cli/exists. */
function put({ out, cwd }: Context, text: string, to: string | undefined): string | undefined {
  if (to === undefined) {
    if (!out.json) out.piece(text);
    return undefined;
  }
  const path = resolve(cwd, to);
  writeGatewayFile(path, text);
  return path;
}

async function fromLitellm(context: Context, file: string, options: Options): Promise<void> {
  const { out, cwd } = context;
  const { text, config, left, variables } = takeLitellm(resolve(cwd, file), file);
  const to = textOption(options, "to");
  const path = put(context, text, to);
  if (path !== undefined) out.line(`  ${path} is written. Make a key: loam gateway keys create NAME --subject admin --config ${to}`);
  if (variables.length > 0) out.warn(`  read from the environment when it starts: ${variables.join(", ")}`);
  for (const { place, why } of left) out.warn(`  left out: ${place}: ${why}`);
  out.result({ config, left, variables, ...defined({ written: to }) });
}

async function fromCedar(context: Context, file: string, options: Options): Promise<void> {
  const { out, cwd } = context;
  const { text, policies, differences } = takeCedar(resolve(cwd, file), file, textOption(options, "namespace"));
  const to = textOption(options, "to");
  const path = put(context, text, to);
  if (path !== undefined) out.line(`  ${path} is written: put its policies into the gateway's file.`);
  for (const { place, what, why } of differences) out.warn(`  ${what}: ${place}: ${why}`);
  out.result({ policies, differences, ...defined({ written: to }) });
}

const formats = { litellm: fromLitellm, cedar: fromCedar };

export const gatewayImport: VerbRun = async (context, [format = "", file = ""], options) => {
  const take = Object.hasOwn(formats, format) ? formats[format as keyof typeof formats] : undefined;
  if (take) return take(context, file, options);
  const expected = Object.keys(formats)
    .map(name => `${name} FILE`)
    .join(" or ");
  throw wrongArgument("loam gateway import", expected, JSON.stringify(format));
};
