/** Texts of requests that come at the same time, asked about together: while a call is under way others gather. Each gets its own results, or the failure of its call. */
import type { GuardAskModel } from "../contract.ts";

/** Texts of a call. */
const mostTexts = 64;
/** Calls at once. */
const mostCalls = 4;

interface Waiting<R> {
  readonly texts: readonly string[];
  readonly askModel: GuardAskModel;
  resolve(results: readonly R[]): void;
  reject(error: unknown): void;
}

export class Batches<R> {
  readonly #ask: (texts: readonly string[], askModel: GuardAskModel) => Promise<readonly R[]>;
  #waiting: Waiting<R>[] = [];
  #calls = 0;
  #isDue = false;

  constructor(ask: (texts: readonly string[], askModel: GuardAskModel) => Promise<readonly R[]>) {
    this.#ask = ask;
  }

  /** Errors: those of the call. */
  async run(texts: readonly string[], askModel: GuardAskModel): Promise<readonly R[]> {
    const parts = Array.from({ length: Math.ceil(texts.length / mostTexts) }, (_, i) => texts.slice(i * mostTexts, (i + 1) * mostTexts));
    const results = await Promise.all(
      parts.map(
        part =>
          new Promise<readonly R[]>((resolve, reject) => {
            this.#waiting.push({ texts: part, askModel, resolve, reject });
            this.#due();
          }),
      ),
    );
    return results.flat();
  }

  #due(): void {
    if (this.#isDue || this.#calls >= mostCalls || this.#waiting.length === 0) return;
    this.#isDue = true;
    setImmediate(() => {
      this.#isDue = false;
      void this.#call();
    });
  }

  async #call(): Promise<void> {
    const own: Waiting<R>[] = [];
    let count = 0;
    while (this.#waiting.length > 0 && (own.length === 0 || count + this.#waiting[0]!.texts.length <= mostTexts)) {
      const next = this.#waiting.shift()!;
      own.push(next);
      count += next.texts.length;
    }
    const [first] = own;
    if (!first) return;
    this.#calls++;
    this.#due();
    try {
      const results = await this.#ask(
        own.flatMap(w => w.texts),
        first.askModel,
      );
      let at = 0;
      for (const { texts, resolve } of own) {
        resolve(results.slice(at, at + texts.length));
        at += texts.length;
      }
    } catch (error) {
      for (const { reject } of own) reject(error);
    } finally {
      this.#calls--;
      this.#due();
    }
  }
}
