/**
 * The requests of a batch that goes to an upstream's own batches (OpenAI's file of lines, Anthropic's list): each is judged as if its client had
 * sent it here alone, by policies, guards and limits, before the batch is begun. The file is read from the upstream line by line, whatever way it
 * came there, so memory is bounded by one line. What a policy denies, the error names with its line.
 */
import { formatBytes, isLoamError } from "../../base/index.ts";
import { isRow } from "../../protocols/index.ts";
import type { Action } from "../contract.ts";
import type { Endpoint } from "../endpoints.ts";
import { gatewayErrors } from "../errors.ts";
import { apis } from "../http/apis.ts";
import { estimatedTokens } from "../http/ask.ts";
import { gatewayBounds } from "../http/limits.ts";
import { readMembers } from "../http/members.ts";
import type { Identity } from "../identity/contract.ts";
import type { Reservation } from "../limits/contract.ts";
import { reserveRoom } from "../limits/reserve-room.ts";
import { checkUnguarded } from "../own/unguarded.ts";
import { parametersIn, saysLength } from "../policy/parameters.ts";
import type { GatewayPorts } from "../ports.ts";
import type { ModelRoute } from "../routing/route.ts";
import { UpstreamFailure } from "../upstreams/failure.ts";
import type { Stop } from "../upstreams/stop.ts";
import type { Upstream } from "../upstreams/upstream.ts";
import type { PassedMethod } from "./schema.ts";

type Row = Readonly<Record<string, unknown>>;

/** OpenAI's bounds of a batch: requests, and bytes of their file. */
const mostLines = 50_000;
const mostBytes = 200 * 1024 * 1024;
/** Reservations that one batch may need: OpenAI takes one model in a batch. */
const mostModels = 64;
/** Held for a request that says no bound, of a model without a route. */
const usualOutputTokens = 4096;
const lineFeed = 10;
/** Some servers end a line there too, and read its rest as a line that was never judged. */
const otherLineEnds = /[\u0085\u2028\u2029]/;

/** Whether a POST there begins a batch, in whatever letters a server may take for it. `path`: below the upstream's own address. */
export function beginsBatch(method: PassedMethod, path: string): boolean {
  let plain = path;
  // `targetPath` has refused what does not end soon
  for (let next = decodeURIComponent(plain); next !== plain; next = decodeURIComponent(plain)) plain = next;
  return method === "POST" && /(?:^|\/)batches$/.test(plain.normalize("NFKC").toLowerCase());
}

interface BatchGiven {
  readonly gateway: GatewayPorts;
  readonly identity: Identity;
  readonly upstream: Upstream;
  /** Of the address, without its query. */
  readonly path: string;
  /** Of the request that begins the batch, its ids opened. */
  readonly text: string;
  readonly dataClass: string | null;
  readonly ip: string | null;
  readonly stop: Stop;
}

/** What one model's requests come to. */
interface Sum {
  requests: number;
  inputTokens: number;
  maxOutputTokens: number;
}

interface Line {
  readonly place: string;
  readonly endpoint: Endpoint;
  /** As the server is asked. */
  readonly url: string;
  readonly body: Row;
}

const wrong = (place: string, expected: string, received: string, hint?: string) =>
  gatewayErrors.fail("parameter", { place, expected, received, ...(hint ? { hint } : {}) });
const shown = (value: unknown): string => (JSON.stringify(value) ?? "nothing").slice(0, 60);

/** JSON that every parser reads as the same. Errors: gateway/body. */
function rowOf(text: string, place: string): Row {
  const bad = (received: string, cause?: unknown) =>
    gatewayErrors.fail("body", { place, expected: "one JSON object whose keys are each given once", received }, cause);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw bad("something else", error);
  }
  if (!isRow(value)) throw bad(shown(value));
  const { twice, depth } = readMembers(text);
  if (twice !== undefined) throw bad(`${shown(twice)} twice`);
  if (depth > gatewayBounds.jsonDepth) throw bad(`${depth} levels of nesting`);
  return value;
}

/** Lines of a file as it comes. Errors: UpstreamFailure, gateway/tooLarge. */
async function* linesOf(
  { upstream, path, stop }: BatchGiven,
  fileId: string,
): AsyncGenerator<{ readonly text: string; readonly number: number }> {
  const { config } = upstream;
  const reply = await upstream.aside({
    method: "GET",
    path: `${config.url.pathname.replace(/\/+$/, "")}${path.replace(/[^/]+$/, "")}files/${encodeURIComponent(fileId)}/content`,
    headers: { accept: "*/*", ...config.headers },
    deadlines: config.deadlines,
    stop,
  });
  try {
    if (reply.status === 404) throw wrong("input_file_id", "a file of the upstream", "one that it does not have");
    if (reply.status !== 200 || reply.headers.get("content-encoding") !== undefined)
      throw new UpstreamFailure("malformed", `the content of the batch's file: status ${reply.status}`);
    const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
    /** The beginning of a line whose end has not come. */
    let begun: Buffer[] = [];
    let [begunBytes, size, number] = [0, 0, 0];
    for (let piece = await reply.read(); piece !== undefined; piece = await reply.read()) {
      if (piece === "waiting") continue;
      size += piece.length;
      if (size > mostBytes) throw tooLarge("input_file_id", mostBytes);
      let from = 0;
      for (let end = piece.indexOf(lineFeed); end >= 0; end = piece.indexOf(lineFeed, from)) {
        yield { text: decoder.decode(Buffer.concat([...begun, piece.subarray(from, end)])), number: ++number };
        [begun, begunBytes, from] = [[], 0, end + 1];
      }
      begun.push(piece.subarray(from));
      begunBytes += piece.length - from;
      if (begunBytes > gatewayBounds.bodyBytes) throw tooLarge(`line ${number + 1}`, gatewayBounds.bodyBytes);
    }
    yield { text: decoder.decode(Buffer.concat(begun)), number: ++number };
  } catch (error) {
    if (error instanceof TypeError)
      throw gatewayErrors.fail("body", { place: "input_file_id", expected: "UTF-8", received: "other bytes" }, error);
    throw error;
  } finally {
    reply.cancel();
  }
}

const tooLarge = (place: string, most: number) =>
  gatewayErrors.fail("tooLarge", { place, expected: `at most ${formatBytes(most)}`, received: "more", hint: "Split the file." });

/** Requests of the batch, one after another. Errors: gateway/body, parameter, tooLarge, UpstreamFailure. */
async function* requestsOf(given: BatchGiven): AsyncGenerator<Line> {
  const batch = rowOf(given.text, "body");
  if (Array.isArray(batch.requests) && batch.input_file_id === undefined) {
    for (const [i, request] of batch.requests.entries()) {
      const place = `requests[${i}].params`;
      if (!isRow(request) || !isRow(request.params)) throw wrong(place, "an object", shown(request));
      yield { place, endpoint: "messages", url: "/v1/messages", body: request.params };
    }
    return;
  }
  const { input_file_id: id, endpoint } = batch;
  if (typeof id !== "string") throw wrong("input_file_id", "the id of an uploaded file", shown(id));
  for await (const { text, number } of linesOf(given, id)) {
    if (text.trim() === "") continue;
    const at = `line ${number}`;
    if (otherLineEnds.test(text))
      throw wrong(at, "line ends of \\n alone", "U+0085, U+2028 or U+2029", "Escape these characters in JSON: \\u2028.");
    const { url, body } = rowOf(text, at);
    if (typeof url !== "string" || (typeof endpoint === "string" && url !== endpoint))
      throw wrong(`${at}: url`, typeof endpoint === "string" ? `the batch's endpoint, ${endpoint}` : "a path", shown(url));
    if (!isRow(body)) throw wrong(`${at}: body`, "an object", shown(body));
    yield { place: at, endpoint: apiOf(url)?.endpoint ?? "other", url, body };
  }
}

const apiOf = (url: string) => apis.find(api => url === `/v1${api.path}`);

/** Routes that ask the upstream's model; policies and limits know them by their own names. */
const routesOf = ({ gateway, upstream }: BatchGiven, model: string): ModelRoute[] =>
  [...new Set(gateway.config.routes.values())].filter(r =>
    r.targets.some(t => (t.ofUpstream ?? t.upstream) === upstream.id && t.model === model),
  );

/** The name under which the request is allowed, and its route. Errors: gateway/forbidden, unguarded. */
function judged(
  given: BatchGiven,
  { place, endpoint, url, body }: Line,
  model: string,
): { readonly name: string; readonly route: ModelRoute | undefined } {
  const { gateway, identity, dataClass } = given;
  const routes = routesOf(given, model);
  for (const route of routes) checkUnguarded(`the batches of ${given.upstream.id} (${place})`, route, gateway.config.routes);
  const parameters = {
    ...parametersIn([body], saysLength(endpoint, body)),
    ...(endpoint === "other" ? { method: "POST", path: url.slice(0, 256) } : {}),
  };
  const decide = (name: string) => gateway.control.decide(identity, { endpoint, model: name, parameters, dataClass } satisfies Action);
  const names = [...new Set([...routes.map(r => r.name), model])];
  const decisions = names.map(name => ({ name, decision: decide(name) }));
  // a deny of any of its names counts; of the others one must be allowed
  const known = routes.length === 0 ? decisions : decisions.slice(0, routes.length);
  const allowed = known.find(d => d.decision.allowed);
  const no = decisions.find(d => !d.decision.allowed && d.decision.policy !== null) ?? (allowed ? undefined : known[0]);
  if (no)
    throw gatewayErrors.fail("forbidden", {
      place: `${place}: ${no.name}`,
      message: no.decision.reason,
      hint: "Take the request out of the batch, or ask your administrator; `loam gateway explain` says which rule decides.",
    });
  return { name: allowed!.name, route: routes.find(r => r.name === allowed!.name) };
}

/** Adds what the request may use. Errors: gateway/parameter. */
function add(
  given: BatchGiven,
  sums: Map<string, Sum>,
  { place, endpoint, url, body }: Line,
  { name, route }: ReturnType<typeof judged>,
): void {
  const sum = sums.get(name) ?? { requests: 0, inputTokens: 0, maxOutputTokens: 0 };
  sums.set(name, sum);
  if (sums.size > mostModels) throw wrong(place, `at most ${mostModels} models in a batch`, "one more");
  const api = apiOf(url);
  const otherwise = route?.maxOutputTokens ?? usualOutputTokens;
  sum.requests++;
  if (endpoint === "other") return;
  try {
    if (api) {
      sum.inputTokens += estimatedTokens(api, body, route && given.gateway.counter(route));
      sum.maxOutputTokens += api.maxOutputTokens(body, otherwise);
    } else {
      const { max_tokens } = body;
      sum.inputTokens += estimatedTokens({ texts: () => [JSON.stringify(body)] }, {}, undefined);
      sum.maxOutputTokens +=
        typeof max_tokens === "number" && max_tokens >= 0 && Number.isFinite(max_tokens) ? Math.ceil(max_tokens) : otherwise;
    }
  } catch (error) {
    if (!isLoamError(error) || error.code !== "gateway/parameter") throw error;
    const { expected, received } = error.problem;
    throw wrong(`${place}: ${error.problem.place}`, expected ?? "a number of tokens", received ?? "something else");
  }
}

/**
 * Judges every request of a batch and takes room for all of them. Errors: gateway/forbidden, unguarded, body, parameter, tooLarge, an answer of the
 * limits', UpstreamFailure.
 */
export async function reservedBatch(given: BatchGiven): Promise<readonly Reservation[]> {
  const { gateway, identity, ip } = given;
  const sums = new Map<string, Sum>();
  let numRequests = 0;
  for await (const line of requestsOf(given)) {
    if (++numRequests > mostLines) throw wrong(line.place, `at most ${mostLines} requests`, "more", "Split the batch.");
    const { model } = line.body;
    if (typeof model !== "string" || model === "") throw wrong(`${line.place}: model`, "a model's name", shown(model));
    add(given, sums, line, judged(given, line, model));
  }
  const taken: Reservation[] = [];
  try {
    for (const [model, sum] of sums)
      taken.push(await reserveRoom(gateway.control.limits, gateway.metrics, { identity, model, ip }, { ...sum, bytes: 0 }));
  } catch (error) {
    await Promise.all(taken.map(one => one.cancel()));
    throw error;
  }
  return taken;
}

/** Charges what the batch may use, since what it uses is known to its server alone; gives it back where the batch was not begun. */
export async function settleBatch(taken: readonly Reservation[], status: number): Promise<void> {
  // numbers below 0 are not believed: what was held is charged
  const all = { inputTokens: -1, cachedTokens: 0, outputTokens: -1, status };
  await Promise.all(taken.map(one => (status < 300 ? one.settle(all) : one.cancel())));
}
