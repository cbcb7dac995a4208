/** `project.data`: data sets curated, explored, changed, and written for other programs. */
import type { DataReport, DocumentPage, DocumentPageOptions, NamesModel, QualityModel, StepTrial } from "../../data/index.ts";
import { type Call, type CallOptions, callOf } from "../call.ts";
import type {
  EraseOptions,
  ErasureCertificate,
  SubjectData,
  SubjectOptions,
  TableAnonymity,
  TableAnonymityOptions,
} from "../privacy/index.ts";
import type { RetentionOptions, RetentionReport } from "../retention/index.ts";
import type { Workspace } from "../workspace.ts";
import type { AddedSource, AddOptions } from "./add-source.ts";
import type { CuratedData, CurateOptions, WorkedOnData, WorkOnDataOptions } from "./curate.ts";
import type { DataSetState } from "./data-set.ts";
import type { DroppedDocuments, DropsOptions, ExplainedDocument, ThresholdTrial } from "./explore.ts";
import type { ForgetOptions, ForgottenDocuments } from "./forget-documents.ts";
import type { ForgetPlan } from "./forget-plan.ts";
import type { ClusterPage, ClusterPageOptions, LookedAtDocument } from "./look-through.ts";
import type { StepEffect, StepEffectOptions } from "./measure-effect.ts";
import type { DataReportOptions } from "./report.ts";
import type { TrainedNames, TrainedQuality, TrainNamesOptions, TrainQualityOptions } from "./train-classifiers.ts";
import type { ExportDataOptions, ExportedData, ShownDataCard, WriteCardOptions, WrittenCard } from "./write-card.ts";

// the code of a call is loaded when it is made
const curate = () => import("./curate.ts");
const explore = () => import("./explore.ts");
const report = () => import("./report.ts");
const looking = () => import("./search-data-set.ts");
const classifiers = () => import("./train-classifiers.ts");
const cards = () => import("./write-card.ts");
const sources = () => import("./add-source.ts");
const privacy = () => import("../privacy/index.ts");
const forgetting = () => import("./forget-documents.ts");

/**
 * Without a name a call means the only data set of loam.yaml, or the one that the served model trains on. A document is an id, or the beginning of one.
 * Relative paths start in the project's folder.
 */
export class DataCalls {
  readonly #at: Workspace;

  constructor(at: Workspace) {
    this.#at = at;
  }

  /** Curates a data set, or all: read, steps, split; only what is stale. Errors: project/argument; those of sources and steps. */
  run(name?: string, options: CurateOptions & CallOptions = {}): Call<CuratedData> {
    return callOf(async watch => (await curate()).curateData(this.#at, name, options, watch), options);
  }

  /** Takes part in `run` with `shared` of any process that uses the same store, until the signal, or for `idleMs` without a job. */
  work(options: WorkOnDataOptions & CallOptions = {}): Call<WorkedOnData> {
    return callOf(async watch => (await curate()).workOnData(this.#at, options, watch), options);
  }

  /** What curation did: funnel, values beside their thresholds, reasons, copies, sources, examples. Errors: project/argument, project/nothing. */
  async report(name?: string, options: DataReportOptions = {}): Promise<DataSetState & DataReport> {
    return (await report()).dataSetReport(this.#at, name, options);
  }

  /** A document's whole story: steps, values, thresholds, edits, copies, side, tokens, models. Errors: data/unknownDocument, project/nothing. */
  async explain(document: string): Promise<ExplainedDocument> {
    return (await explore()).explainDocument(this.#at, document);
  }

  /**
   * A page of the documents of a data set, kept and dropped: words that all occur, filters, an order. `next` is the `cursor` of the page after it. Documents
   * under `forget:` are in none. Errors: project/argument, project/nothing.
   */
  async documents(name?: string, options: DocumentPageOptions = {}): Promise<DataSetState & DocumentPage> {
    return (await looking()).searchDataSet(this.#at, name, options);
  }

  /** One document with the differences that each step made, and against another one. Errors: data/unknownDocument, project/nothing. */
  async document(document: string, { against }: { readonly against?: string | undefined } = {}): Promise<LookedAtDocument> {
    return (await looking()).dataSetDocument(this.#at, document, against);
  }

  /** Groups of like documents, the largest first. Errors: project/argument, project/nothing. */
  async clusters(name?: string, options: ClusterPageOptions = {}): Promise<DataSetState & ClusterPage> {
    return (await looking()).dataSetClusters(this.#at, name, options);
  }

  /** Dropped documents with their reasons. Errors: project/argument for a rule that dropped nothing, project/nothing. */
  async drops(name?: string, options: DropsOptions = {}): Promise<DroppedDocuments> {
    return (await explore()).droppedDocuments(this.#at, name, options);
  }

  /** What other thresholds of a step would keep and drop, from the stored values. Errors: data/trial, data/notMeasured, base/config, project/nothing. */
  async try(name: string | undefined, trial: ThresholdTrial): Promise<DataSetState & StepTrial> {
    return (await explore()).tryDataThresholds(this.#at, name, trial);
  }

  /** What a step does to a model: small ones trained without and with it, bits per byte on the same held-out documents. Errors: project/argument, project/nothing. */
  effect(name: string | undefined, options: StepEffectOptions & CallOptions): Call<StepEffect> {
    return callOf(async watch => (await import("./measure-effect.ts")).measureStepEffect(this.#at, name, options, watch), options);
  }

  /** Adds a source to a data set: edits loam.yaml and makes the data anew; with `dryRun` does neither. Errors: project/argument, base/missingFile. */
  add(source: string, options: AddOptions & { readonly dryRun?: boolean } & CallOptions = {}): Call<AddedSource> {
    return callOf(async watch => {
      const { applyAdd, planAdd } = await sources();
      const plan = planAdd(this.#at, source, options, watch);
      return options.dryRun ? { data: plan.data, name: plan.name ?? null, ran: 0 } : applyAdd(this.#at, plan, watch);
    }, options);
  }

  /** What hangs on documents: copies, artifacts and models. Changes nothing. Errors: data/unknownDocument, project/nothing. */
  planForget(documents: readonly string[], options: ForgetOptions & CallOptions = {}): Call<readonly ForgetPlan[]> {
    return callOf(async watch => (await forgetting()).planForget(this.#at, documents, options, watch), options);
  }

  /**
   * Takes documents out of their data sets for good: edits loam.yaml and makes the data anew; with `apply` retrains the models made from them and deletes
   * unreferenced artifacts. Errors: data/unknownDocument, project/nothing; with `apply` project/shared.
   */
  forget(documents: readonly string[], options: ForgetOptions & { readonly apply?: boolean } & CallOptions = {}): Call<ForgottenDocuments> {
    return callOf(async watch => {
      const { applyForget, planForget } = await forgetting();
      return applyForget(this.#at, await planForget(this.#at, documents, options, watch), options, watch);
    }, options);
  }

  /** Everything that is held of a person: the value of the documents' attribute `subject`, the owner of requests, files and acts. */
  subject(id: string, options: SubjectOptions & CallOptions = {}): Call<SubjectData> {
    return callOf(async () => (await privacy()).subjectData(this.#at, id, options), options);
  }

  /** Erases what `subject` finds, and answers a certificate; with `apply` retrains the models made from the documents. Errors: those of `forget`. */
  eraseSubject(id: string, options: EraseOptions & CallOptions = {}): Call<ErasureCertificate> {
    return callOf(async watch => (await privacy()).eraseSubject(this.#at, id, options, watch), options);
  }

  /**
   * What is due under `retention:` of loam.yaml; with `apply` it is erased, with an act in the log. Errors: project/retention; those of `forget`.
   */
  retention(options: RetentionOptions & CallOptions = {}): Call<RetentionReport> {
    return callOf(async watch => (await import("../retention/index.ts")).enforceRetention(this.#at, options, watch), options);
  }

  /** k-anonymity, l-diversity and t-closeness of a table in a file. Errors: governance/table, base/missingFile. */
  anonymity(file: string, options: TableAnonymityOptions & CallOptions): Call<TableAnonymity> {
    return callOf(async () => (await privacy()).tableAnonymity(this.#at, file, options), options);
  }

  /** Curated documents as files for other programs, with their card. Errors: project/argument, project/nothing, export/place, export/occupied, export/columns. */
  export(name: string | undefined, options: ExportDataOptions & CallOptions): Call<ExportedData> {
    return callOf(async watch => (await cards()).exportData(this.#at, name, options, watch), options);
  }

  /** The data card: sources, licences, what became of the documents and why. Errors: project/argument, project/nothing. */
  async card(name?: string): Promise<ShownDataCard> {
    return (await cards()).showDataCard(this.#at, name);
  }

  /** Writes README.md, card.json and croissant.json. Errors: project/argument, project/nothing, project/exists. */
  async writeCard(name: string | undefined, options: WriteCardOptions): Promise<WrittenCard> {
    return (await cards()).writeDataCard(this.#at, name, options);
  }

  /** Trains a classifier of quality from good and bad examples. Errors: project/argument, project/nothing, base/config. */
  trainQuality(options: TrainQualityOptions & CallOptions): Call<TrainedQuality> {
    return callOf(async watch => (await classifiers()).trainQualityModel(this.#at, options, watch), options);
  }

  /** A trained classifier of quality with what was measured of it. Errors: base/missingFile. */
  async quality(file = "models/quality.bin"): Promise<QualityModel> {
    return (await classifiers()).readQualityModel(this.#at, file);
  }

  /** Trains a recogniser of names and places from marked texts. Errors: project/argument, data/examples, base/config. */
  trainNames(options: TrainNamesOptions & CallOptions): Call<TrainedNames> {
    return callOf(async watch => (await classifiers()).trainNamesModel(this.#at, options, watch), options);
  }

  /** A trained recogniser of names and places with what was measured of it. Errors: base/missingFile. */
  async names(file = "models/names.bin"): Promise<NamesModel> {
    return (await classifiers()).readNamesModel(this.#at, file);
  }
}
