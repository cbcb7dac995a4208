/**
 * API keys that a server was started with (`loam serve --api-key`), as vLLM's and llama.cpp's servers have them: every request to a contract needs one,
 * as `Authorization: Bearer` or `x-api-key`. One kind of caller; users, limits and policies are the gateway's.
 */
import { createHash, timingSafeEqual } from "node:crypto";
import type { Login } from "../../session/index.ts";
import { serveErrors } from "../errors.ts";
import type { AppContext } from "./exchange.ts";

const hashOf = (key: string): Buffer => createHash("sha256").update(key).digest();

const keysIn = ({ req }: AppContext): string[] => {
  const [, bearer] = /^bearer\s+(\S+)\s*$/i.exec(req.header("authorization") ?? "") ?? [];
  return [bearer, req.header("x-api-key")].filter(key => key !== undefined);
};

export class ApiKeys {
  readonly #hashes: readonly Buffer[];
  readonly #login: Login | undefined;

  /** `login`: its token and sessions are keys, too. Errors: serve/parameter for an empty key. */
  constructor(keys: readonly string[], login?: Login) {
    if (keys.some(key => key.trim() === ""))
      throw serveErrors.fail("parameter", { place: "API key", expected: "a text that is not empty", received: '""' });
    this.#hashes = keys.map(hashOf);
    this.#login = login;
  }

  /** The owner that a key is to requests made with it: a digest of the key; undefined where none was needed, or a login let in. Errors: serve/apiKey. */
  check(c: AppContext): string | undefined {
    if (this.#hashes.length === 0) return undefined;
    const given = keysIn(c);
    const hashes = given.map(hashOf);
    // every key is compared, so that time tells none apart
    const known = this.#hashes.filter(own => hashes.filter(hash => timingSafeEqual(own, hash)).length > 0);
    if (known.length > 0) return `key:${known[0]!.toString("hex").slice(0, 32)}`;
    if (this.#login?.callerOf(name => c.req.header(name), c.req.method)) return undefined;
    throw serveErrors.fail("apiKey", {
      place: "Authorization",
      expected: "an API key of this server, as Authorization: Bearer or x-api-key",
      received: given.length > 0 ? "another one" : "none",
    });
  }
}
