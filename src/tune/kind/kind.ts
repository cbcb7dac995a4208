/**
 * A kind of tuning as a row of one table (`kinds.ts`): what `tune:` of a model in loam.yaml may say, the stages that make the model, and how its models are
 * judged in a search. Everything else (projects, searches, cross-validation, rebuilds, estimates) reads rows and never asks which kind one is.
 */
import type { z } from "zod";
import type { LoamError } from "../../base/index.ts";
import type { ClassifierPooling } from "../../nn/index.ts";
import type { ArtifactReader, Stage, Summary } from "../../store/index.ts";
import type { EmbedSurroundings } from "../contrast/stage.ts";
import type { CrossValidationOptions } from "../cross-validation/options.ts";
import type { EndpointTeacherOptions } from "../distill/options.ts";
import type { EndpointSurroundings } from "../distill/tune-endpoint.ts";
import type { EncodedExamples, EncodeExampleOptions, TuneText } from "../instruct/encode.ts";
import type { PlacedExample } from "../instruct/read.ts";
import type { InstructSurroundings } from "../instruct/stage.ts";
import type { Half } from "../study/halves.ts";
import type { TuneSurroundings } from "../text-head/open-base.ts";
import type { KindPart, TunePart } from "./kind-part.ts";

/** What stages need of where they run, and is no part of the result. */
export interface KindSurroundings
  extends TuneSurroundings,
    Pick<EmbedSurroundings, "encoderOf" | "writeEncoder">,
    Pick<InstructSurroundings, "textOf" | "writeModel" | "quantised"> {
  readonly onProblem: (problem: LoamError) => void;
  /** The project's folder, at which paths begin. */
  readonly folder: string;
  /** How a base's own files make a text's states one. */
  readonly poolingOf: (base: ArtifactReader) => Promise<ClassifierPooling>;
  /** Does a data set hold out documents of the user's own choice? */
  holdsOutOwn(dataSet: string): boolean;
  /** How a teacher behind an endpoint is reached. */
  reach(model: string, teacher: EndpointTeacherOptions): EndpointSurroundings;
}

/** A stage of a tuned model's making: the labels of what it needs, its options, and how its result reads. */
export interface KindLink<I extends string = string, S extends z.ZodType = z.ZodType> {
  readonly stage: "data" | "tune" | "baselines" | "evaluate" | "cross-validate";
  /** What people read: `evaluate/topics`. */
  readonly label: string;
  /** The stage's name for an input -> the label of what makes it. */
  readonly inputs: Readonly<Record<I, string>>;
  readonly definition: Stage<I, S>;
  options(): z.input<S> | Promise<z.input<S>>;
  describe(summary: Summary): string;
}
/** A link checked against its stage's types; from here on links are alike. */
export const kindLink = <I extends string, S extends z.ZodType>(link: KindLink<I, S>): KindLink => link;

/** A model that is to be made: its name and its base's are labels of links. */
export interface TuningGiven<P extends TunePart> {
  readonly name: string;
  readonly base: string;
  readonly part: P;
  readonly around: KindSurroundings;
}
export interface FoldsGiven<P extends TunePart> extends TuningGiven<P> {
  /** Label of the documents. */
  readonly documents: string;
  readonly crossValidation: CrossValidationOptions;
  /** Scores of the baselines beside the model's; a search has no use for them. */
  readonly hasBaselines: boolean;
}

/** The label under which links find what the trials of a search are judged on. */
export const judgedLabel = "judged";
/** That of an input of the tuning that judges beside it: of the configuration as it is, whatever a trial is made of. */
export const besideLabel = (input: string): string => `judged/${input}`;

/** Whom a judge asks: what stands under a label; an adapter with its base. */
export interface JudgeAsked {
  readonly model: string;
  readonly base?: string | undefined;
  /** Of the judgement. */
  readonly label: string;
  readonly half: Half;
}

/** How models of a kind are judged. All trials of a search are judged by one yardstick: the configuration's as it is. */
interface KindJudge<P extends TunePart> {
  /** The input of the tuning by which its data come. */
  readonly input: string;
  /** How records of a file that judge are divided, and kept from what trains. Absent: the kind reads data sets alone. */
  readonly file?: { readonly halving: Stage; readonly dividing: Stage };
  /** Inputs of the tuning that judge beside the data. */
  readonly beside: readonly string[];
  /** What the loss is counted in: `nats a token`. */
  unit(part: P): string;
  /** What of a data set's documents says which of them select, beside `validation` and `seed`. */
  selectedBy?(part: P): object;
  /** What judges by the yardstick of `part`. */
  link(given: Pick<TuningGiven<P>, "name" | "part" | "around">, asked: JudgeAsked): KindLink;
  /**
   * Factor from the validation loss that a training tells to the study's unit; undefined where it is another yardstick's: such trials are compared at
   * their end alone.
   */
  told(own: JudgedSide<P>, study: JudgedSide<P>, o: { readonly movesParts: boolean }): number | undefined;
  /** Texts that select, whose answers are timed. */
  texts(judged: ArtifactReader, part: P): Promise<readonly string[]>;
}
interface JudgedSide<P> {
  readonly base: string;
  readonly part: P;
}

/** The report on the held-out side, as `report.json` of an evaluation. */
export interface KindReport {
  /** Its `task`. */
  readonly task: string;
  /** The score that is looked at first. */
  mainScore(report: never): MainScore | undefined;
  /** For the terminal. */
  table(report: never): string;
}
export interface MainScore {
  readonly metric: string;
  readonly better: "higher" | "lower";
  readonly value: number;
  readonly low: number;
  readonly high: number;
}

/** Examples as tokens, for `loam tune preview`. */
export type PreviewEncoder = (text: TuneText, examples: readonly PlacedExample[], o: EncodeExampleOptions) => EncodedExamples;

export interface TuningKind<P extends TunePart = TunePart> extends KindPart<P> {
  /** From base and data to the model, and its report. */
  links(given: TuningGiven<P>): KindLink[];
  /** Stages that make a model of what the record holds, for a rebuild. */
  stages(around: KindSurroundings): readonly Stage[];
  readonly judge: KindJudge<P>;
  /** How its recipes are scored by cross-validation; where its part has folds. */
  folds?(given: FoldsGiven<P>): KindLink[];
  readonly report?: KindReport;
  /** Of tuning on examples: encoders by the names of its stages (`tune-NAME-merged`). */
  readonly encoders?: Readonly<Record<string, PreviewEncoder>>;
  /** Which of them a part uses. */
  encoderOf?(part: P): string;
}
