/**
 * What evaluation asks of a model: kinds of requests, each with its answer. A model does some of them; who asks for another hears so by name. Plain
 * data both ways, so an answer is kept under the hash of its request and found again.
 */
export interface EvaluatedChatTurn {
  readonly role: "system" | "user" | "assistant";
  readonly content: string;
}

/** How likely texts are after a context. */
export interface LikelihoodRequest {
  readonly context: string;
  readonly continuations: readonly string[];
  /** The context is what a chat template gave: names of special tokens in it are those tokens. */
  readonly hasSpecials?: boolean;
  /** The answer says how many tokens each continuation has. */
  readonly countsTokens?: boolean;
}
export interface TextLikelihood {
  /** Natural logarithm. */
  readonly logLikelihood: number;
  /** The model would write it at temperature 0. */
  readonly isGreedy: boolean;
  /** Tokens that the likelihood is of, where the request counts them. */
  readonly tokens?: number;
}

/** How likely a whole text is, from its first token on. */
interface RollingRequest {
  readonly text: string;
}

export interface GenerateRequest {
  readonly prompt: string;
  /** Instead of the prompt: turns for the model's chat template or endpoint. */
  readonly messages?: readonly EvaluatedChatTurn[];
  readonly stop: readonly string[];
  readonly maxTokens: number;
  readonly temperature: number;
  readonly seed: number;
  readonly samples: number;
}

interface EmbedRequest {
  readonly text: string;
}
interface ClassifyRequest {
  readonly text: string;
  /** Of a model that decides by the group of a text (`groupAttribute`): the group, where the item has one. */
  readonly group?: string;
}

export interface Exchanges {
  readonly likelihood: { readonly request: LikelihoodRequest; readonly answer: { readonly choices: readonly TextLikelihood[] } };
  readonly rolling: { readonly request: RollingRequest; readonly answer: { readonly logLikelihood: number; readonly tokens: number } };
  readonly generate: { readonly request: GenerateRequest; readonly answer: { readonly texts: readonly string[]; readonly tokens: number } };
  readonly embed: { readonly request: EmbedRequest; readonly answer: { readonly vector: readonly number[] } };
  /**
   * Probabilities of a classifier's own labels, and which of them it tells, where that need not be the likeliest: by a threshold of its own. `common`: of a
   * text that the threshold of its group decided, the label by the common threshold.
   */
  readonly classify: {
    readonly request: ClassifyRequest;
    readonly answer: { readonly probabilities: Readonly<Record<string, number>>; readonly told?: string; readonly common?: string };
  };
}
export type RequestKind = keyof Exchanges;
export type RequestOf<K extends RequestKind> = Exchanges[K]["request"];
/** An answer with the time that it took, milliseconds; of a batch, its share. */
export type AnswerOf<K extends RequestKind> = Exchanges[K]["answer"] & { readonly ms: number };

/**
 * Answers requests in an order of its own; `each` hears of every one as it comes. A text to go on from that is longer than the model reads is an error
 * (evaluate/length), or goes to `tooLong` with what the model said of it, in place of an answer, where somebody asks for that.
 */
export type Answering<K extends RequestKind> = (
  requests: readonly RequestOf<K>[],
  each: (request: number, answer: AnswerOf<K>) => void,
  signal?: AbortSignal,
  tooLong?: (request: number, said: string) => void,
) => Promise<void>;

export type EvaluatedModel = {
  /** `mail-small@3`, or the model's name at its endpoint. */
  readonly id: string;
  /** Identity of weights and tokenizer, or of the endpoint: what answers are kept under. */
  readonly fingerprint: string;
  /** The recorded artifact, of a version. */
  readonly artifact?: string;
  /** Of a classifier with thresholds by group: the field of an item that has its group. */
  readonly groupAttribute?: string;
  /** Turns as the model's template writes them, up to where its answer begins. */
  readonly chat?: (turns: readonly EvaluatedChatTurn[]) => string;
} & { readonly [K in RequestKind]?: Answering<K> };
