/**
 * A project as an object: what the command line does with a folder, from TypeScript. Reads no arguments, writes to no stream, handles no signals. A method
 * loads what it needs when it is called.
 */
import { guardPausedResponses } from "../base/index.ts";
import type { GovernanceReport, ReportKind } from "../governance/index.ts";
import type { Store, Trace, Verification } from "../store/index.ts";
import { type Call, type CallOptions, callOf } from "./call.ts";
import type { CollectedGarbage, CollectOptions } from "./collect-garbage.ts";
import type { CostOptions, RunCost } from "./cost/index.ts";
import { DataCalls } from "./data/data-calls.ts";
import { DeployCalls } from "./deploy-calls.ts";
import { EvaluationCalls } from "./eval/evaluation-calls.ts";
import type { EvaluateOptions, TasksEvaluation } from "./evaluations.ts";
import type {
  ExplainOptions,
  InfluenceOptions,
  MeasuredInfluence,
  MeasureOptions,
  ResponseExplanation,
  TextInfluence,
} from "./explaining/index.ts";
import { JobCalls } from "./fine-tuning/job-calls.ts";
import { GatewayCalls } from "./gateway/gateway-calls.ts";
import type { TemplateName } from "./init/project-files.ts";
import { KeyCalls } from "./keys/key-calls.ts";
import { LabelCalls } from "./labelling/label-calls.ts";
import type { TraceOptions } from "./lineage.ts";
import { LogCalls } from "./log-calls.ts";
import { LoopCalls } from "./loop-calls.ts";
import { ModelCalls } from "./models/model-calls.ts";
import type { ProjectConfig } from "./part.ts";
import type { PreviewOptions } from "./previews.ts";
import type { ModelProfile, ProfileModelOptions } from "./profile-model.ts";
import { findProject } from "./project-file.ts";
import type { PromotedVersion, PromoteOptions } from "./releases/promote-version.ts";
import { ReleaseCalls } from "./releases/release-calls.ts";
import { RunCalls } from "./run-table/run-calls.ts";
import type { RunOptions, RunPlan, RunReport, TuneOptions } from "./runs.ts";
import type { SearchOptions, SearchReport, StudyReport, StudyRow } from "./searches.ts";
import type { ClassSelection } from "./searching/select-classes.ts";
import type { BaseSelection, SelectOptions } from "./selections.ts";
import type { Reply, Turn } from "./serving/ask.ts";
import type { AskOptions, ChatOptions, ProjectChat } from "./serving/chat.ts";
import type { ProjectServer, ServeOptions } from "./serving/serve-options.ts";
import type {
  CompileAheadOptions,
  CompileAheadReport,
  RateRangeCall,
  RateRangeReport,
  ScaleOptions,
  ScalePlan,
  ScaleReport,
  TrainingPlanOptions,
  TrainingPlanReport,
} from "./training/index.ts";
import type { RecipePreview } from "./tuning/preview-examples.ts";
import type { UnlearnedVersion, UnlearnVersionOptions } from "./unlearning/index.ts";
import { WatchCalls } from "./watch-calls.ts";
import { Workspace } from "./workspace.ts";

const runs = () => import("./runs.ts");
const selections = () => import("./selections.ts");
const evaluations = () => import("./evaluations.ts");
const serving = () => import("./serving/index.ts");
const searches = () => import("./searches.ts");
const trainings = () => import("./training/index.ts");

export class Project implements AsyncDisposable {
  readonly #workspace: Workspace;
  /** Versions brought in, shown, compared, checked, and written for other programs. */
  readonly models: ModelCalls;
  /** Who may have an alias, and who has it; what is said of a version, and who vouches for it. */
  readonly releases: ReleaseCalls;
  /** Data sets curated, explored, changed, and written for other programs. */
  readonly data: DataCalls;
  /** Encryption at rest: keys made, listed, rotated, checked. */
  readonly keys: KeyCalls;
  /** Texts for people to label, and what they gave. */
  readonly labels: LabelCalls;
  /** Fine-tuning jobs that clients asked this project's server for. */
  readonly jobs: JobCalls;
  /** Models that are trained again by themselves. */
  readonly loop: LoopCalls;
  /** Versions as something that runs elsewhere: OCI images. */
  readonly deploy: DeployCalls;
  /** The administration of the gateway of this folder. */
  readonly gateway: GatewayCalls;
  /** What monitors know of the models that are served. */
  readonly watch: WatchCalls;

  /** Runs as a table, with notes and tags. */
  readonly runs: RunCalls;

  /** What was evaluated, and comparisons item by item. */
  readonly evaluations: EvaluationCalls;

  /** Who did what, and the log for auditors. */
  readonly log: LogCalls;

  constructor(workspace: Workspace) {
    this.#workspace = workspace;
    this.models = new ModelCalls(workspace);
    this.releases = new ReleaseCalls(workspace);
    this.data = new DataCalls(workspace);
    this.keys = new KeyCalls(workspace);
    this.labels = new LabelCalls(workspace);
    this.jobs = new JobCalls(workspace);
    this.loop = new LoopCalls(workspace);
    this.deploy = new DeployCalls(workspace);
    this.gateway = new GatewayCalls(workspace);
    this.watch = new WatchCalls(workspace);
    this.runs = new RunCalls(workspace);
    this.evaluations = new EvaluationCalls(workspace);
    this.log = new LogCalls(workspace);
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

  /**
   * Predicts the held-out loss of a model's whole run from a ladder of small runs of its recipe; with `dryRun` only plans the ladder. Goes on where a call
   * was stopped. Errors: project/argument, train/recipe for a budget that holds no ladder.
   */
  scale(model?: string, options: ScaleOptions & CallOptions = {}): Call<ScalePlan | ScaleReport> {
    return callOf(async watch => (await trainings()).scaleModel(this.#workspace, model, options, watch), options);
  }

  /** A learning-rate range test of a model's recipe: the loss by a growing rate, and a suggested peak rate. Errors: project/argument, train/recipe. */
  rates(model?: string, options: RateRangeCall & CallOptions = {}): Call<RateRangeReport> {
    return callOf(async watch => (await trainings()).testRates(this.#workspace, model, options, watch), options);
  }

  /**
   * The mesh of ranks on which a model trains fastest on a cluster, with memory and seconds of a step from an analytic model. Errors: project/argument,
   * `train/mesh` where no mesh divides the model, `train/memory` where none fits.
   */
  planTraining(model: string | undefined, options: TrainingPlanOptions & CallOptions): Call<TrainingPlanReport> {
    return callOf(async () => (await trainings()).planModel(this.#workspace, model, options), options);
  }

  /**
   * Compiles the programs of a model's training step for devices that need not be here, and keeps the executables. Errors: project/argument, train/recipe,
   * pjrt/*; project/compile where the plugin crashes.
   */
  compile(model: string | undefined, options: CompileAheadOptions & CallOptions): Call<CompileAheadReport> {
    return callOf(async watch => (await trainings()).compileStep(this.#workspace, model, options, watch), options);
  }

  /** Trains a model where it is stale, then times the kernels of some steps of its recipe; kept with the model's run. Errors: project/argument. */
  profile(model?: string, options: ProfileModelOptions & CallOptions = {}): Call<ModelProfile> {
    return callOf(async watch => (await import("./profile-model.ts")).profileModel(this.#workspace, model, options, watch), options);
  }

  /**
   * A new version of a model without documents that it was trained on, and what attacks find of them in it. Errors: project/model for a version that `train:`
   * did not make, project/argument for too few documents, data/unknownDocument, train/diverged.
   */
  unlearn(version: string, documents: readonly string[], options: UnlearnVersionOptions & CallOptions = {}): Call<UnlearnedVersion> {
    return callOf(async watch => {
      const { signal: _, abandon: __, ...own } = options;
      return (await import("./unlearning/index.ts")).unlearnVersion(this.#workspace, version, documents, own, watch);
    }, options);
  }

  /** What `run` would do, and an estimate of its time. */
  plan(model?: string, options: RunOptions & CallOptions = {}): Call<RunPlan> {
    return callOf(async watch => (await runs()).planRun(this.#workspace, model, options, watch), options);
  }

  /**
   * What a version, an artifact or a run cost, with everything behind it: core-seconds, floating-point operations, energy, money.
   * Errors: project/argument for an unknown name.
   */
  cost(id: string, options: CostOptions & CallOptions = {}): Call<RunCost> {
    return callOf(async () => (await import("./cost/index.ts")).costOfRun(this.#workspace, id, options), options);
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

  /** Which parts of a request a response or a class rests on, and whether the version gives the same response again. */
  explain(options: ExplainOptions & CallOptions): Call<ResponseExplanation> {
    return callOf(async watch => (await import("./explaining/index.ts")).explainResponse(this.#workspace, options, watch), options);
  }

  /** Training documents that a classifier's answer rests on, the most helpful and the most harmful ones by id. */
  influence(options: InfluenceOptions & CallOptions): Call<TextInfluence> {
    return callOf(async watch => (await import("./explaining/index.ts")).explainInfluence(this.#workspace, options, watch), options);
  }

  /** How far `influence` can be believed: models are retrained on random halves of the documents. */
  measureInfluence(options: MeasureOptions & CallOptions = {}): Call<MeasuredInfluence> {
    return callOf(async watch => (await import("./explaining/index.ts")).measureInfluence(this.#workspace, options, watch), options);
  }

  /** `releases.promote`. */
  promote(version: string, alias: string, options: PromoteOptions & CallOptions = {}): Call<PromotedVersion> {
    return this.releases.promote(version, alias, options);
  }

  /** What the artifact store shows for a law or framework: Annex IV of the EU AI Act, the NIST AI RMF, Article 30 of the GDPR. Gaps are named. */
  report(kind: ReportKind, options: CallOptions = {}): Call<GovernanceReport> {
    return callOf(async () => (await import("./reports/index.ts")).projectReport(this.#workspace, kind), options);
  }

  /** What an artifact, a version or a document was made from, and what was made from it. Errors: store/notFound. */
  async trace(id: string, options: TraceOptions = {}): Promise<Trace> {
    return (await import("./lineage.ts")).traceSubject(this.#workspace, id, options);
  }

  /** Every row, entry and file of the record against its hash. Damage is in `findings`, and `ok` is false. */
  verify(options: CallOptions = {}): Call<Verification> {
    return callOf(async watch => (await import("./lineage.ts")).verifyRecord(this.#workspace, watch), options);
  }

  /** Unreferenced artifacts; with `apply` they are deleted. Errors: project/shared. */
  gc(options: CollectOptions & CallOptions = {}): Call<CollectedGarbage> {
    return callOf(async watch => (await import("./collect-garbage.ts")).collectGarbage(this.#workspace, options, watch), options);
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
export async function openProject(folder: string, { cwd }: OpenProjectOptions = {}): Promise<Project> {
  guardPausedResponses();
  return new Project(new Workspace(findProject(folder), cwd));
}

/** What a new project begins with. */
export interface CreateProjectOptions {
  /** Default: pretrain. */
  readonly template?: Exclude<TemplateName, "gateway"> | undefined;
  /** `loam.yaml` in place of the template's and of its sample, for instance what `lookAt` has found for data of one's own. */
  readonly yaml?: string | undefined;
}

/** Writes a new project and opens it. The folder's last name is the project's. Errors: project/argument, project/exists. */
export async function createProject(folder: string, { template = "pretrain", yaml }: CreateProjectOptions = {}): Promise<Project> {
  const { writeProject } = await import("./init/write-project.ts");
  return openProject(writeProject(folder, { template, yaml }).folder);
}
