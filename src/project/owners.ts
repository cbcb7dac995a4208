/** Accountable owners, as `governance.owners` of loam.yaml names them. */
import type { AccountableOwner } from "../governance/part.ts";
import type { ProjectFile } from "./project-file.ts";

type Owners = Readonly<Record<string, AccountableOwner>>;

export const ownersIn = (project: Pick<ProjectFile, "config"> | undefined): Owners => project?.config.governance.owners ?? {};

/** The owner of the first of these (`model/mail-spam`, `guard/reviewer`) that has one; null where none has. */
export function ownerOfFirst(owners: Owners, things: readonly string[]): AccountableOwner | null {
  const found = things.find(thing => Object.hasOwn(owners, thing));
  return found === undefined ? null : owners[found]!;
}

/** As a person reads it. */
export const ownerText = ({ owner, contact }: AccountableOwner): string => (contact === undefined ? owner : `${owner} (${contact})`);
