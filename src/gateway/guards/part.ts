/** What all guards have in common, taken from their part of the file. */
import { hashOf } from "../../base/index.ts";
import { gatewayErrors } from "../errors.ts";
import { type Guard, type GuardAsk, type GuardSession, stages } from "./contract.ts";
import type { GuardPart } from "./schema.ts";

/** What a kind needs to make a guard. */
export interface GuardOpening<P extends GuardPart> {
  readonly name: string;
  /** Of the guard in the file, for errors. */
  readonly place: string;
  readonly part: P;
  /** Of the configuration: relative paths are in it. */
  readonly folder: string;
}

interface GuardMade {
  /** Contents of files and other things beside the part that decisions rest on. */
  readonly more?: unknown;
  readonly maxBytes?: number;
  readonly asks?: string;
  open(ask: GuardAsk): GuardSession;
  close?(): Promise<void>;
}

export const badGuard = (place: string, expected: string, received: string, hint?: string) =>
  gatewayErrors.fail("config", { place, expected, received, ...(hint === undefined ? {} : { hint }) });

const has = (list: readonly string[] | undefined, value: string): boolean => list === undefined || list.includes(value);

/** Counts up when a kind decides otherwise for the same options. */
const decisionsVersion = 3;

export function guardOf({ name, part }: Pick<GuardOpening<GuardPart>, "name" | "part">, made: GuardMade): Guard {
  const { kind, onFailure, for: whom, ...rest } = part;
  // secrets of headers count by where they are kept
  const version = hashOf({ decisionsVersion, kind, onFailure, whom, rest, more: made.more ?? null });
  return {
    name,
    kind,
    version,
    failsOpen: onFailure === "open",
    maxBytes: made.maxBytes,
    asks: made.asks,
    stages: "on" in part ? part.on : stages,
    isFor: ({ model, endpoint, identity: { keyId, subject, teams } }) =>
      has(whom.models, model) &&
      has(whom.endpoints, endpoint) &&
      has(whom.keys, keyId) &&
      has(whom.subjects, subject) &&
      (whom.teams === undefined || whom.teams.some(t => teams.includes(t))),
    open: made.open,
    close: made.close ?? (async () => {}),
  };
}
