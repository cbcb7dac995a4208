/**
 * Guards inside decoding of whoever generates with a project's models: `serve.blocked` and `serve.moderate` of `loam.yaml`, or the file of a deployment
 * in their place. `loam serve`, `loam chat` and `loam explain` share them.
 */
import { resolve } from "node:path";
import type { ProjectFile } from "../project-file.ts";
import { readGuards } from "./guards-file.ts";
import type { EngineChoice } from "./open-engine.ts";
import { servedBlocklist } from "./served-blocklist.ts";
import { openModerator } from "./served-moderation.ts";

interface ServedGuards extends AsyncDisposable {
  readonly choice: Pick<EngineChoice, "blocklist" | "spanGuard">;
}

interface GuardsPlace {
  readonly project: ProjectFile | undefined;
  readonly folder: string;
  readonly cwd: string;
  readonly warn: (message: string) => void;
  /** What `loam deploy` wrote, in place of the project's settings. */
  readonly file?: string | undefined;
}

/** Reads the lists and loads the classifier. Errors: those of `readGuards`, `servedBlocklist` and `openModerator`. */
export async function openServedGuards({ project, folder, cwd, warn, file }: GuardsPlace): Promise<ServedGuards> {
  const written = file === undefined ? undefined : await readGuards(resolve(cwd, file));
  const blocklist = written ? written.blocklist : project && (await servedBlocklist(project));
  const moderate = written ? written.moderate : project?.config.serve?.moderate;
  const digest = written?.moderate?.digest;
  const moderator = moderate && (await openModerator(moderate, { folder, cwd, warn, digest }));
  return {
    choice: { blocklist, spanGuard: moderator?.guard },
    async [Symbol.asyncDispose]() {
      await moderator?.[Symbol.asyncDispose]();
    },
  };
}
