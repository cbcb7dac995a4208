/**
 * The port by which a gateway in front of the server decides on requests: the server's own router says which endpoint a request is for, and the code that
 * resolves a model's name says which model would answer, before it does. So there is no second reading of addresses and bodies that could differ.
 * Nothing here knows a policy.
 */

/** What a route is called in policies. */
export type RouteEndpoint =
  | "chat"
  | "completions"
  | "embeddings"
  | "moderations"
  | "rerank"
  | "responses"
  | "models"
  | "files"
  | "batches"
  | "fine-tuning"
  | "admin"
  | "other";

export interface ModelName {
  /** Without a version or label. */
  readonly model: string;
  /** What stands after `@`: a label or the version's number. */
  readonly label: string | null;
}

/** A model as a request reaches it. */
export interface ModelUse extends ModelName {
  /** Further names of the same model: aliases, and the labels of a version that is named by its number. */
  readonly also: readonly ModelName[];
}

/** A request between its route and its answer. */
export interface AuthorizedRequest extends Partial<ModelUse> {
  /** The route's pattern, for logs: no part that a client chose. */
  readonly name: string;
  readonly endpoint: RouteEndpoint;
  /** A model computes the answer: its input and output count as tokens. */
  readonly asksModel: boolean;
  /** Begins work whose requests come later, the lines of a batch. */
  readonly isDeferred: boolean;
  /** Only told of models, and finds none that it may be told of: answered as for a model that does not exist, whatever policies say of the name. */
  readonly isUnknown?: true;
  /** As the route's own parser has read it; undefined where it has none, or none that can be read. */
  readonly body: Readonly<Record<string, unknown>> | undefined;
  /** How long each answer may be, as the route's handler reads it from the body, and empty where it says nothing; absent where answers have no length. */
  readonly lengths?: readonly unknown[];
}

/**
 * Called before anything is done for a request: once for a route without a model, else for each model that is resolved for it, and before an error is
 * answered. Gives the answer of a request that is refused, undefined where it goes on.
 */
export interface AuthorizeRequest {
  (request: AuthorizedRequest): Promise<Response | undefined>;
  /** Whether whoever asks may be told that a model of this name exists; when absent, of all. */
  readonly sees?: (use: ModelUse) => boolean;
}

/**
 * Thrown where a request resolves a model that it was not authorised for yet: whoever handles the request asks, and begins again from the start. Nothing
 * has been done for it yet then (see `Asleep`).
 */
export class Unauthorized extends Error {
  readonly use: ModelUse;
  constructor(use: ModelUse) {
    super(`${use.model} is not authorised yet`);
    this.use = use;
  }
}

/** `mail@canary` as its name and its label. */
export function parseModelName(text: string): ModelName {
  const at = text.lastIndexOf("@");
  return at > 0 ? { model: text.slice(0, at), label: text.slice(at + 1) } : { model: text, label: null };
}

/** How a name reaches a model of these names. `asked`: one of them, or the model's own where a client named none. */
export function modelUseOf(asked: string, names: readonly string[]): ModelUse {
  const own = parseModelName(asked);
  const all = names.map(parseModelName);
  const isNumber = own.label !== null && /^\d+$/.test(own.label);
  const aliases = all.map(({ model }) => ({ model, label: own.label }));
  return { ...own, also: isNumber ? [...aliases, ...all] : aliases };
}
