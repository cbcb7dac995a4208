/**
 * A server that speaks Redis' protocol (Redis from 6.2, Valkey), through `ioredis`: one connection, on which scripts are called by their digest. Nothing is asked
 * again by itself after a connection broke; whoever asked hears that the answer was lost.
 */
import { createHash } from "node:crypto";
import { Redis } from "ioredis";
import { redact } from "../../base/index.ts";
import { gatewayErrors } from "../errors.ts";
import { keyNames, redisScripts, type ScriptName } from "../limits/redis-scripts.ts";

/** Longest wait before a connection is tried again. */
const longestPauseMs = 1_000;
const usualPrefix = "loam";

const digests = Object.fromEntries(
  Object.entries(redisScripts).map(([name, text]) => [name, createHash("sha1").update(text).digest("hex")]),
) as Readonly<Record<ScriptName, string>>;

const badUrl = (expected: string, received: string, hint: string) =>
  gatewayErrors.fail("state", { place: "limitsState", expected, received, hint });

/** What a script gives: text, or lists of it. */
export type RedisReply = string | readonly RedisReply[];

export class RedisServer {
  /** For sentences, without credentials. */
  readonly place: string;
  readonly #redis: Redis;
  readonly #keys: readonly string[];
  /** Why there is no connection; a question that was not sent says only that there is none. */
  #trouble: Error | undefined;

  /** `redis://user:password@host:port/database?prefix=NAME`, or `rediss://` for TLS. Errors: state. */
  constructor(url: string, timeoutMs: number) {
    const example = "Try redis://127.0.0.1:6379/0?prefix=gateway.";
    if (!URL.canParse(url)) throw badUrl("a URL", "one that cannot be read", example);
    const parsed = new URL(url);
    const prefix = parsed.searchParams.get("prefix") ?? usualPrefix;
    if (!/^[A-Za-z0-9][A-Za-z0-9._:-]{0,63}$/.test(prefix)) throw badUrl("a prefix of letters, digits and . _ : -", `"${prefix}"`, example);
    const database = parsed.pathname.replace(/^\//, "");
    if (!/^\d{0,4}$/.test(database)) throw badUrl("the number of a database after the host", `"${database}"`, example);
    const other = [...parsed.searchParams.keys()].find(key => key !== "prefix");
    if (other !== undefined) throw badUrl("no parameter but prefix", `"${other}"`, example);
    const credential = (text: string): string => {
      try {
        return decodeURIComponent(text);
      } catch {
        throw badUrl("a user and a password whose % are written as %25", "others", example);
      }
    };
    const [host, port, db] = [parsed.hostname.replace(/^\[(.*)\]$/, "$1") || "127.0.0.1", Number(parsed.port || 6379), Number(database)];
    this.place = `${parsed.protocol}//${parsed.hostname || host}:${port}/${db}?prefix=${prefix}`;
    // in braces: one slot, where a server shares its keys among several
    this.#keys = keyNames.map(name => `{${prefix}}:${name}`);
    this.#redis = new Redis({
      host,
      port,
      db,
      ...(parsed.username ? { username: credential(parsed.username) } : {}),
      ...(parsed.password ? { password: credential(parsed.password) } : {}),
      ...(parsed.protocol === "rediss:" ? { tls: {} } : {}),
      protocol: 2,
      connectionName: "loam-gateway",
      connectTimeout: timeoutMs,
      commandTimeout: timeoutMs,
      lazyConnect: true,
      // what cannot be sent now fails now: a limit's `onStoreLoss` decides, and no old question is decided later
      enableOfflineQueue: false,
      autoResendUnfulfilledCommands: false,
      maxRetriesPerRequest: null,
      // what was the first server may have become a copy of another: its name is looked up anew
      reconnectOnError: error => error.message.startsWith("READONLY"),
      retryStrategy: times => Math.min(50 * times, longestPauseMs),
    });
    // a server that goes away must not end the process; the next question reports it
    this.#redis.on("error", (error: Error) => {
      this.#trouble = error;
    });
    this.#redis.on("ready", () => {
      this.#trouble = undefined;
    });
  }

  /** Connects. Errors: stateLost; state where the server would throw buckets away. */
  async open(): Promise<void> {
    let memory: string;
    try {
      await this.#redis.connect();
      memory = await this.#redis.info("memory");
    } catch (error) {
      this.close();
      throw this.lost(error);
    }
    const policy = /^maxmemory_policy:(\S+)/m.exec(memory)?.[1];
    if (policy?.startsWith("allkeys")) {
      this.close();
      throw gatewayErrors.fail("state", {
        place: this.place,
        expected: "a server that evicts no key without an end of its own: maxmemory-policy noeviction or volatile-...",
        received: policy,
        hint: "Full of other things it would forget every limit at once. Give limits a server of their own.",
      });
    }
  }

  /** One round trip; two where the server does not have the script yet. Errors: stateLost. */
  async run(script: ScriptName, ...values: readonly (string | number)[]): Promise<RedisReply> {
    const given = [...this.#keys, ...values];
    try {
      return (await this.#redis.evalsha(digests[script], this.#keys.length, ...given)) as RedisReply;
    } catch (error) {
      if (!String((error as Error).message).startsWith("NOSCRIPT")) throw this.lost(error);
    }
    try {
      return (await this.#redis.eval(redisScripts[script], this.#keys.length, ...given)) as RedisReply;
    } catch (error) {
      throw this.lost(error);
    }
  }

  lost(error: unknown): Error {
    return gatewayErrors.fail(
      "stateLost",
      {
        place: this.place,
        expected: "an answer from the Redis server of the limits",
        received: redact((this.#trouble ?? (error as Error)).message),
        hint: "Check that the server runs and that the URL, user and password are right.",
      },
      error,
    );
  }

  close(): void {
    this.#redis.disconnect();
  }
}
