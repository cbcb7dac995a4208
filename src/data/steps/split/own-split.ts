/**
 * A user's own split: documents whose attribute has a value are held out, whatever they are like. While sides are drawn the value travels as the
 * stratum of a document; one without the attribute bears the names of those it has, for the error that lists them.
 */
import type { Document } from "../../document.ts";
import { dataErrors } from "../../errors.ts";
import { type OwnPart, ownPart, ownPartProblem } from "../../split-by/index.ts";
import type { SplitOptions } from "./options.ts";

/** In front of the names of attributes: no value of an attribute begins so. */
const without = "\u0000";
/** Names that a document without the attribute bears. */
const mostNames = 30;

/** The part that is held out; undefined where a share is. */
export const ownSplit = ({ heldOut }: Pick<SplitOptions, "heldOut">): OwnPart | undefined =>
  typeof heldOut === "number" ? undefined : ownPart(heldOut);

/** What a document says of its side. */
export function ownStratum({ attributes }: Document, { attribute }: OwnPart): string {
  const value = Object.hasOwn(attributes, attribute) ? attributes[attribute] : undefined;
  if (value === undefined || value === null) return without + Object.keys(attributes).sort().slice(0, mostNames).join("\n");
  return typeof value === "string" ? value : JSON.stringify(value);
}

/** Errors: data/ownSplit where an attribute or value is in no document, or all are held out. */
export function checkOwnSplit(own: OwnPart, strata: ReadonlyMap<string, number>): void {
  const values = new Map([...strata].filter(([s]) => !s.startsWith(without)));
  const others = [...strata].filter(([s]) => s.startsWith(without));
  const problem = ownPartProblem(own, {
    values,
    without: others.reduce((n, [, documents]) => n + documents, 0),
    attributes: new Set(others.flatMap(([s]) => s.slice(1).split("\n")).filter(a => a !== "")),
  });
  if (problem) throw dataErrors.fail("ownSplit", { place: "split.heldOut", ...problem });
}
