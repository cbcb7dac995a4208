/** `loam train rank`: one process of a training on several ranks. */
import { workAsRank } from "../../project/ranks/index.ts";
import { streamsOf, type VerbRun } from "../verb.ts";
import { folderOf } from "../verb-folder.ts";

export const trainAsRank: VerbRun = async (context, [task], options) => {
  const { stdout } = streamsOf(context);
  await workAsRank({ task: task!, folder: folderOf(context, options), signal: context.signal, write: line => void stdout.write(line) });
};
