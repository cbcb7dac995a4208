/** The person that each document is of, by the attribute that a recipe names. */
import type { DocumentAttributes } from "../../data/index.ts";
import { tuneErrors } from "../errors.ts";
import type { PrivacyOptions } from "./options.ts";

/** Undefined: each document is a person. Errors: tune/privacy for a document without the attribute, which could be anybody's. */
export function ownersOf(
  privacy: PrivacyOptions | undefined,
  documents: readonly { readonly id: string; readonly attributes: DocumentAttributes }[],
): string[] | undefined {
  const attribute = privacy?.person;
  if (attribute === undefined) return undefined;
  return documents.map(({ id, attributes }) => {
    const value = attributes[attribute];
    if (typeof value === "string" || typeof value === "number") return String(value);
    throw tuneErrors.fail("privacy", {
      place: `${id}: ${attribute}`,
      expected: "the person that the document is of",
      received: value === undefined ? "none" : typeof value,
      hint: "Give every document the attribute, or leave `person` out to protect documents.",
    });
  });
}
