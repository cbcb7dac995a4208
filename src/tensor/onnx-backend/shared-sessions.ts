/** Sessions by program: what several compiled functions have in common is built once, and goes with its last user. */
import { createHash } from "node:crypto";
import type { EngineSession } from "../onnxruntime/index.ts";

/** The right to use a session until it is given back. */
export interface SessionLease {
  readonly session: EngineSession;
  release(): void;
}

export const ownSession = (session: EngineSession): SessionLease => ({ session, release: () => session.dispose() });

export class SharedSessions {
  readonly #held = new Map<string, { readonly session: Promise<EngineSession>; users: number }>();

  /** The session of a model under the settings that `variant` names; `create` is called where nobody holds it. */
  async lease(model: Uint8Array, variant: string, create: () => Promise<EngineSession>): Promise<SessionLease> {
    const key = `${variant} ${createHash("sha256").update(model).digest("hex")}`;
    const held = this.#held.get(key) ?? { session: create(), users: 0 };
    this.#held.set(key, held);
    held.users++;
    let isHeld = true;
    const release = (): void => {
      if (!isHeld) return;
      isHeld = false;
      if (--held.users > 0) return;
      this.#held.delete(key);
      held.session.then(
        s => s.dispose(),
        () => {},
      );
    };
    try {
      return { session: await held.session, release };
    } catch (error) {
      release();
      throw error;
    }
  }
}
