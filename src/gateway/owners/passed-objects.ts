/**
 * Stored objects of an upstream's account behind addresses that are passed through. An address that is known to store nothing goes through unread.
 * At every other one the ids in path, query and body are opened for their owner before the request goes on, and those of the answer are sealed. A list
 * of the account itself cannot be told apart by owner, so it is refused. `objects: shared` on the row switches all of it off.
 */
import { formatBytes } from "../../base/index.ts";
import type { IdPlace, ObjectSeal } from "../contract.ts";
import { gatewayErrors } from "../errors.ts";
import { gatewayBounds } from "../http/limits.ts";
import type { PassThrough } from "../passthrough/places.ts";
import type { PassedMethod } from "../passthrough/schema.ts";
import type { UpstreamConfig } from "../upstreams/config.ts";
import { certainIds, type IdRules, requestIds, withRequestIds } from "./object-ids.ts";
import { unknownObject } from "./request-objects.ts";

/** What POST there answers at once and stores nothing, below `/v1`. */
const storesNothing =
  /^(?:audio\/.+|images\/.+|embeddings|moderations|rerank|score|classify|tokenize|detokenize|completions|chat\/completions|messages|messages\/count_tokens)$/;

/** Words of the APIs that store objects. What is none of them must be an id. */
const words = new Set(
  (
    "files content uploads parts complete cancel batches results fine_tuning jobs events checkpoints pause resume responses input_items input_tokens compact " +
    "conversations items vector_stores file_batches search assistants threads runs steps messages submit_tool_outputs containers videos remix evals " +
    "output_items chat completions skills versions"
  ).split(" "),
);

/** Forms are not read; these hold nothing but a file and words about it. */
const unreadForms = /^(?:files|uploads\/[^/]+\/parts)$/;
const queryIds = /^(?:after|before|(?:.+_)?ids?)$/;

interface Given {
  readonly pass: PassThrough;
  readonly config: UpstreamConfig;
  readonly seal: ObjectSeal;
  readonly owner: string;
}

export class PassedObjects {
  readonly #place: IdPlace;
  readonly #given: Given;

  constructor(given: Given) {
    this.#given = given;
    this.#place = { upstream: given.pass.upstream, owner: given.owner };
  }

  /** `mayBeShared`: what everybody may name, nobody may change. */
  #open(place: string, id: string, mayBeShared = true): string {
    const { config, seal } = this.#given;
    const own = mayBeShared && config.sharedObjects.has(id) ? id : seal.open(this.#place, id);
    if (own === undefined) throw unknownObject(place, id);
    return own;
  }

  readonly sealId = (id: string): string => this.#given.seal.seal(this.#place, id);

  /**
   * The address and the query as the upstream is told them. `path`: below the upstream's own address.
   * Errors: gateway/unknownObject, gateway/sharedList.
   */
  address(method: PassedMethod, path: string, search: string): PassedAddress {
    const parts = path.split("/").filter(part => part !== "");
    const from = parts[0] === "v1" ? 1 : 0;
    const below = parts.slice(from).join("/");
    if (this.#given.config.here || this.#given.pass.objects === "shared") return { kind: "open", path: `${path}${search}` };
    if (method === "POST" && storesNothing.test(below)) return { kind: "unread", path: `${path}${search}` };
    let numIds = 0;
    const own = parts.map((part, i) => {
      if (i < from || words.has(part)) return part;
      numIds++;
      return encodeURIComponent(this.#open("path", decodeURIComponent(part), method === "GET"));
    });
    if (numIds === 0 && method !== "POST")
      throw method === "GET"
        ? gatewayErrors.fail("sharedList", {
            place: `/${below}`.slice(0, 100),
            message: "the upstream's account is shared, and its list holds the objects of every tenant",
            hint: "Keep the ids that your requests returned, and read objects by id.",
          })
        : unknownObject("path", below);
    const query = new URLSearchParams(search);
    for (const [name, value] of [...query]) if (queryIds.test(name.replace(/\[\w*\]$/, ""))) query.set(name, this.#open(name, value));
    const text = query.size === 0 ? "" : `?${query}`;
    return {
      kind: "owned",
      path: `/${own.join("/")}${text}`,
      // the bytes of a file are its owner's own
      isContent: parts.at(-1) === "content",
      takesForm: method === "POST" && unreadForms.test(below),
    };
  }

  /** A body with its ids opened. Errors: gateway/unknownObject, gateway/body, gateway/mediaType. */
  body(text: string, type: string | null, isOwned: boolean): string {
    if (text === "") return text;
    if (type === null) throw wrongType(type);
    let value: unknown;
    try {
      value = JSON.parse(text);
    } catch (error) {
      throw gatewayErrors.fail(
        "body",
        { place: "body", expected: "JSON", received: "something else", hint: "Check the body that is sent." },
        error,
      );
    }
    const rules: IdRules = isOwned ? requestIds : certainIds;
    const own = withRequestIds(value, rules, (id, place) => this.#open(place, id));
    return own === value ? text : JSON.stringify(own);
  }
}

export type PassedAddress =
  /** `open`: whatever it names is everybody's. `unread`: it stores nothing. */
  | { readonly kind: "open" | "unread"; readonly path: string }
  | { readonly kind: "owned"; readonly path: string; readonly isContent: boolean; readonly takesForm: boolean };

const jsonType = /^application\/(?:[\w.+-]+\+)?json\s*(?:;|$)/i;
export const isJson = (type: string | null | undefined): boolean => type != null && jsonType.test(type);

const wrongType = (type: string | null) =>
  gatewayErrors.fail("mediaType", {
    place: "content-type",
    expected: "application/json",
    received: type === null ? "none" : JSON.stringify(type.slice(0, 60)),
  });

/** Whether the body must be read before it goes on. Errors: gateway/mediaType where it cannot be. */
export function readsBody(address: PassedAddress, type: string | null, hasBody: boolean): boolean {
  if (!hasBody || address.kind === "open") return false;
  // without a type it is hoped to be empty: whether a body follows is only seen by reading
  if (isJson(type) || (type === null && address.kind === "owned")) return true;
  if (address.kind !== "owned" || (address.takesForm && /^multipart\/form-data\s*;/i.test(type ?? ""))) return false;
  throw wrongType(type);
}

/** Errors: gateway/tooLarge, those of the stream. */
export async function wholeBody(stream: AsyncIterable<Uint8Array>): Promise<string> {
  const parts: Uint8Array[] = [];
  let size = 0;
  for await (const part of stream) {
    size += part.length;
    if (size > gatewayBounds.bodyBytes)
      throw gatewayErrors.fail("tooLarge", {
        place: "body",
        expected: `at most ${formatBytes(gatewayBounds.bodyBytes)}`,
        received: "more",
      });
    parts.push(part);
  }
  return Buffer.concat(parts).toString("utf8");
}
