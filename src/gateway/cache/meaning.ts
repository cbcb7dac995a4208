/** Answers to questions that mean the same: the question's vector is asked for, and the nearest of those that are remembered are looked up. */
import type { AdmittedRequest } from "../http/admitted-request.ts";
import type { Counting } from "./counts.ts";
import { type KeyParts, type Question, questionOf } from "./key.ts";
import { type SemanticBounds, SemanticIndex } from "./semantic.ts";
import type { KeptAnswer } from "./store.ts";

/** The vector of a text, of length 1; undefined where it could not be had in time. */
export type Embed = (text: string, x: AdmittedRequest) => Promise<Float32Array | undefined>;

/** A question with its vector, and an answer where there is one. */
export interface Meaning {
  readonly question: Question;
  readonly vector: Float32Array;
  readonly answer?: KeptAnswer;
  readonly similarity?: number;
}

export class Meanings {
  readonly #index: SemanticIndex;
  readonly #embed: Embed;
  readonly #counting: Counting;

  constructor(bounds: SemanticBounds, embed: Embed, counting: Counting) {
    this.#index = new SemanticIndex(bounds);
    this.#embed = embed;
    this.#counting = counting;
  }

  get size(): number {
    return this.#index.size;
  }

  /** Undefined where the request has no question, or no vector of it could be had. `find`: looks in the store. Errors: the reason that the request ends. */
  async find(x: AdmittedRequest, parts: KeyParts, find: (key: string) => Promise<KeptAnswer | undefined>): Promise<Meaning | undefined> {
    const question = questionOf(parts);
    if (!question) return undefined;
    const vector = await this.#embed(question.text, x);
    if (x.stop.reason) throw x.stop.reason;
    if (vector === undefined) {
      this.#counting.embeddingErrors++;
      return undefined;
    }
    this.#counting.embedded++;
    for (const { key, similarity } of this.#index.nearest(question, vector, x.clock.now())) {
      const answer = await find(key);
      if (answer) return { question, vector, answer, similarity };
    }
    return { question, vector };
  }

  /** `key`: of the answer to it in the store. */
  remember({ question, vector }: Meaning, key: string, expiresMs: number): void {
    this.#index.add(question, vector, key, expiresMs);
  }

  clear(): void {
    this.#index.clear();
  }
}
