/**
 * What a call reports while it works: plain, typed events. `--json` prints the same objects, one a line, except `warning`, which goes to stderr, and
 * `study`, `trials`, `model`, `stopping` and `text`, which only lines for people are made from. The events and their fields are listed in docs/library.md.
 */
import type { ProgressEvent } from "../base/index.ts";
import type { DecoderForm } from "../serve/index.ts";
import type { StoredTrial, Summary, TrialState } from "../store/index.ts";
import type { ObjectiveName } from "../tune/index.ts";
import type { EvaluationReport } from "./eval/report-of.ts";
import type { LooksReport } from "./looks.ts";
import type { QuantizedForm } from "./models/measure-quantized.ts";
import type { RebuiltStage } from "./rebuild/rebuild.ts";
import type { StudySpec } from "./searching/definition.ts";
import type { TrialResult } from "./searching/trial.ts";
import type { ServedContext } from "./serving/default-context.ts";

/** Version of the events, in each as `v`. Names and fields of a version stay; fields and events may be added. */
export const eventVersion = 1;

/** How far a stage is. Of those that nobody has read yet only the newest of a label and stage is kept. */
export interface LabelledProgressEvent extends ProgressEvent {
  readonly event: "progress";
  /** What people call it: `data/mail`, `mail-small`. */
  readonly label: string;
}

/** Losses of a training run by step: train and, where it was measured, held-out. */
export interface LossPoint {
  readonly step: number;
  readonly loss: number;
  readonly heldOut?: number;
}

/** A stage is over: it ran, or what it would make was there already. */
export interface StageEvent {
  readonly event: "stage";
  readonly label: string;
  readonly stage: string;
  readonly action: "made" | "reused";
  /** Identifier of the artifact. */
  readonly artifact: string;
  readonly summary: Summary;
  readonly tookMs: number;
  /** The summary as a sentence. */
  readonly described: string;
  /** Of a model that was trained now. */
  readonly losses?: readonly LossPoint[];
  /** The artifact that the same recipe made before, with other content. */
  readonly differsFrom?: string;
}

/** Something went otherwise than hoped, and the call goes on. */
export interface WarningEvent {
  readonly event: "warning";
  /** One sentence for people. */
  readonly message: string;
}

/** The recipe of a model was cross-validated, now or before. */
export interface CrossValidationEvent {
  readonly event: "cross-validation";
  readonly model: string;
  /** Identifier of the artifact. */
  readonly artifact: string;
  readonly report: EvaluationReport;
}

/** All stages of a model are over. */
export interface ModelEvent {
  readonly event: "model";
  readonly model: string;
  /** `mail-small@1`; null where the stages do not reach its evaluation. */
  readonly version: string | null;
  /** Stages that ran. */
  readonly ran: number;
  readonly tookMs: number;
  readonly report?: EvaluationReport;
  readonly looks?: LooksReport;
  readonly crossValidation?: EvaluationReport;
}

/** A study begins or goes on. */
export interface StudyEvent {
  readonly event: "study";
  readonly study: string;
  readonly sampler: string;
  readonly pruner: string;
  /** Trials in all when it is done. */
  readonly trials: number;
  /** Trials so far, by state. */
  readonly counts: Readonly<Partial<Record<TrialState, number>>>;
  readonly objectives: readonly ObjectiveName[];
  /** What `heldOut` is counted in. */
  readonly unit: string;
}

/** The trials of a study are over; the winner is judged next. */
export interface TrialsEvent {
  readonly event: "trials";
  readonly study: string;
  readonly spec: StudySpec;
  readonly trials: readonly StoredTrial[];
}

/** A trial is over. */
export type TrialEvent = TrialResult & {
  readonly event: "trial";
  readonly trial: number;
  readonly point: unknown;
};

/** A server can be reached and its models are loaded. */
export interface ServingEvent {
  readonly event: "serving";
  readonly url: string;
  readonly host: string;
  /** Address of the Open Inference Protocol over gRPC, where it was asked for: `127.0.0.1:8001`. */
  readonly grpc?: string;
  /** Signs a browser in, once. */
  readonly loginUrl?: string;
  /** Absent where none is served yet. */
  readonly model?: string;
  /** Why no model is served, and what to run. */
  readonly reason?: string;
  /** Where they are several. */
  readonly models?: readonly string[];
  readonly adapters?: readonly string[];
  /** Whether the project's gateway is before it. */
  readonly gateway?: true;
  readonly demoKey?: string;
  /** Where the first model answers: `OpenAI API: /v1`. */
  readonly api: string;
  /** Whether there is a console. */
  readonly page: boolean;
  /** The operator has turned the console off. */
  readonly consoleOff?: boolean;
  /** Whether others than this machine reach it. */
  readonly isOpen: boolean;
  /** Requests for models need an API key. */
  readonly needsKey?: true;
  /** Whether the first model is a version of the record. */
  readonly isRecorded: boolean;
  /** A draft model that is not used: with it, responses would differ on this processor. */
  readonly idleDraft?: string;
  /** Of classifiers whose probabilities are calibrated: temperatures by model. */
  readonly temperatures?: Readonly<Record<string, number>>;
  /** The model that adapters are for. */
  readonly adaptersOf?: string;
  /** How the first model is sampled where a request says nothing. */
  readonly sampling?: string;
  /** Tokens of prompt and answer together, what the first model was trained for, and by what it was decided. */
  readonly context?: ServedContext;
  /** Quantised forms that decoders are served in, by model: how each was chosen, and what it was measured to cost. */
  readonly forms?: Readonly<Record<string, DecoderForm>>;
  /** A first request with the demo's key. */
  readonly demoRequest?: string;
}

/** A server's model came or went. */
export interface ServedModelEvent {
  readonly event: "loaded" | "unloaded" | "asleep" | "load-failed";
  /** `mail-small@1`. */
  readonly model: string;
  readonly ms: number;
}

/** A server takes no more requests. */
export interface StoppingEvent {
  readonly event: "stopping";
  /** Requests whose answer is finished first. */
  readonly inFlight: number;
}

/** A server is closed. */
export interface StoppedEvent {
  readonly event: "stopped";
  /** Responses that were cut off. */
  readonly cutOff: number;
}

/** A piece of a response. */
export interface PieceEvent {
  readonly event: "text";
  readonly text: string;
}

/** What was found on the way. */
export interface NoteEvent {
  readonly event: "note";
  /** One line for people. */
  readonly message: string;
}

/** `models.verify` with `rebuild`: a stage was run again. */
export interface RebuiltEvent extends RebuiltStage {
  readonly event: "rebuilt";
}

/** `models.quantize`: a form was measured. */
export interface QuantizedEvent {
  readonly event: "quantized";
  readonly form: QuantizedForm;
}

export type EventContent =
  | LabelledProgressEvent
  | StageEvent
  | WarningEvent
  | CrossValidationEvent
  | ModelEvent
  | StudyEvent
  | TrialEvent
  | TrialsEvent
  | ServingEvent
  | ServedModelEvent
  | StoppingEvent
  | StoppedEvent
  | PieceEvent
  | NoteEvent
  | RebuiltEvent
  | QuantizedEvent;

export type ProjectEvent = EventContent & { readonly v: typeof eventVersion };
