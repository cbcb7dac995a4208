/**
 * What one request for a model may do with stored objects: which it names, which upstreams have them, how each upstream is told of them and of their
 * owner. A server of the same process is told the owner and keeps to it; of others the tenants share an account, so ids are sealed (`seal.ts`).
 */

import { isRow, ownerHeader } from "../../protocols/index.ts";
import type { GatewayConfig } from "../config/gateway-config.ts";
import type { Control } from "../contract.ts";
import { gatewayErrors } from "../errors.ts";
import type { Ask, NativeAsk } from "../http/ask.ts";
import { readMembers } from "../http/members.ts";
import type { Identity } from "../identity/contract.ts";
import type { ModelRoute } from "../routing/route.ts";
import type { UpstreamReply } from "../upstreams/call.ts";
import type { UpstreamConfig } from "../upstreams/config.ts";
import { certainIds, type IdRules, mayHoldCertainIds, requestIds, withRequestIds } from "./object-ids.ts";
import { ownerOf, ownerValue } from "./owner.ts";
import { openaiSeal, ownWordsSeal, sealedReply } from "./sealed-reply.ts";

/** Says the same of an object of another owner as of one that never was. */
export const unknownObject = (place: string, id: string) =>
  gatewayErrors.fail("unknownObject", { place, message: `there is no stored object ${JSON.stringify(id.slice(0, 100))}` });

const rulesOf = ({ api }: Ask): IdRules | undefined =>
  api.endpoint === "responses" ? requestIds : api.endpoint === "chat" ? certainIds : undefined;

/** Whether the answer gives out ids of what the server stores. */
const storesAnswer = ({ api, body }: Ask): boolean =>
  api.endpoint === "responses" || (api.endpoint === "chat" && (body.store === true || isRow(body.audio)));

/** Endpoints whose requests have `cache_salt` in vLLM's contract. */
const salted: readonly Ask["api"]["endpoint"][] = ["chat", "completions", "responses"];

interface NamedObject {
  readonly id: string;
  readonly place: string;
}

/** Objects that the request names, in OpenAI's words and in those that the client wrote. */
function namedBy(ask: Ask): readonly NamedObject[] {
  const rules = rulesOf(ask);
  const found: NamedObject[] = [];
  const note = (id: string, place: string): string => {
    found.push({ id, place });
    return id;
  };
  if (rules) withRequestIds(ask.body, rules, note);
  if (ask.native && mayHoldCertainIds(ask.native.text)) withRequestIds(JSON.parse(ask.native.text), certainIds, note);
  return found;
}

export class RequestObjects {
  readonly owner: string;
  readonly #control: Control;
  readonly #identity: Identity;
  readonly #named: readonly NamedObject[];

  /** `ask`: as the client sent it. */
  constructor(control: Control, identity: Identity, ask: Ask) {
    this.#control = control;
    this.#identity = identity;
    this.owner = ownerOf(identity);
    this.#named = namedBy(ask);
  }

  get namesObjects(): boolean {
    return this.#named.length > 0;
  }

  #opened(upstream: string, { sharedObjects }: UpstreamConfig, id: string): string | undefined {
    return sharedObjects.has(id) ? id : this.#control.objects.open({ upstream, owner: this.owner }, id);
  }

  /** Routes with the targets that have what the request names. Errors: gateway/unknownObject where none has. */
  narrowed(routes: readonly ModelRoute[], upstreams: GatewayConfig["upstreams"], isOwnWords: (config: UpstreamConfig) => boolean) {
    if (!this.namesObjects) return routes;
    let first: NamedObject | undefined;
    const own = routes.flatMap(route => {
      const sure: ModelRoute["targets"][number][] = [];
      const possible: ModelRoute["targets"][number][] = [];
      for (const target of route.targets) {
        const config = upstreams.get(target.upstream)!;
        const missing = this.#named.find(({ id }) => this.#opened(target.upstream, config, id) === undefined);
        // a server of this process looks itself; one that speaks another API is told no ids
        if (config.here || !isOwnWords(config)) possible.push(target);
        else if (missing) first ??= missing;
        else sure.push(target);
      }
      const targets = sure.length > 0 ? sure : possible;
      return targets.length === 0 ? [] : [{ ...route, targets }];
    });
    if (own.length > 0) return own;
    throw unknownObject(first!.place, first!.id);
  }

  /** Changes to the body for an upstream of an account, its ids opened. Errors: gateway/unknownObject. */
  openedFor(
    upstream: string,
    config: UpstreamConfig,
    ask: Ask,
  ): { readonly changes: Record<string, unknown>; readonly native?: NativeAsk } {
    if (config.here || !this.namesObjects) return { changes: {} };
    const open = (id: string, place: string): string => {
      const own = this.#opened(upstream, config, id);
      if (own === undefined) throw unknownObject(place, id);
      return own;
    };
    const rules = rulesOf(ask);
    const body = rules ? withRequestIds(ask.body, rules, open) : ask.body;
    const changes: Record<string, unknown> = {};
    if (isRow(body)) for (const name of Object.keys(body)) if (body[name] !== ask.body[name]) changes[name] = body[name];
    if (!ask.native) return { changes };
    const before: unknown = JSON.parse(ask.native.text);
    const after = withRequestIds(before, certainIds, open);
    if (after === before) return { changes };
    const text = JSON.stringify(after);
    return { changes, native: { ...ask.native, text, members: readMembers(text) } };
  }

  /** Headers that name the owner to a server of this process. */
  headersFor({ here }: UpstreamConfig): Readonly<Record<string, string>> {
    return here ? { [ownerHeader]: ownerValue(this.#control, this.#identity) } : {};
  }

  /** Reads the upstream's answer with its ids sealed; undefined where it gives none out. `inOwnWords`: those of another API than OpenAI's. */
  sealedFrom(
    upstream: string,
    { here }: UpstreamConfig,
    ask: Ask,
    inOwnWords = false,
  ): ((reply: UpstreamReply) => UpstreamReply) | undefined {
    if (here || !(inOwnWords || storesAnswer(ask))) return undefined;
    const place = { upstream, owner: this.owner };
    const known = new Map<string, string>();
    const seal = (id: string): string => {
      const own = known.get(id) ?? this.#control.objects.seal(place, id);
      known.set(id, own);
      return own;
    };
    const how = inOwnWords ? ownWordsSeal(seal) : openaiSeal(seal);
    return reply => sealedReply(reply, ask.isStream, how);
  }

  /** The `cache_salt` that an upstream is told; undefined where it is told none. */
  cacheSalt({ saltsCache }: UpstreamConfig, { api, body }: Ask): string | undefined {
    return saltsCache && salted.includes(api.endpoint) ? this.#control.objects.cacheSalt(this.owner, body.cache_salt) : undefined;
  }

  /** A client's `Idempotency-Key` as upstreams are told it. */
  idempotencyKey(value: string): string {
    return this.#control.objects.idempotencyKey(this.owner, value);
  }
}
