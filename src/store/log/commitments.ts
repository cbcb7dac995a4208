/**
 * Salted commitments of an act's fields: SHA-256 over the field's name, 32 random bytes and the value. The log holds the commitment alone; salt and value
 * stand beside it and can be deleted, after which the commitment says nothing (a hash without a salt could be guessed from a list of names). One commitment
 * a field, so that who acted can be erased, or shown, without the rest.
 */
import { randomBytes } from "node:crypto";
import { hashOf, type Json } from "../../base/index.ts";

export const actFields = ["who", "what", "on", "evidence", "purpose", "note"] as const;
export type ActField = (typeof actFields)[number];

/** What opens a commitment. `value` is canonical JSON. */
export interface Opening {
  readonly field: ActField;
  readonly salt: string;
  readonly value: string;
}

export const newOpening = (field: ActField, value: string): Opening => ({ field, salt: randomBytes(32).toString("hex"), value });

export const commitmentOf = ({ field, salt, value }: Opening): string =>
  hashOf({ commitment: "loam/act/1", field, salt, value } satisfies Json);
