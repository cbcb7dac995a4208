/**
 * What one request is authorised for, where a gateway decides (`authorization.ts`). A route without a model asks before it does anything; another when
 * its model is resolved, by the code that resolves it for the answer. An answer that was not asked about is not given.
 */
import { defined } from "../../base/index.ts";
import {
  type AuthorizedRequest,
  type AuthorizeRequest,
  type ModelName,
  type ModelUse,
  parseModelName,
  Unauthorized,
} from "../authorization.ts";
import { bodyRead } from "./body.ts";
import type { ContractRoute } from "./contract.ts";
import { type AppContext, bodyOf } from "./exchange.ts";

const jsonType = /^application\/json\s*(;|$)/i;

const keyOf = ({ model, label }: ModelName): string => `${model}@${label ?? ""}`;

/** Fields of bodies that name a model, of routes that run none. */
const namingFields = ["model", "name", "model_name", "url", "base_model_name", "lora_name"] as const;

type AskedRoute = Pick<ContractRoute, "name" | "path" | "uses" | "endpoint" | "isDeferred" | "lengths">;

export class Permit {
  readonly #c: AppContext;
  readonly #route: AskedRoute;
  readonly #authorize: AuthorizeRequest;
  readonly #granted = new Set<string>();
  #isAsked = false;

  constructor(c: AppContext, route: AskedRoute, authorize: AuthorizeRequest) {
    this.#c = c;
    this.#route = route;
    this.#authorize = authorize;
  }

  get isAsked(): boolean {
    return this.#isAsked;
  }

  /** Whether whoever asks may be told of a model. */
  readonly sees = (use: ModelUse): boolean => this.#authorize.sees?.(use) ?? true;
  /** A route that only tells of models, to somebody who may not be told of all. */
  get hides(): boolean {
    return this.#route.endpoint === "models" && this.#authorize.sees !== undefined;
  }

  /** Errors: `Unauthorized`. */
  readonly check = (use: ModelUse): void => {
    if (!this.#granted.has(keyOf(use))) throw new Unauthorized(use);
  };

  /** The answer of a request that is refused. */
  async ask(use?: ModelUse, isUnknown = false): Promise<Response | undefined> {
    const { endpoint = "other", name, path, uses, isDeferred = false, lengths } = this.#route;
    const body = this.#c.var.exchange.body ?? bodyRead(this.#c.req.raw);
    const request: AuthorizedRequest = {
      name: name ?? path,
      endpoint,
      asksModel: uses === "answer",
      isDeferred,
      ...(isUnknown ? { isUnknown: true } : {}),
      body,
      ...defined({ lengths: body && lengths?.(body) }),
      ...use,
    };
    const refused = await this.#authorize(request);
    this.#isAsked = true;
    if (use && !refused) this.#granted.add(keyOf(use));
    return refused;
  }

  /** Before the handler: the body is read, and a route that runs no model is asked about for all models that it names. */
  async askFirst(): Promise<Response | undefined> {
    const { req, var: variables } = this.#c;
    const isJson = variables.exchange.contract?.takesUndeclared || jsonType.test(req.header("content-type") ?? "");
    // what cannot be read has no body here either; the handler that reads it says what is wrong
    if (req.method === "POST" && isJson) await bodyOf(this.#c).catch(() => {});
    return this.#route.uses ? undefined : this.ask(this.#named());
  }

  /** Before an error is told of a request whose model was not resolved: for the model that it names. */
  askUnresolved(): Promise<Response | undefined> {
    return this.hides ? this.ask(undefined, true) : this.ask(this.#named());
  }

  #named(): ModelUse | undefined {
    const { req } = this.#c;
    const body = bodyRead(req.raw) ?? {};
    const { model, target } = req.param() as Readonly<Record<string, string | undefined>>;
    // a target ends in what is asked of the model: /versions/3:predict
    const ofPath = model ?? target?.replace(/(\/(versions|labels)\/[^/]*|\/metadata)?(:[a-z]+)?$/, "");
    const names = [ofPath, ...namingFields.map(field => body[field])].filter((n): n is string => typeof n === "string" && n !== "");
    const [first, ...also] = names.map(text => parseModelName(text.slice(0, 256)));
    return first && { ...first, also };
  }
}
