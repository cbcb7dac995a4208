/** The gateway's configuration and state as the verbs of `loam gateway` share them. */
import { resolve } from "node:path";
import { type Control, type GatewayConfig, openControl, readConfig } from "../../gateway/index.ts";
import { textOption } from "../options.ts";
import type { Context, Options } from "../verb.ts";
import { folderOf } from "../verb-folder.ts";

export const gatewayFile = "gateway.yaml";

/** Path of the file: `--config`, else gateway.yaml of the folder. */
export const configPath = (context: Context, options: Options): string =>
  resolve(folderOf(context, options), textOption(options, "config") ?? gatewayFile);

export async function openFor(config: GatewayConfig, warn: (text: string) => void): Promise<Control> {
  return openControl({
    state: config.state,
    root: config.folder,
    config: config.access,
    place: "access",
    ...(config.keySecrets ? { secrets: config.keySecrets } : {}),
    onStore: (state, error) =>
      warn(
        state === "lost"
          ? `loam gateway: the state does not answer (${error instanceof Error ? error.message : String(error)})`
          : "loam gateway: the state answers again",
      ),
  });
}

/** Does something with the state that the file names, and closes it. */
export async function withControl<T>(
  context: Context,
  options: Options,
  use: (control: Control, config: GatewayConfig) => Promise<T>,
): Promise<T> {
  const config = await readConfig(configPath(context, options));
  const control = await openFor(config, text => context.out.warn(text));
  try {
    return await use(control, config);
  } finally {
    await control.close();
  }
}
