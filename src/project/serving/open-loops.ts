/** The retraining loops of a project whose server runs; loaded where there is a record to keep them. */
import type { Fleet } from "../../serve/index.ts";
import type { Store } from "../../store/index.ts";
import type { EventContent } from "../events.ts";
import type { RunningLoops } from "../looping/index.ts";
import type { ProjectFile } from "../project-file.ts";

interface LoopsPlace {
  readonly project: ProjectFile;
  readonly store: Store;
  readonly fleet: Fleet;
}

export async function loopsOf(
  { tell, warn }: { readonly tell: (event: EventContent) => void; readonly warn: (message: string) => void },
  given: LoopsPlace,
): Promise<RunningLoops> {
  const { openLoops } = await import("../looping/index.ts");
  return openLoops({ ...given, tell: message => tell({ event: "note", message }), warn });
}
