/**
 * Credentials that were renewed where they are kept (a file, a program): they are read again as soon as the upstream refuses those in use, and the
 * request is sent once more where others are there. Without, each request until the next look at the files (`config/follow.ts`) would fail.
 */
import { Readable } from "node:stream";
import { type Clock, isLoamError } from "../../base/index.ts";
import type { Connection, UpstreamCall, UpstreamReply } from "./call.ts";
import type { UpstreamConfig } from "./config.ts";

/** Of an upstream that refuses the gateway's key. */
export const credentialStatuses: ReadonlySet<number> = new Set([401, 403, 407]);

/** Milliseconds between two readings: an upstream that refuses everything must not run a program for each request. */
const betweenMs = 1_000;

type Headers = UpstreamConfig["headers"];

const areEqual = (a: Headers, b: Headers): boolean =>
  Object.keys(a).length === Object.keys(b).length && Object.entries(a).every(([name, value]) => b[name] === value);

interface RenewalPorts {
  readonly clock: Clock;
  config(): UpstreamConfig;
  /** Other headers than those of `config` are there. */
  take(headers: Headers): void;
}

export class Renewal {
  readonly #ports: RenewalPorts;
  #reading: Promise<void> | undefined;
  #readMs = Number.NEGATIVE_INFINITY;

  constructor(ports: RenewalPorts) {
    this.#ports = ports;
  }

  /** A secret that cannot be read leaves the last good one: whoever follows the files reports it. */
  async #read(): Promise<void> {
    const { clock, config, take } = this.#ports;
    this.#readMs = clock.monotonic();
    try {
      const headers = await config().renewHeaders?.();
      if (headers && !areEqual(headers, config().headers)) take(headers);
    } catch (error) {
      if (!isLoamError(error)) throw error;
    }
  }

  /** Reads them, one reading for all who ask meanwhile. */
  async #renew(): Promise<void> {
    if (!this.#reading && this.#ports.clock.monotonic() - this.#readMs >= betweenMs)
      this.#reading = this.#read().finally(() => {
        this.#reading = undefined;
      });
    await this.#reading;
  }

  /** As `connection.call`, and once more with other credentials where those in use were refused. A body that streams has gone, so it is not sent again. */
  async call(connection: Connection, call: UpstreamCall, replied?: (status: number) => void): Promise<UpstreamReply> {
    const { headers: used } = this.#ports.config();
    const reply = await connection.call(call, replied);
    if (!credentialStatuses.has(reply.status)) return reply;
    await this.#renew();
    const { headers } = this.#ports.config();
    if (areEqual(used, headers) || call.body instanceof Readable) return reply;
    reply.cancel();
    return connection.call({ ...call, headers: { ...call.headers, ...headers } }, replied);
  }
}
