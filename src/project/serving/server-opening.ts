/** What the parts of a server's opening share. */
import type { Store } from "../../store/index.ts";
import type { Watch } from "../call.ts";
import type { Closers } from "../closers.ts";
import type { EventContent } from "../events.ts";
import type { ProjectFile } from "../project-file.ts";
import type { Workplace } from "../workspace.ts";
import type { AdapterChoice } from "./adapters.ts";
import type { AwaitedModels } from "./awaited-models.ts";
import type { Found } from "./find-model.ts";
import type { ModelVersions, NamedVersion } from "./model-versions.ts";
import type { ServeOptions } from "./serve-options.ts";

/** What all parts share. */
export interface ServerOpening {
  readonly place: Workplace;
  readonly options: ServeOptions;
  readonly watch: Watch;
  readonly closers: Closers;
  tell(event: EventContent): void;
  warn(message: string): void;
}

/** The models that are served, and the record that the console shows. */
export interface FoundModels {
  readonly found: readonly Found[];
  readonly named: readonly NamedVersion[];
  readonly project: ProjectFile | undefined;
  readonly store: Store | undefined;
  readonly versions: ModelVersions;
  readonly adapters: AdapterChoice;
  /** Where there is nothing to serve yet. */
  readonly awaited?: AwaitedModels;
}
