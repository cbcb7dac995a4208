/** What the console's page Labels reads and writes. A port: the application gives functions over its project's files. Answers are plain data. */
import type { z } from "zod";
import type { Answered } from "../base/index.ts";
import type { labelBatch, labelDisagreements, labelState } from "./http/console-answers/labels.ts";

type Answer<T> = T | Promise<T>;
type LabelState = Answered<z.output<typeof labelState>>;

export interface LabelGiven {
  readonly id: string;
  /** A class; of a set of several classes a list, of ranges (UTF-16 code units) those. Null takes it back. */
  readonly label: string | string[] | { start: number; end: number; label: string }[] | null;
  readonly by: string;
  /** `by` is an account that the server has checked; by default it is what somebody says. */
  readonly isVerified?: boolean | undefined;
  /** Decides a text on which people differ. */
  readonly adjudicated?: true | undefined;
}

export interface LabelSource {
  /** Every entry of `labels:`, with its classes and how much is labelled. */
  sets(): Answer<readonly LabelState[]>;
  /** Differs as soon as somebody has labelled; read every second while a page is open. */
  revision(): Answer<string>;
  /** Texts that a person has not labelled yet, and how far people agree; undefined where there is no such set. */
  batch(name: string, by: string, isVerified?: boolean): Answer<Answered<z.output<typeof labelBatch>> | undefined>;
  /** Texts on which people differ, with who gave what; undefined where there is no such set. */
  disagreements(name: string): Answer<Answered<z.output<typeof labelDisagreements>> | undefined>;
  /** Keeps a label; it is on the disk when this has answered. Errors: serve/parameter's place is left to the route. */
  give(name: string, given: LabelGiven): Answer<LabelState | undefined>;
}
