/** What a trial of an entry is: the links that make it, what judges it and by which yardstick, what its training tells on its way. */
import type { ArtifactReader } from "../../store/index.ts";
import type { Device } from "../../tensor/index.ts";
import type { JudgeAsked } from "../../tune/index.ts";

import type { Link } from "../link.ts";
import { modelText } from "../models/model-text.ts";
import type { ProjectFile } from "../project-file.ts";

type Values = Readonly<Record<string, number | undefined>>;

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
  /** Judges what stands under a label on a half; absent where there is no test set. */
  judge?(asked: JudgeAsked): Link;
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

export const tokenizerOf = async (artifact: ArtifactReader) => (await modelText(artifact)).tokenizer;

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
