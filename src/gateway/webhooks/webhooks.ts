/**
 * Events posted to receivers: each receiver has a bounded queue and is sent one event after the other, again with growing pauses where it does
 * not take it. Nobody waits for it, and no request is held up. The queue is this process's: what is not taken when it ends is tried once more.
 */

import { type Connection, connectTo } from "../upstreams/call.ts";
import type { Network } from "../upstreams/networks.ts";
import { Stop } from "../upstreams/stop.ts";
import { type GatewayEvent, isFor } from "./event.ts";
import { webhookHeaders } from "./signature.ts";

export interface WebhookConfig {
  readonly url: URL;
  readonly key: Buffer;
  readonly events: readonly string[];
  readonly network: Network;
}

export interface Webhooks {
  /** Returns at once. */
  send(event: GatewayEvent): void;
  /** Whether anybody wants events of this kind. */
  wants(type: GatewayEvent["type"]): boolean;
  /** Of receivers from now on; queues of those that stay are kept. */
  take(configs: readonly WebhookConfig[]): void;
  state(): readonly ReceiverState[];
  /** Tries what waits once more, for two seconds at most. */
  close(): Promise<void>;
}

export interface ReceiverState {
  /** Without path and query, which may hold a secret. */
  readonly origin: string;
  readonly waiting: number;
  readonly delivered: number;
  /** Given up after the last attempt, or pushed out of a full queue. */
  readonly lost: number;
  readonly lastError: string | null;
}

export interface WebhookOptions {
  readonly now?: () => number;
  /** Pause before the second attempt; each doubles up to an hour. 1 s when absent. */
  readonly pauseMs?: number;
  /** Told of an event that nobody took. */
  readonly onLost?: (origin: string, event: GatewayEvent, why: string) => void;
}

/** Events that wait for one receiver. */
const mostWaiting = 1_000;
/** With pauses from a second to an hour: about 5 hours. */
const attempts = 15;
const longestPauseMs = 3_600_000;
const deadlines = { connectMs: 5_000, firstByteMs: 10_000, idleMs: 10_000 };
const lastMs = 2_000;

const bodyOfEvent = ({ type, atMs, data }: GatewayEvent): string => JSON.stringify({ type, timestamp: new Date(atMs).toISOString(), data });

class Receiver {
  readonly config: WebhookConfig;
  readonly #options: WebhookOptions;
  readonly #connection: Connection;
  readonly #stop = new Stop();
  #queue: GatewayEvent[] = [];
  #running: Promise<void> | undefined;
  #wake = () => {};
  #isClosing = false;
  #delivered = 0;
  #lost = 0;
  #lastError: string | null = null;

  constructor(config: WebhookConfig, options: WebhookOptions) {
    this.config = config;
    this.#options = options;
    this.#connection = connectTo({ origin: config.url.origin, network: config.network, connections: 1, authorities: undefined });
  }

  state(): ReceiverState {
    return {
      origin: this.config.url.origin,
      waiting: this.#queue.length,
      delivered: this.#delivered,
      lost: this.#lost,
      lastError: this.#lastError,
    };
  }

  send(event: GatewayEvent): void {
    if (this.#queue.length >= mostWaiting) this.#lose(this.#queue.shift()!, `more than ${mostWaiting} wait`);
    this.#queue.push(event);
    this.#running ??= this.#run().finally(() => {
      this.#running = undefined;
    });
  }

  #lose(event: GatewayEvent, why: string): void {
    this.#lost++;
    this.#options.onLost?.(this.config.url.origin, event, why);
  }

  async #run(): Promise<void> {
    for (let event = this.#queue[0]; event; event = this.#queue[0]) {
      const why = await this.#deliver(event);
      if (why !== undefined) this.#lose(event, why);
      // a full queue may have pushed it out meanwhile
      if (this.#queue[0] === event) this.#queue.shift();
    }
  }

  /** Why it was given up; undefined: it was taken. */
  async #deliver(event: GatewayEvent): Promise<string | undefined> {
    let pauseMs = this.#options.pauseMs ?? 1_000;
    for (let attempt = 1; ; attempt++) {
      const why = await this.#post(event);
      this.#lastError = why ?? null;
      if (why === undefined) {
        this.#delivered++;
        return undefined;
      }
      if (attempt >= attempts || this.#isClosing || why === "status 410") return why;
      // from half of it to all of it, so that gateways do not knock together
      await this.#pause(pauseMs * (0.5 + Math.random() / 2));
      pauseMs = Math.min(pauseMs * 2, longestPauseMs);
    }
  }

  #pause(ms: number): Promise<void> {
    return new Promise(resolve => {
      const timer = setTimeout(resolve, ms);
      timer.unref();
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
      if (this.#isClosing) this.#wake();
    });
  }

  async #post(event: GatewayEvent): Promise<string | undefined> {
    const { url, key } = this.config;
    const body = bodyOfEvent(event);
    try {
      const reply = await this.#connection.call({
        method: "POST",
        path: `${url.pathname}${url.search}`,
        headers: {
          "content-type": "application/json",
          "user-agent": "loam-gateway",
          ...webhookHeaders(key, event.id, this.#options.now?.() ?? Date.now(), body),
        },
        body,
        deadlines,
        stop: this.#stop,
      });
      reply.cancel();
      return reply.status >= 200 && reply.status < 300 ? undefined : `status ${reply.status}`;
    } catch (error) {
      return error instanceof Error ? error.message : String(error);
    }
  }

  async close(): Promise<void> {
    this.#isClosing = true;
    this.#wake();
    let timer: NodeJS.Timeout | undefined;
    await Promise.race([
      this.#running,
      new Promise<void>(resolve => {
        timer = setTimeout(resolve, lastMs);
      }),
    ]);
    clearTimeout(timer);
    await this.#connection.close();
  }
}

const textOf = ({ url, key, events, network }: WebhookConfig): string => JSON.stringify([url.href, key.toString("hex"), events, network]);

export function openWebhooks(configs: readonly WebhookConfig[], options: WebhookOptions = {}): Webhooks {
  let receivers = new Map<string, Receiver>();
  const take = (next: readonly WebhookConfig[]) => {
    const before = receivers;
    receivers = new Map(next.map(c => [textOf(c), before.get(textOf(c)) ?? new Receiver(c, options)]));
    for (const [text, receiver] of before) if (!receivers.has(text)) void receiver.close();
  };
  take(configs);
  return {
    send: event => {
      for (const receiver of receivers.values()) if (isFor(receiver.config.events, event.type)) receiver.send(event);
    },
    wants: type => [...receivers.values()].some(r => isFor(r.config.events, type)),
    take,
    state: () => [...receivers.values()].map(r => r.state()),
    close: async () => {
      await Promise.all([...receivers.values()].map(r => r.close()));
    },
  };
}
