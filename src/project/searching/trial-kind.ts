/** What a trial of an entry is: the links that make it, what judges it and by which yardstick, what its training tells on its way. */
import { canonicalJson, type Json } from "../../base/index.ts";
import type { ArtifactReader } from "../../store/index.ts";
import type { Device } from "../../tensor/index.ts";
import type { Half } from "../../tune/index.ts";
import type { TunedModel } from "../../tune/part.ts";
import type { Link } from "../link.ts";
import { modelText } from "../models/model-text.ts";
import type { ProjectFile } from "../project-file.ts";

/** The label under which links find what the study's trials are judged on. */
export const judgedLabel = "judged";
/** Those of the base and the teacher of the configuration as it is: yardsticks are theirs, whatever a trial is made of. */
export const baseLabel = "judged/base";
export const teacherLabel = "judged/teacher";

export type Values = Readonly<Record<string, number | undefined>>;

/** Whom a judge asks: what stands under a label; an adapter with its base. */
export interface Asked {
  readonly model: string;
  readonly base?: string | undefined;
  /** Of the judgement. */
  readonly label: string;
  readonly half: Half;
}

/** How trials of an entry are made and judged. */
export interface TrialKind {
  /** What `heldOut` is counted in. */
  readonly unit: string;
  /** The label of what all trials are judged on, among `preparing`. */
  readonly judged: string;
  /** What judges beside it: label -> that of a link among `preparing`. */
  readonly beside: Readonly<Record<string, string>>;
  /** The links that make what judges, of the configuration as it is. */
  readonly preparing: readonly Link[];
  /** From the source to the model, and its judgement where there is one. */
  readonly links: readonly Link[];
  /** The link that trains. */
  readonly trained: Link;
  readonly judgement?: string;
  /** `heldOut` as a progress event tells it, where it was measured anew and by the study's yardstick. */
  told(values: Values, made: ReadonlyMap<string, ArtifactReader>): number | undefined;
  /** Judges what stands under a label on a half; absent where nothing is held out that chose nothing. */
  judge?(asked: Asked): Link;
  /** Texts that select, of what the trials are judged on or of the made: whose answers are timed. */
  texts(made: ReadonlyMap<string, ArtifactReader>): Promise<readonly string[]>;
}

export interface Given {
  /** The trial's. */
  readonly project: ProjectFile;
  /** The configuration as it is. */
  readonly usual: ProjectFile;
  /** Names of what the study varies. */
  readonly varies: readonly string[];
  /** Folds that a trial is judged by, where the study asks for them. */
  readonly folds?: number | undefined;
  readonly model: string;
  readonly life: readonly Link[];
  readonly trained: Link;
  readonly device: () => Device;
}

export type Tune<T extends TunedModel["tune"]["task"]> = Extract<TunedModel["tune"], { readonly task: T }>;
export const tuneOf = <T extends TunedModel["tune"]["task"]>(project: ProjectFile, model: string, _: T): Tune<T> =>
  project.config.tuned[model]!.tune as Tune<T>;

export const tokenizerOf = async (artifact: ArtifactReader) => (await modelText(artifact)).tokenizer;

export const lossText = (s: ArtifactReader["summary"]): string => `loss ${s.loss} on ${s.documents} documents`;

/** A loss that is told with every step and measured now and then: the first event with another one. */
export function fresh(key: string, scale: number): TrialKind["told"] {
  let last: number | undefined;
  return values => {
    const loss = values[key];
    if (loss === undefined || loss === last) return undefined;
    last = loss;
    return loss * scale;
  };
}

/** The loss on what selects, where it is what the study counts; trials that learn by another one are compared at their end alone. */
export const toldBy = (own: Json, study: Json): TrialKind["told"] =>
  canonicalJson(own) === canonicalJson(study) ? fresh("validationLoss", 1) : () => undefined;
