/** Who watches an engine, and which tokens of its answers are scored for them. */
import type { EngineObserver, ScoresEvery } from "./observer.ts";

/** Numbers of logits that are looked at for each token, where scoring is sparse: about a quarter of a microsecond. */
const sparseLogits = 25;

/** The closest steps in which one of several wants tokens scored; undefined where none does. */
export function closestScores(wanted: readonly (ScoresEvery | undefined)[]): ScoresEvery | undefined {
  const numbers = wanted.filter(w => typeof w === "number");
  return numbers.length > 0 ? Math.min(...numbers) : wanted.find(w => w !== undefined);
}

export class EngineObservers {
  readonly #all = new Set<EngineObserver>();
  readonly #vocab: number;
  #every = Number.POSITIVE_INFINITY;
  #tokens = 0;

  /** `vocab`: logits of a token. */
  constructor(vocab: number) {
    this.#vocab = vocab;
  }

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

  /** Whether the token that is drawn now is scored: called once for each. */
  readonly scores = (): boolean => this.#tokens++ % this.#every === 0 && this.#every !== Number.POSITIVE_INFINITY;

  #count(): void {
    const wanted = closestScores([...this.#all].map(o => o.scoresEvery));
    this.#every = wanted === "sparse" ? Math.ceil(this.#vocab / sparseLogits) : (wanted ?? Number.POSITIVE_INFINITY);
  }
}
