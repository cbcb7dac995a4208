/**
 * What the console changes in a project: releases of its models. A port: the application gives functions over its project's library. `by` is who does it,
 * for the log of acts. The types follow from the schemas of `http/console-answers/actions.ts`.
 */
import type { z } from "zod";
import type { Answered } from "../base/index.ts";
import type { approvedVersion, movedAlias, promotedVersion } from "./http/console-answers/actions.ts";

interface MoveGiven {
  readonly alias: string;
  readonly reason?: string | undefined;
}

interface ApproveGiven {
  readonly alias: string;
  readonly role: string;
  readonly note?: string | undefined;
  readonly withdraw?: boolean | undefined;
}

export interface ActionSource {
  /** Recorded as the actor where callers have no accounts: the user of this machine. */
  readonly user: string;
  /** Why nothing can be changed; null: it can. */
  unavailable(): string | null;
  /** Errors: registry/refused, registry/tampered, store/notFound. */
  promote(
    version: string,
    given: MoveGiven & { readonly dryRun?: boolean | undefined },
    by: string,
  ): Promise<Answered<z.output<typeof promotedVersion>>>;
  /** Errors: store/notFound, registry/tampered. */
  rollback(model: string, given: MoveGiven, by: string): Promise<Answered<z.output<typeof movedAlias>>>;
  /** Unsigned; `isVerified`: `by` is an account that the server has checked. Errors: registry/role, store/notFound. */
  approve(version: string, given: ApproveGiven, by: string, isVerified: boolean): Promise<Answered<z.output<typeof approvedVersion>>>;
}
