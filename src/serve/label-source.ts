/** What the console's page Labels reads and writes. A port: the application gives functions over its project's files. Answers are plain data. */
import type { z } from "zod";
import type { Answered } from "../base/index.ts";
import type { labelBatch, labelState } from "./http/console-answers/labels.ts";

type Answer<T> = T | Promise<T>;
type LabelState = Answered<z.output<typeof labelState>>;

export interface LabelGiven {
  readonly id: string;
  /** Null takes it back. */
  readonly label: string | null;
  readonly by: string;
}

export interface LabelSource {
  /** Every entry of `labels:`, with its classes and how much is labelled. */
  sets(): Answer<readonly LabelState[]>;
  /** Differs as soon as somebody has labelled; read every second while a page is open. */
  revision(): Answer<string>;
  /** Texts that a person has not labelled yet, and how far people agree; undefined where there is no such set. */
  batch(name: string, by: string): Answer<Answered<z.output<typeof labelBatch>> | undefined>;
  /** Keeps a label; it is on the disk when this has answered. Errors: serve/parameter's place is left to the route. */
  give(name: string, given: LabelGiven): Answer<LabelState | undefined>;
}
