/** Where a verb looks for its project: `--project`, else where it was called. */
import type { Context, Options } from "./verb.ts";

export const folderOf = (context: Context, options: Options): string =>
  typeof options.project === "string" ? options.project : context.cwd;
