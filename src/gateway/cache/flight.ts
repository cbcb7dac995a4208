/** One question on its way to a server, and those who wait for the same: the first asks, the others get what it got. */
import type { Stop } from "../upstreams/stop.ts";
import type { KeptAnswer } from "./store.ts";

export type Landing =
  | { readonly kind: "kept"; readonly answer: KeptAnswer; readonly similarity?: number }
  /** No answer that others may have: each asks for itself. */
  | { readonly kind: "failed" }
  /** Whoever asked went away: another one of those who wait asks. */
  | { readonly kind: "left" };

export class Flight {
  readonly #listeners = new Set<(landing: Landing) => void>();
  #landing: Landing | undefined;

  /** The first counts. */
  land(landing: Landing): void {
    if (this.#landing) return;
    this.#landing = landing;
    for (const listener of this.#listeners) listener(landing);
    this.#listeners.clear();
  }

  /** How it ended, or `late` after so long. Errors: the reason of `stop`. */
  wait(ms: number, stop: Stop): Promise<Landing | "late"> {
    if (this.#landing) return Promise.resolve(this.#landing);
    return new Promise((resolve, reject) => {
      const over = () => {
        clearTimeout(timer);
        this.#listeners.delete(landed);
        stop.delete(stopped);
      };
      const landed = (landing: Landing) => {
        over();
        resolve(landing);
      };
      const stopped = (reason: Error) => {
        over();
        reject(reason);
      };
      const timer = setTimeout(() => {
        over();
        resolve("late");
      }, ms);
      this.#listeners.add(landed);
      stop.add(stopped);
    });
  }
}
