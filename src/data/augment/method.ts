/**
 * What an augmentation method is: from a document to another text that may teach the same. A plain method is a pure function of the document
 * and of random numbers; an asking one puts questions to a model. Neither decides which documents it is given, nor marks what it made.
 */
import type { z } from "zod";
import type { Random } from "../../base/index.ts";
import type { Document, DocumentAttributes } from "../document.ts";
import type { Need, Resources } from "../resources.ts";
import type { Writer } from "./upstream/writer.ts";

/** A new text, or why there is none: a short name in kebab-case that is counted. */
export type Variant =
  | { readonly text: string; readonly attributes?: DocumentAttributes; readonly rejected?: undefined }
  | { readonly rejected: string };

interface MethodBase<Schema extends z.ZodType, State> {
  readonly name: string;
  /** Raise it when the same document, seed and options would give another text. */
  readonly version: number;
  /** Strict; everything that can has a default. */
  readonly options: Schema;
  needs?(options: z.output<Schema>): readonly Need[];
  /** Once, before the first document. */
  prepare?(options: z.output<Schema>, resources: Resources): Promise<State>;
}

export interface PlainMethod<Schema extends z.ZodType = z.ZodType, State = unknown> extends MethodBase<Schema, State> {
  readonly kind: "plain";
  vary(document: Document, draw: Random, options: z.output<Schema>, state: State): Variant;
}

export interface AskingMethod<Schema extends z.ZodType = z.ZodType, State = unknown> extends MethodBase<Schema, State> {
  readonly kind: "asking";
  /** The most that one document takes, before it is asked about; a budget is kept by it. */
  reckon(document: Document, options: z.output<Schema>): { readonly requests: number; readonly tokens: number };
  vary(document: Document, draw: Random, options: z.output<Schema>, state: State, writer: Writer): Promise<Variant>;
}

export type AugmentMethod = PlainMethod | AskingMethod;

export const plainMethod = <Schema extends z.ZodType, State = void>(
  method: Omit<PlainMethod<Schema, State>, "kind">,
): PlainMethod<Schema, State> => ({ kind: "plain", ...method });
export const askingMethod = <Schema extends z.ZodType, State = void>(
  method: Omit<AskingMethod<Schema, State>, "kind">,
): AskingMethod<Schema, State> => ({ kind: "asking", ...method });

/** The variant of a text that a method may have left as it was. */
export const changed = (before: string, text: string): Variant => (text === before ? { rejected: "unchanged" } : { text });
