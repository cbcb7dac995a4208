/** The gateway's configuration and state as the verbs of `loam gateway` share them. */
import { existsSync } from "node:fs";
import { resolve } from "node:path";
import { type Control, type GatewayConfig, readConfig } from "../../gateway/index.ts";
import { type OpenMore, openFor, projectGateway } from "../../project/gateway/index.ts";
import { projectOrNone } from "../../project/models/index.ts";
import { textOption } from "../options.ts";
import type { Context, Options } from "../verb.ts";
import { folderOf } from "../verb-folder.ts";

export const gatewayFile = "gateway.yaml";

/** Path of the file: `--config`, else gateway.yaml of the folder. */
export const configPath = (context: Context, options: Options): string =>
  resolve(folderOf(context, options), textOption(options, "config") ?? gatewayFile);

/** The configuration that a verb means: `--config`, else gateway.yaml of the folder, else the part `gateway` of the project there. */
export async function gatewayOf(
  context: Context,
  options: Options,
): Promise<{ readonly path: string; readonly config: GatewayConfig; readonly isProjects: boolean }> {
  const path = configPath(context, options);
  if (textOption(options, "config") === undefined && !existsSync(path)) {
    const project = projectOrNone(folderOf(context, options));
    const found = project && (await projectGateway(project));
    if (found) return { path: project.file, config: found.config, isProjects: true };
  }
  return { path, config: await readConfig(path), isProjects: false };
}

/** Does something with the state that the file names, and closes it. */
export async function withControl<T>(
  context: Context,
  options: Options,
  use: (control: Control, config: GatewayConfig) => Promise<T>,
  more: OpenMore = {},
): Promise<T> {
  const { config } = await gatewayOf(context, options);
  const control = await openFor(config, text => context.out.warn(text), more);
  try {
    return await use(control, config);
  } finally {
    await control.close();
  }
}
