/** A request for a model, read with bounds: declared type, size, UTF-8, nesting, keys given once; and what the gateway wants to know of it. */
import { isAscii } from "node:buffer";
import { contentCoding, decodedContent, formatBytes, type LoamError } from "../../base/index.ts";
import { isRow, Passage, type ProtocolName, type ReasonedChat } from "../../protocols/index.ts";
import type { Action } from "../contract.ts";
import type { Endpoint } from "../endpoints.ts";
import { gatewayErrors } from "../errors.ts";
import type { Parameters } from "../policy/parameter.ts";
import { parametersIn, saysLength } from "../policy/parameters.ts";
import type { ChatContract } from "../translate/contract.ts";
import { isLarge, nextTurn } from "../turns.ts";
import { type Api, tokenIds } from "./apis.ts";
import { gatewayBounds } from "./limits.ts";
import { type Members, readMembers } from "./members.ts";
import { type AnyRequest, NodeRequest } from "./node-request.ts";

export interface Ask {
  readonly api: Api;
  /** As it came. */
  readonly text: string;
  readonly members: Members;
  readonly body: Readonly<Record<string, unknown>>;
  readonly sizeBytes: number;
  /** Without a label; the label after `@`. */
  readonly model: string;
  readonly label: string | null;
  readonly isStream: boolean;
  /** The client wants the chunk of usage. */
  readonly wantsUsage: boolean;
  readonly choices: number;
  /** Whom the request is made for, in the client's own words. */
  readonly user: string | undefined;
  /** Of a request that came in another API's words: those, for an upstream that speaks them too. */
  readonly native?: NativeAsk;
  /** Of such a request: its reasoning, for an upstream that takes vLLM's parameters. */
  readonly reasoned?: ReasonedChat<LoamError>;
}

export interface NativeAsk {
  readonly protocol: ProtocolName;
  /** Behind an upstream's address. */
  readonly path: string;
  readonly text: string;
  readonly members: Members;
  /** The chat that it was read as: a request whose body is another has been changed, and is put as that. */
  readonly chat: Readonly<Record<string, unknown>>;
  /** What that chat cannot say. */
  readonly refusal: LoamError | undefined;
  /** The first part of it that is refused even where the upstream has `untranslated: drop`. */
  readonly essential: LoamError | undefined;
  /** Names of its fields that such an upstream is not told. */
  readonly dropped: readonly string[];
  readonly passage: Passage;
}

const broken = (expected: string, received: string) =>
  gatewayErrors.fail("body", { place: "body", expected, received, hint: "Check the body that is sent." });

const tooLarge = (received: string) =>
  gatewayErrors.fail("tooLarge", {
    place: "body",
    expected: `at most ${formatBytes(gatewayBounds.bodyBytes)}`,
    received,
    hint: "Send a shorter prompt, or several requests.",
  });

const utf8 = new TextDecoder("utf-8", { fatal: true });

/** Errors: gateway/tooLarge as soon as it is too much, gateway/cancelled. */
export function receivedBytes(request: AnyRequest): Uint8Array | Promise<Uint8Array> {
  const declared = request.headers.get("content-length");
  if (declared !== null && Number(declared) > gatewayBounds.bodyBytes) throw tooLarge(formatBytes(Number(declared)));
  return request instanceof NodeRequest ? request.received() : receivedFrom(request, declared);
}

async function receivedFrom(request: Request, declared: string | null): Promise<Uint8Array> {
  try {
    // node has checked that no more comes than was declared
    if (declared !== null) return new Uint8Array(await request.arrayBuffer());
    const parts: Uint8Array[] = [];
    let size = 0;
    if (request.body)
      for await (const part of request.body) {
        size += part.length;
        if (size > gatewayBounds.bodyBytes) throw tooLarge("more");
        parts.push(part);
      }
    return Buffer.concat(parts);
  } catch (error) {
    if (error instanceof Error && (request.signal.aborted || (error as { readonly code?: unknown }).code === "ECONNRESET"))
      throw gatewayErrors.fail("cancelled", { place: "body", message: "the client left while it sent its body" }, error);
    throw error;
  }
}

/** As `receivedBytes`, decoded where the body is compressed. Errors: gateway/mediaType, gateway/body, too. */
export function contentBytes(request: AnyRequest): Uint8Array | Promise<Uint8Array> {
  const coding = contentCoding(request.headers.get("content-encoding"));
  const come = receivedBytes(request);
  return coding === undefined ? come : decoded(come, coding);
}

async function decoded(come: Uint8Array | Promise<Uint8Array>, coding: string): Promise<Uint8Array> {
  const found = await decodedContent((await come) as Uint8Array<ArrayBuffer>, coding, gatewayBounds.bodyBytes);
  if (found === "unsupported")
    throw gatewayErrors.fail("mediaType", {
      place: "content-encoding",
      expected: "gzip, deflate, or none",
      received: JSON.stringify(coding.slice(0, 60)),
    });
  if (found === "broken") throw broken("a body in the coding that content-encoding names", "other bytes");
  if (found === "tooLarge") throw tooLarge("more once it is decompressed");
  return found;
}

const jsonType = /^application\/json\s*(;|$)/i;

interface Read {
  readonly text: string;
  readonly members: Members;
  readonly body: Readonly<Record<string, unknown>>;
  readonly sizeBytes: number;
}

/** A body that is one JSON object; at once where it came with the headers. Errors: gateway/mediaType, tooLarge, body, cancelled. */
export function readObject(request: AnyRequest): Read | Promise<Read> {
  const type = request.headers.get("content-type") ?? "";
  if (!jsonType.test(type))
    throw gatewayErrors.fail("mediaType", {
      place: "content-type",
      expected: "application/json",
      received: type ? JSON.stringify(type.slice(0, 60)) : "none",
    });
  const come = contentBytes(request);
  return come instanceof Promise ? come.then(objectOf) : objectOf(come);
}

const objectOf = (bytes: Uint8Array): Read | Promise<Read> => (isLarge(bytes.length) ? largeObjectOf(bytes) : smallObjectOf(bytes));

function smallObjectOf(bytes: Uint8Array): Read {
  const text = textOf(bytes);
  const members = membersOf(text);
  return { text, members, body: bodyOf(text, members), sizeBytes: bytes.length };
}

/** The same with a turn between the steps. */
async function largeObjectOf(bytes: Uint8Array): Promise<Read> {
  await nextTurn();
  const text = textOf(bytes);
  await nextTurn();
  const members = membersOf(text);
  await nextTurn();
  const body = bodyOf(text, members);
  await nextTurn();
  return { text, members, body, sizeBytes: bytes.length };
}

function textOf(bytes: Uint8Array): string {
  try {
    // most are ASCII, which is read without a decoder
    return isAscii(bytes) ? Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString("latin1") : utf8.decode(bytes);
  } catch {
    throw broken("UTF-8", "other bytes");
  }
}

function membersOf(text: string): Members {
  const members = readMembers(text);
  if (members.depth > gatewayBounds.jsonDepth) throw broken(`at most ${gatewayBounds.jsonDepth} levels of nesting`, `${members.depth}`);
  return members;
}

function bodyOf(text: string, members: Members): Read["body"] {
  let body: unknown;
  try {
    body = JSON.parse(text);
  } catch (error) {
    throw broken("JSON", text === "" ? "nothing" : error instanceof Error ? error.message.slice(0, 120) : "something else");
  }
  if (!isRow(body)) throw broken("a JSON object", Array.isArray(body) ? "a list" : body === null ? "null" : `a ${typeof body}`);
  if (members.twice !== undefined) throw broken("each key once", `"${members.twice.slice(0, 60)}" twice`);
  return body;
}

/** Reads the body of a request to `api`, in the words of another contract where one is given. Errors: those of `readObject`, gateway/parameter. */
export function readAsk(request: AnyRequest, api: Api, contract?: ChatContract): Ask | Promise<Ask> {
  const read = readObject(request);
  return read instanceof Promise ? read.then(r => asked(r, api, contract)) : asked(read, api, contract);
}

function asked({ text, members, body, sizeBytes }: Read, api: Api, contract: ChatContract | undefined): Ask {
  if (!contract) return askOf(api, text, members, body, sizeBytes);
  const { chat, refusal, essential, dropped, reasoned } = contract.read(body);
  const own = JSON.stringify(chat);
  const { protocol, path } = contract;
  const native: NativeAsk = { protocol, path, text, members, chat, refusal, essential, dropped, passage: new Passage() };
  return { ...askOf(api, own, readMembers(own), chat, sizeBytes), native, reasoned };
}

/** Labels as servers have them, and numbers of versions; what only dots stand for is a folder. */
const labelPattern = /^(?!\.+$)[\w.-]{1,64}$/;

/** Errors: gateway/parameter. */
export function askOf(api: Api, text: string, members: Members, body: Readonly<Record<string, unknown>>, sizeBytes: number): Ask {
  const wrong = (place: string, expected: string) =>
    gatewayErrors.fail("parameter", { place, expected, received: (JSON.stringify(body[place]) ?? "nothing").slice(0, 60) });
  const { model, stream, n, user } = body;
  if (typeof model !== "string" || model === "" || model.length > gatewayBounds.modelCharacters)
    throw wrong("model", "the name of a model");
  if (stream !== undefined && stream !== null && typeof stream !== "boolean") throw wrong("stream", "true or false");
  const isStream = stream === true;
  if (isStream && api.streamed === undefined) throw wrong("stream", "no stream: this address has none");
  const options = body.stream_options;
  if (options !== undefined && options !== null && !isRow(options)) throw wrong("stream_options", "an object");
  const at = model.lastIndexOf("@");
  // a label becomes part of an upstream's addresses
  if (at > 0 && !labelPattern.test(model.slice(at + 1))) throw wrong("model", "NAME@LABEL, a label of letters, digits, '_', '-' and '.'");
  return {
    api,
    text,
    members,
    body,
    sizeBytes,
    model: at > 0 ? model.slice(0, at) : model,
    label: at > 0 ? model.slice(at + 1) : null,
    isStream,
    wantsUsage: isRow(options) && options.include_usage === true,
    choices: typeof n === "number" && n > 1 ? n : 1,
    user: typeof user === "string" && user !== "" ? user.slice(0, 256) : undefined,
  };
}

/** The prompt's beginning, by which requests of the same system prompt are told from others. */
export function prefixOf(ask: Ask): string | undefined {
  let text = "";
  for (const one of ask.api.texts(ask.body)) {
    text += one;
    if (text.length >= gatewayBounds.prefixCharacters) break;
  }
  return text === "" ? undefined : text.slice(0, gatewayBounds.prefixCharacters);
}

/** Bytes of text a token has at least, on average, where no tokenizer is known: on the safe side for European languages and code. */
const bytesPerToken = 3;
/** What a chat template adds. */
const tokensPerText = 8;

/** Tokens of the prompt: counted by the model's tokenizer where there is one, else estimated from above. */
export const inputTokens = ({ api, body }: Ask, count: TokenCount): number => estimatedTokens(api, body, count);

type TokenCount = ((text: string) => number) | undefined;

/** The same of a body alone. */
export function estimatedTokens(api: Pick<Api, "texts">, body: Readonly<Record<string, unknown>>, count: TokenCount): number {
  let tokens = tokenIds(body);
  for (const text of api.texts(body)) tokens += (count ? count(text) : Math.ceil(Buffer.byteLength(text) / bytesPerToken)) + tokensPerText;
  return tokens;
}

/** Numbers and words that policies may bound: also those of a request's own words, which a server that speaks them is told. */
export const parametersOf = ({ api, body, native }: Ask): Parameters =>
  parametersIn(native ? [body, JSON.parse(native.text) as Ask["body"]] : [body], saysLength(api.endpoint, body));

/** What a request for a model wants to do. Its parameters are read when a policy bounds one: few do. */
export class ModelAction implements Action {
  readonly endpoint: Endpoint;
  readonly model: string;
  readonly label: string | null;
  readonly dataClass: string | null;
  readonly #ask: Ask;

  constructor(ask: Ask, endpoint: Endpoint, model: string, dataClass: string | null) {
    this.endpoint = endpoint;
    this.model = model;
    this.label = ask.label;
    this.dataClass = dataClass;
    this.#ask = ask;
  }

  get parameters(): Parameters {
    return parametersOf(this.#ask);
  }

  /** The same with another model. */
  of(model: string): ModelAction {
    return new ModelAction(this.#ask, this.endpoint, model, this.dataClass);
  }
}
