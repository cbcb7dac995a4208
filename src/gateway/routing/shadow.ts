/**
 * Copies of requests to a server whose answers nobody gets: how a new model would do, on what people really ask. A copy goes when the client's own
 * answer has begun, is charged to nobody, and whatever becomes of it neither the client nor the record of its upstream hears of it. Copies under
 * way are bounded; what is more is left out and counted.
 */
import { createHash } from "node:crypto";
import type { Clock } from "../../base/index.ts";
import { isRow, readUsage, type TokenUsage } from "../../protocols/index.ts";
import type { Ask } from "../http/ask.ts";
import { gatewayBounds } from "../http/limits.ts";
import type { StreamProgress } from "../streams/progress.ts";
import { Relay } from "../streams/relay.ts";
import type { UpstreamReply } from "../upstreams/call.ts";
import { UpstreamFailure } from "../upstreams/failure.ts";
import { Stop } from "../upstreams/stop.ts";
import type { Upstream } from "../upstreams/upstream.ts";
import type { Request } from "./attempts.ts";
import { hash32 } from "./hash.ts";
import { readWhole } from "./read-answer.ts";
import type { ModelRoute, Shadow, Target } from "./route.ts";
import type { Runtime } from "./runtime.ts";

/** The log's line of a copy. No prompt, no answer, and no digest of one: of a short answer that would give it away. */
export interface ShadowRecord {
  /** Of the request that it is a copy of. */
  readonly shadowOf: string;
  readonly time: string;
  readonly model: string;
  readonly target: string;
  /** `answered`, or what went wrong in the words of an attempt; `refused` for a 4xx. */
  readonly how: string;
  readonly status: number | null;
  readonly ms: number;
  readonly firstMs: number | null;
  readonly inputTokens: number;
  readonly outputTokens: number;
  /** Whether its text is the client's, letter by letter; null where one of them has none or is not whole. */
  readonly isSame: boolean | null;
  /** Of the client's own answer. */
  readonly client: { readonly ms: number; readonly firstMs: number; readonly outputTokens: number } | null;
}

/** What the client got; undefined where that was not whole. */
export interface ClientAnswer {
  readonly text: string | undefined;
  readonly ms: number;
  readonly firstMs: number;
  readonly outputTokens: number;
}

interface Copying {
  readonly id: string;
  readonly ask: Ask;
  readonly route: ModelRoute;
  /** Of whom the share is drawn, where it is of users or keys. */
  readonly user: string | undefined;
  readonly key: string | undefined;
  readonly runtime: Runtime;
  request(target: Target, upstream: Upstream): Request;
}

export interface ShadowEvents {
  /** A copy ended. */
  sent(record: ShadowRecord): void;
  /** One was left out, since as many as may be are under way. */
  skipped(model: string, target: string): void;
}

const tenths = (ms: number): number => Math.round(ms * 10) / 10;
const digestOf = (text: string): string => createHash("sha256").update(text).digest("base64");

/** The text of a whole answer; undefined where it has none. */
export function answerText(body: string): { readonly text: string | undefined; readonly usage: TokenUsage | undefined } {
  let value: unknown;
  try {
    value = JSON.parse(body);
  } catch {
    throw new UpstreamFailure("malformed", "a 200 whose body is no JSON");
  }
  if (!isRow(value)) throw new UpstreamFailure("malformed", "a 200 whose body is no JSON object");
  const usage = readUsage(value.usage);
  const [choice, ...more] = Array.isArray(value.choices) ? value.choices.filter(isRow) : [];
  if (choice === undefined || more.length > 0) return { text: undefined, usage };
  if (typeof choice.text === "string") return { text: choice.text, usage };
  const { message } = choice;
  return { text: isRow(message) && typeof message.content === "string" && !message.tool_calls ? message.content : undefined, usage };
}

interface Came {
  readonly text: string | undefined;
  readonly usage: TokenUsage | undefined;
  readonly pieces: number;
}

/** A timer of Node's waits no longer. */
const longestMs = 2 ** 31 - 1;

/** Reads a streamed answer to its end. Errors: UpstreamFailure. */
async function streamRead(reply: UpstreamReply, { api, body, choices }: Ask): Promise<Came> {
  let isOpened = false;
  let ended: { readonly error: unknown; readonly progress: StreamProgress } | undefined;
  let broken: UpstreamFailure | undefined;
  const relay = new Relay({
    api: api.streamed!,
    body,
    choices,
    dropsUsage: false,
    heartbeatMs: longestMs,
    eventBytes: gatewayBounds.eventBytes,
    open: async () => {
      if (isOpened) throw broken ?? new UpstreamFailure("cut", "the stream ended before the answer");
      isOpened = true;
      return {
        reply,
        end: (_, failure) => {
          broken ??= failure;
        },
      };
    },
    errorEvent: () => Buffer.alloc(0),
    onEnd: end => {
      ended = end;
    },
  });
  while ((await relay.read()) !== undefined);
  if (ended?.error !== undefined) throw ended.error;
  return { text: ended?.progress.text, usage: ended?.progress.usage, pieces: ended?.progress.pieces ?? 0 };
}

export class Shadows {
  readonly #clock: Clock;
  readonly #events: ShadowEvents;
  readonly #underWay = new Map<string, number>();
  /** By model: of the next copy, so much is due. */
  readonly #due = new Map<string, number>();
  readonly #stops = new Set<Stop>();

  constructor(clock: Clock, events: ShadowEvents) {
    this.#clock = clock;
    this.#events = events;
  }

  /** Sends a copy where the share says so; gives what must be told of the client's answer when that has ended. Never throws. */
  copy(c: Copying): ((answer: ClientAnswer | undefined) => void) | undefined {
    const shadow = c.route.shadow!;
    if (!this.#isDrawn(shadow, c)) return undefined;
    const { name } = c.route;
    const underWay = this.#underWay.get(name) ?? 0;
    const upstream = c.runtime.upstream(shadow.target.upstream);
    // the copies of a model have a key's part of their upstream, all together
    const caller = `copies of ${name}`;
    if (underWay >= shadow.atOnce || (upstream.lane && !upstream.lane.tryEnter(caller))) {
      this.#events.skipped(name, shadow.target.id);
      return undefined;
    }
    this.#underWay.set(name, underWay + 1);
    c.runtime.enter();
    let told: (answer: ClientAnswer | undefined) => void = () => {};
    const client = new Promise<ClientAnswer | undefined>(resolve => {
      told = resolve;
    });
    void this.#run(c, shadow, upstream, client).finally(() => {
      upstream.lane?.leave(caller);
      c.runtime.leave();
      this.#underWay.set(name, this.#underWay.get(name)! - 1);
    });
    return told;
  }

  /** Ends those under way. */
  close(): void {
    for (const stop of this.#stops) stop.stop(new UpstreamFailure("draining", "the gateway is shutting down"));
  }

  #isDrawn({ share, by }: Shadow, { route, user, key }: Copying): boolean {
    if (by !== "none") {
      const who = by === "user" ? user : key;
      return who !== undefined && hash32(who, hash32(route.name)) < share * 2 ** 32;
    }
    const due = (this.#due.get(route.name) ?? 0) + share;
    // a tenth, ten times, is a little less than one
    const isDue = due >= 1 - 1e-9;
    this.#due.set(route.name, isDue ? due - 1 : due);
    return isDue;
  }

  async #run(c: Copying, { target }: Shadow, upstream: Upstream, client: Promise<ClientAnswer | undefined>): Promise<void> {
    const startMs = this.#clock.monotonic();
    const sinceMs = () => tenths(this.#clock.monotonic() - startMs);
    const stop = new Stop();
    this.#stops.add(stop);
    const { totalMs } = c.runtime.config;
    const timer = setTimeout(() => stop.stop(new UpstreamFailure("totalTimeout", `not whole after ${totalMs} ms`)), totalMs);
    timer.unref();
    let how = "answered";
    let status: number | null = null;
    let firstMs: number | null = null;
    let came: Came | undefined;
    try {
      const { translate, ...call } = c.request(target, upstream);
      const answer = await upstream.aside({ ...call, deadlines: upstream.config.deadlines, stop });
      const reply = translate ? translate(answer) : answer;
      status = reply.status;
      firstMs = sinceMs();
      if (status < 200 || status >= 300) {
        reply.cancel();
        how = status < 500 ? "refused" : "status";
      } else if (c.ask.isStream) came = await streamRead(reply, c.ask);
      else came = { ...answerText((await readWhole(reply, gatewayBounds.answerBytes)).toString("utf8")), pieces: 0 };
    } catch (error) {
      how = error instanceof UpstreamFailure ? error.kind : "failed";
    }
    clearTimeout(timer);
    this.#stops.delete(stop);
    const ms = sinceMs();
    // an answer that goes on for longer than a request may has ended by then
    const own = await client;
    this.#events.sent({
      shadowOf: c.id,
      time: new Date(this.#clock.now()).toISOString(),
      model: c.route.name,
      target: target.id,
      how,
      status,
      ms,
      firstMs,
      inputTokens: came?.usage?.inputTokens ?? 0,
      outputTokens: came?.usage?.outputTokens ?? came?.pieces ?? 0,
      isSame: came?.text === undefined || own?.text === undefined ? null : digestOf(came.text) === digestOf(own.text),
      client: own ? { ms: tenths(own.ms), firstMs: tenths(own.firstMs), outputTokens: own.outputTokens } : null,
    });
  }
}
