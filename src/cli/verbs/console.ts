/** `loam console`: the server of a project as `loam serve` starts it, opened in a browser. */
import type { VerbRun } from "../verb.ts";
import { serve } from "./serve.ts";

export const openConsole: VerbRun = (context, _, options) => serve(context, [], { ...options, open: options.open !== false });
