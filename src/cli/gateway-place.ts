/** Which gateway a verb means: `--url`, `--config`, else that of the folder. */
import type { GatewayPlace } from "../project/gateway/index.ts";
import { textOption } from "./options.ts";
import type { Context, Options } from "./verb.ts";
import { folderOf } from "./verb-folder.ts";

export const gatewayAt = (context: Context, options: Options): GatewayPlace => ({
  folder: folderOf(context, options),
  config: textOption(options, "config"),
  url: textOption(options, "url"),
  warn: text => context.out.warn(text),
});
