/** A project as an object: what the command line does with a folder, from TypeScript. Reads no arguments, writes to no stream, handles no signals. */
import type { Store } from "../store/index.ts";
import type { ProjectConfig } from "./part.ts";
import { findProject, openProjectStore, type ProjectFile } from "./project-file.ts";

export class Project implements AsyncDisposable {
  readonly #file: ProjectFile;
  #store: Promise<Store> | undefined;

  constructor(file: ProjectFile) {
    this.#file = file;
  }

  /** Where its `loam.yaml` lies. */
  get folder(): string {
    return this.#file.folder;
  }

  /** What its `loam.yaml` says, checked, with defaults. */
  get config(): ProjectConfig {
    return this.#file.config;
  }

  /** The record and the artifacts; opened when first needed. Errors: those of the store; registry/key. */
  store(): Promise<Store> {
    this.#store ??= openProjectStore(this.#file);
    return this.#store;
  }

  /** Closes what is open. */
  async close(): Promise<void> {
    const store = this.#store;
    this.#store = undefined;
    await (await store?.catch(() => undefined))?.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

/**
 * The project in a folder or the nearest one above it.
 * Errors: cli/noProject where there is none; base/config, base/syntax, cli/reference for what its file says.
 */
export const openProject = async (folder: string): Promise<Project> => new Project(findProject(folder));
