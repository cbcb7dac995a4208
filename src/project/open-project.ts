/**
 * A project as an object: what the command line does with a folder, from TypeScript. Reads no arguments, writes to no stream, handles no signals. A method
 * loads what it needs when it is called.
 */
import type { Store } from "../store/index.ts";
import { type Call, type CallOptions, callOf } from "./call.ts";
import type { EvaluateOptions, TasksEvaluation } from "./evaluations.ts";
import type { PreviewOptions } from "./previews.ts";
import { findProject, type ProjectConfig } from "./project-file.ts";
import type { RunOptions, RunPlan, RunReport, TuneOptions } from "./runs.ts";
import type { SearchOptions, SearchReport, StudyReport, StudyRow } from "./searches.ts";
import type { ClassSelection } from "./searching/select-classes.ts";
import type { BaseSelection, SelectOptions } from "./selections.ts";
import type { Reply, Turn } from "./serving/ask.ts";
import type { AskOptions, ChatOptions, ProjectChat } from "./serving/chat.ts";
import type { ProjectServer, ServeOptions } from "./serving/serve-options.ts";
import type { RecipePreview } from "./tuning/preview-examples.ts";
import { Workspace } from "./workspace.ts";

const runs = () => import("./runs.ts");
const selections = () => import("./selections.ts");
const evaluations = () => import("./evaluations.ts");
const serving = () => import("./serving/index.ts");
const searches = () => import("./searches.ts");

export class Project implements AsyncDisposable {
  readonly #workspace: Workspace;

  constructor(workspace: Workspace) {
    this.#workspace = workspace;
  }

  /** Where its `loam.yaml` lies. */
  get folder(): string {
    return this.#workspace.folder;
  }

  /** What its `loam.yaml` says, checked, with defaults. */
  get config(): ProjectConfig {
    return this.#workspace.file.config;
  }

  /** The record and the artifacts; opened when first needed. Errors: those of the store; registry/key. */
  store(): Promise<Store> {
    return this.#workspace.store();
  }

  /** Runs what is stale of a model's pipeline (default: of all served models) and registers its version. */
  run(model?: string, options: RunOptions & CallOptions = {}): Call<RunReport> {
    return callOf(async watch => (await runs()).runModels(this.#workspace, model, options, watch), options);
  }

  /** As `run`, of one model. */
  train(model?: string, options: RunOptions & CallOptions = {}): Call<RunReport> {
    return callOf(async watch => (await runs()).trainModel(this.#workspace, model, options, watch), options);
  }

  /** What `run` would do, and an estimate of its time. */
  plan(model?: string, options: RunOptions & CallOptions = {}): Call<RunPlan> {
    return callOf(async watch => (await runs()).planRun(this.#workspace, model, options, watch), options);
  }

  /** Runs what is stale of a tuned model (default: of all of them), its base included; with `folds` the cross-validation of its recipe too. */
  tune(model?: string, options: TuneOptions & CallOptions = {}): Call<RunReport> {
    return callOf(async watch => (await runs()).tuneModels(this.#workspace, model, options, watch), options);
  }

  /** Runs a search of loam.yaml until its trials are used up, and judges the best one once on the test half. Errors: tune/noTrial where all failed. */
  search(name?: string, options: SearchOptions & CallOptions = {}): Call<SearchReport> {
    return callOf(async watch => (await searches()).searchStudy(this.#workspace, name, options, watch), options);
  }

  /** All studies, the oldest first. */
  studies(options: CallOptions = {}): Call<readonly StudyRow[]> {
    return callOf(async () => (await searches()).studiesOf(this.#workspace), options);
  }

  /** A study (default: the newest) with its trials, importances and verdict. Errors: project/nothing, store/notFound. */
  study(id?: string, options: CallOptions = {}): Call<StudyReport> {
    return callOf(async () => (await searches()).studyReport(this.#workspace, id), options);
  }

  /** Judges models (default: all that are here) as bases on the project's texts, or for one of its classifiers, and recommends one. */
  select(models: string | readonly string[] = [], options: SelectOptions & CallOptions = {}): Call<BaseSelection | ClassSelection> {
    return callOf(async watch => (await selections()).selectBase(this.#workspace, [models].flat(), options, watch), options);
  }

  /**
   * Evaluates a model on tasks: files, or names in the folder `tasks` (default: all of these). What was answered before is read from the record. A condition
   * that is met counts in the report's `failed`.
   */
  evaluate(tasks: string | readonly string[] = [], options: EvaluateOptions & CallOptions = {}): Call<TasksEvaluation> {
    return callOf(async watch => (await evaluations()).evaluateTasks(this.#workspace, [tasks].flat(), options, watch), options);
  }

  /** Which tokens of its examples a tuned model of loam.yaml would be trained on. */
  preview(model: string, options: PreviewOptions & CallOptions = {}): Call<RecipePreview> {
    return callOf(async watch => (await import("./previews.ts")).previewRecipe(this.#workspace, model, options, watch), options);
  }

  /** Starts a server of the project's models: OpenAI's API, the console, the project's gateway. `close()` of the result ends it. */
  serve(options: ServeOptions & CallOptions = {}): Call<ProjectServer> {
    return callOf(async watch => (await serving()).serveModels(this.#workspace, options, watch), options);
  }

  /** Opens a model to talk to in this process. */
  chat(model?: string, options: Omit<ChatOptions, "model"> & CallOptions = {}): Call<ProjectChat> {
    return callOf(async watch => (await serving()).openChat(this.#workspace, { ...options, model }, watch), options);
  }

  /** A response to a text, which is continued, or to turns; its pieces are the events. Opens and closes the model. */
  generate(prompt: string | readonly Turn[], options: ChatOptions & AskOptions & CallOptions = {}): Call<Reply> {
    return callOf(async watch => (await serving()).generateOnce(this.#workspace, prompt, options, watch), options);
  }

  /** Closes what is open. */
  close(): Promise<void> {
    return this.#workspace.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

export interface OpenProjectOptions {
  /** Where relative paths of calls start; default: the project's folder. */
  readonly cwd?: string;
}

/**
 * The project in a folder or the nearest one above it.
 * Errors: project/noProject where there is none; base/config, base/syntax, project/reference for what its file says.
 */
export const openProject = async (folder: string, { cwd }: OpenProjectOptions = {}): Promise<Project> =>
  new Project(new Workspace(findProject(folder), cwd));
