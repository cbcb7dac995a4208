/** Who watches an engine, and how closely answers are scored for them. */
import type { EngineObserver } from "./observer.ts";

export class EngineObservers {
  readonly #all = new Set<EngineObserver>();
  /** The closest steps in which one of them wants tokens scored. */
  scoresEvery: number | undefined;

  /** The result removes it. */
  add(observer: EngineObserver): () => void {
    this.#all.add(observer);
    this.#count();
    return () => {
      this.#all.delete(observer);
      this.#count();
    };
  }

  readonly tell = (say: (o: EngineObserver) => void): void => {
    for (const o of this.#all) say(o);
  };

  #count(): void {
    const wanted = [...this.#all].flatMap(o => o.scoresEvery ?? []);
    this.scoresEvery = wanted.length > 0 ? Math.min(...wanted) : undefined;
  }
}
