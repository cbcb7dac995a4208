/** Principals, policies and limits one by one, as those who list and change them see them: types, and the kinds that there are. */
import type { Json } from "../../base/index.ts";

export const principalKinds = ["organisations", "teams", "users", "serviceAccounts"] as const;
export type PrincipalKind = (typeof principalKinds)[number];
export const entryKinds = [...principalKinds, "policies", "limits"] as const;
export type EntryKind = (typeof entryKinds)[number];

export const isPrincipal = (kind: EntryKind): kind is PrincipalKind => (principalKinds as readonly EntryKind[]).includes(kind);

/** As people write it, without its name. */
export type EntryValue = Readonly<Record<string, Json>>;

export interface AccessEntry {
  readonly kind: EntryKind;
  readonly name: string;
  /** Who changes it: the file by being edited, the state by the admin API. */
  readonly origin: "file" | "store";
  /** Position of its newest change in the list of changes; null in the file. */
  readonly revision: number | null;
  readonly value: EntryValue;
}

/** What an entry must be for a change to be made: of this revision, any that is there, none; undefined: it is new, or it is taken away as it is. */
export type Match = number | "any" | "none" | undefined;

export interface EntryAsked {
  readonly kind: EntryKind;
  readonly name: string;
  readonly match?: Match;
}

/** Entries: shown and changed; every change is in the list of changes in the same transaction. */
export interface Entries {
  /** Of the file and the state, as it is now. */
  list(kind?: EntryKind): readonly AccessEntry[];
  /** Errors: unknownEntry. */
  find(kind: EntryKind, name: string): AccessEntry;
  /** Makes or replaces one. Errors: parameter, entryTaken, entryChanged, entryRevision, lastAdmin. */
  put(asked: EntryAsked & { readonly value: unknown }, by: string): Promise<{ readonly entry: AccessEntry; readonly isNew: boolean }>;
  /** Changes one from what it is, whatever its revision. Errors: unknownEntry, entryTaken, parameter, lastAdmin. */
  edit(asked: EntryAsked, how: (value: EntryValue) => EntryValue, by: string): Promise<AccessEntry>;
  /** Errors: unknownEntry, entryTaken, entryChanged, entryInUse, lastAdmin. */
  remove(asked: EntryAsked, by: string): Promise<AccessEntry>;
}
