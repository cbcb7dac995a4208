/**
 * The owner of stored objects: files, batches, responses, fine-tuning jobs and what these make. Whoever is not the owner is told the same as for
 * an unknown id. Who calls is not decided here: `AppOptions.callerOf` reads it from the request.
 */
import { z } from "zod";
import { callerHeader, ownerHeader } from "../../protocols/index.ts";

export interface Caller {
  /** Owner of what this caller stores; null: nobody in particular, as on a server without keys. */
  readonly owner: string | null;
  /** Whether objects without an owner are this caller's to use: those of a server without keys, and those stored before objects had owners. */
  readonly usesUnowned: boolean;
  /** The account that is recorded as the actor; absent where callers have no accounts. */
  readonly subject?: string | undefined;
  /** The gateway's note about the caller, for requests made later on their behalf (lines of a batch). */
  readonly note: string | null;
}

/** Every caller of a server without keys. */
export const anonymous: Caller = { owner: null, usesUnowned: true, note: null };

/** What was stored before objects had owners has no `owner` at all. */
export interface Owned {
  readonly owner?: string | null;
}

export const mayUse = (caller: Caller, { owner = null }: Owned): boolean => (owner === null ? caller.usesUnowned : owner === caller.owner);

/** An object as clients see it. */
export function withoutOwner<T extends Owned>({ owner: _, ...shown }: T): Omit<T, "owner"> {
  return shown;
}

const ownerSchema = z.strictObject({ owner: z.string().min(1), usesUnowned: z.boolean(), subject: z.string().min(1) });

/** The caller as the gateway of the same process says. Only for an application that nothing but that gateway reaches with stored objects. */
export function callerBehindGateway({ headers }: Request): Caller {
  const text = headers.get(ownerHeader);
  // without the gateway's word there is no object to use and nobody to store one for
  if (text === null) throw new TypeError(`a request for stored objects without ${ownerHeader}`);
  return { ...ownerSchema.parse(JSON.parse(Buffer.from(text, "base64url").toString())), note: headers.get(callerHeader) };
}
