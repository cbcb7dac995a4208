/**
 * The owner of stored objects (responses, files, batches, conversations, fine-tuning jobs) as it follows from an identity. A key belongs to a user
 * or to a service account. A user owns what their keys store. A service account of exactly one team stores for that team, so that another
 * account can take its place; one of no team or of several owns what it stores itself.
 */
import { rights } from "../admin/roles.ts";
import type { Control } from "../contract.ts";
import type { Identity } from "../identity/contract.ts";

/** A name of its own for every owner, whatever users, service accounts and teams are called. */
export function ownerOf({ subject, subjectKind, teams }: Pick<Identity, "subject" | "subjectKind" | "teams">): string {
  if (subjectKind === "user") return `user:${subject}`;
  return teams.length === 1 ? `team:${teams[0]}` : `serviceAccount:${subject}`;
}

/** Objects without an owner, stored before objects had owners or without a gateway, are the administrators' to use. */
export function ownerValue(control: Control, identity: Identity): string {
  const isAdministrator =
    identity.roles.some(role => (rights.change as readonly string[]).includes(role)) &&
    control.decide(identity, { endpoint: "admin", model: null }).allowed;
  return Buffer.from(JSON.stringify({ owner: ownerOf(identity), usesUnowned: isAdministrator, subject: identity.subject })).toString(
    "base64url",
  );
}
