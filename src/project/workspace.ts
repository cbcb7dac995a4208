/** Where calls work: in a folder, where a project is or is not; in a project, with its record open. */
import type { Store } from "../store/index.ts";
import { openProjectStore, type ProjectFile, readProject } from "./project-file.ts";

export interface Workplace {
  /** Where a project is looked for, here or above; outside of one, models are those of the record at home. */
  readonly folder: string;
  /** Where relative paths of a call start. */
  readonly cwd: string;
}

/** A project, and its record from the first call that needs it. */
export class Workspace implements Workplace, AsyncDisposable {
  #file: ProjectFile;
  #store: Promise<Store> | undefined;
  readonly cwd: string;

  constructor(file: ProjectFile, cwd = file.folder) {
    this.#file = file;
    this.cwd = cwd;
  }

  get file(): ProjectFile {
    return this.#file;
  }

  get folder(): string {
    return this.#file.folder;
  }

  /** Reads loam.yaml again, after a call has changed it. */
  reread(): ProjectFile {
    this.#file = readProject(this.folder);
    return this.#file;
  }

  /** Errors: those of the store; registry/key. */
  store(): Promise<Store> {
    this.#store ??= openProjectStore(this.#file);
    return this.#store;
  }

  async close(): Promise<void> {
    const store = this.#store;
    this.#store = undefined;
    await (await store?.catch(() => undefined))?.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}
