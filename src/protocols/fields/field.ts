/**
 * One field of a request's body, as a row: which APIs have it, and what is done with it. `done`: it changes the response, or is checked by the
 * request's schema. `harmless`: it changes nothing that a caller could rely on; the response names it in `x-loam-ignored`. `refused`: a value that
 * asks for something is a 400 that says what to do instead. An object whose keys are a closed list has a table of its own (`within`).
 */
import { isGiven, isRow } from "../values.ts";

const fieldSources = ["openai", "vllm", "llama.cpp", "ollama", "tgi", "anthropic", "kserve", "triton", "cohere", "loam"] as const;
/** The APIs that a field is of; several where they share it. */
type FieldSource = (typeof fieldSources)[number];

interface FieldBase {
  readonly from: readonly FieldSource[];
  /** The keys of an object. */
  readonly within?: FieldTable;
  /** Names that the table does not know are refused, however far from a known one. */
  readonly isClosed?: true;
}
interface DoneField extends FieldBase {
  readonly kind: "done";
}
interface HarmlessField extends FieldBase {
  readonly kind: "harmless";
  readonly why: string;
}
interface RefusedField extends FieldBase {
  readonly kind: "refused";
  /** A value that asks for something; others are taken. */
  readonly asks: (value: unknown) => boolean;
  readonly instead: string;
}
export type FieldRow = DoneField | HarmlessField | RefusedField;
export type FieldTable = Readonly<Record<string, FieldRow>>;

/** The fields of one request. */
export interface RequestFields {
  /** Method and address, as in the documentation. */
  readonly request: string;
  readonly fields: FieldTable;
}

type Sources = FieldSource | readonly FieldSource[];
const list = (from: Sources): readonly FieldSource[] => (typeof from === "string" ? [from] : from);

export const done = (from: Sources, within?: FieldTable): FieldRow => ({ kind: "done", from: list(from), ...(within ? { within } : {}) });
/** An object of which nothing but the keys of its table is taken. */
export const doneClosed = (from: Sources, within: FieldTable): FieldRow => ({ kind: "done", from: list(from), within, isClosed: true });
export const harmless = (from: Sources, why: string, within?: FieldTable): FieldRow => ({
  kind: "harmless",
  from: list(from),
  why,
  ...(within ? { within } : {}),
});
export const refused = (from: Sources, asks: RefusedField["asks"], instead: string): FieldRow => ({
  kind: "refused",
  from: list(from),
  asks,
  instead,
});

/** Every value asks. */
export const always = (): boolean => true;
/** Every value but these asks. */
export const unless =
  (...idle: readonly unknown[]) =>
  (value: unknown): boolean =>
    !idle.includes(value);
/** Texts, lists and objects ask that hold something; numbers and `true` do too. */
export const notEmpty = (value: unknown): boolean =>
  isGiven(value) &&
  value !== "" &&
  value !== false &&
  !(Array.isArray(value) ? value.length === 0 : isRow(value) && Object.keys(value).length === 0);
