/**
 * Requests to one registry, by the distribution specification: plain HTTP on this machine alone unless it is asked for, basic and bearer tokens as
 * the registry asks (RFC 7617, RFC 6750), credentials for the registry and its token server and for nobody it redirects to.
 */
import { z } from "zod";
import { check, defined, guardPausedResponses } from "../../base/index.ts";
import { registryErrors } from "../errors.ts";
import type { RegistryCredentials } from "./credentials.ts";
import { isLoopback, type Reference, referenceText } from "./reference.ts";

export interface RegistryOptions {
  readonly credentials?: RegistryCredentials | undefined;
  /** Unencrypted also where the host is not this machine. */
  readonly plainHttp?: boolean | undefined;
  readonly signal?: AbortSignal | undefined;
  /** First wait after a failure, ms; doubled each time. */
  readonly pauseMs?: number | undefined;
  /** Without an answer or a byte for so long a request is given up, ms. */
  readonly idleMs?: number | undefined;
}

interface RegistryCall {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Buffer;
  /** Statuses that are an answer; others are errors. */
  readonly accepts: readonly number[];
  /** Given up when it aborts. */
  readonly signal?: AbortSignal;
}

export interface RegistryConnection {
  /** `https://HOST/v2/REPOSITORY`. */
  readonly base: string;
  /** For sentences. */
  readonly place: string;
  call(url: string, call: RegistryCall): Promise<Response>;
}

const maxRedirects = 5;
/** Answers of token servers and errors of registries: read no further. */
const maxAnswerBytes = 1024 * 1024;

async function responseText(response: Response): Promise<string> {
  const decoder = new TextDecoder();
  let text = "";
  for await (const piece of response.body ?? []) {
    text += decoder.decode(piece as Uint8Array, { stream: true });
    if (text.length > maxAnswerBytes) break;
  }
  return text;
}

/** `Bearer realm="…",service="…",scope="…"`: scheme in small letters, parameters by name. */
function parseChallenge(header: string): { readonly scheme: string; readonly parameters: Readonly<Record<string, string>> } {
  const [, scheme = "", rest = ""] = /^\s*([A-Za-z]+)\s*(.*)$/s.exec(header) ?? [];
  const parameters = Object.fromEntries([...rest.matchAll(/([A-Za-z]+)="([^"]*)"/g)].map(m => [m[1]!.toLowerCase(), m[2]!]));
  return { scheme: scheme.toLowerCase(), parameters };
}

const tokenAnswer = z.looseObject({ token: z.string().optional(), access_token: z.string().optional() });
const errorAnswer = z.looseObject({ errors: z.array(z.looseObject({ code: z.string(), message: z.string().optional() })).min(1) });

/** What a registry said of an error, in its words. */
export async function registryRefusal(place: string, response: Response, has: boolean) {
  const { status } = response;
  const text = await responseText(response).catch(() => "");
  let said = "";
  try {
    const [first] = errorAnswer.parse(JSON.parse(text)).errors;
    said = `: ${first!.code}${first!.message ? `, ${first!.message}` : ""}`.slice(0, 300);
  } catch {
    // no answer of the specification's form
  }
  const hint =
    status === 401 || status === 403
      ? has
        ? "Use the credentials of who may."
        : "Set LOAM_REGISTRY_AUTH=user:password, or run `docker login` or `oras login` for this host."
      : status === 404
        ? "Check host, repository and tag."
        : undefined;
  return registryErrors.fail("remote", {
    place,
    expected: "an answer that lets it go on",
    received: `${status}${said}`,
    ...defined({ hint }),
  });
}

/** Errors of every call: registry/remote; the signal's reason. */
export function connect(reference: Reference, options: RegistryOptions): RegistryConnection {
  guardPausedResponses();
  const { host, repository } = reference;
  const { credentials } = options;
  const scheme = options.plainHttp || isLoopback(host) ? "http" : "https";
  const home = `${scheme}://${host}`;
  const place = referenceText(reference);
  const basic = credentials && `Basic ${Buffer.from(`${credentials.user}:${credentials.password}`, "utf8").toString("base64")}`;
  let authorization: string | undefined;

  const fetched = async (url: URL | string, init: RequestInit, more: AbortSignal | undefined): Promise<Response> => {
    const idle = AbortSignal.timeout(options.idleMs ?? 60_000);
    // the limit is for the answer's head; a body has its own
    const signals = [...(options.signal ? [options.signal] : []), ...(more ? [more] : [])];
    const head = new AbortController();
    const stop = () => head.abort(idle.reason);
    idle.addEventListener("abort", stop);
    try {
      return await fetch(url, { ...init, redirect: "manual", signal: AbortSignal.any([head.signal, ...signals]) });
    } catch (error) {
      if (options.signal?.aborted) throw options.signal.reason;
      const cause = (error as { cause?: { code?: string; message?: string } }).cause;
      const reason = cause?.code || cause?.message || (error as Error).message;
      const isPlain = /wrong version number|packet length|SSL/i.test(`${reason} ${cause?.message ?? ""}`);
      throw registryErrors.fail(
        "remote",
        {
          place,
          expected: `an answer of ${new URL(url).origin}`,
          received: reason.slice(0, 160),
          hint: isPlain
            ? "If it speaks plain HTTP and the network between is yours, use --plain-http."
            : "Check host and network; the same command goes on where it stopped.",
        },
        error,
      );
    } finally {
      idle.removeEventListener("abort", stop);
    }
  };

  async function bearer(parameters: Readonly<Record<string, string>>): Promise<string> {
    const realm = URL.canParse(parameters.realm ?? "") ? new URL(parameters.realm!) : undefined;
    const isSafe = realm?.protocol === "https:" || (realm?.protocol === "http:" && (options.plainHttp || isLoopback(realm.host)));
    if (!realm || !isSafe)
      throw registryErrors.fail("remote", {
        place: `${place}: token server`,
        expected: "a realm with https",
        received: JSON.stringify(parameters.realm ?? "none"),
        hint: "Credentials are not sent there unencrypted; --plain-http allows it.",
      });
    if (parameters.service) realm.searchParams.set("service", parameters.service);
    const scopes = (parameters.scope ?? `repository:${repository}:pull`).split(" ").filter(Boolean);
    for (const scope of scopes) realm.searchParams.append("scope", scope);
    const response = await fetched(realm, { headers: basic ? { authorization: basic } : {} }, undefined);
    if (response.status !== 200) throw await registryRefusal(`${place}: token server ${realm.host}`, response, basic !== undefined);
    let value: unknown;
    try {
      value = JSON.parse(await responseText(response));
    } catch {
      // told below as an answer without a token
    }
    const answer = check(tokenAnswer, value ?? {}, `${place}: token server`);
    const token = answer.token ?? answer.access_token;
    if (!token) throw registryErrors.fail("remote", { place: `${place}: token server`, expected: "a token", received: "none" });
    return `Bearer ${token}`;
  }

  /** Answers a challenge; undefined where there is nothing (more) to show. */
  async function answerTo(header: string): Promise<string | undefined> {
    const { scheme: asked, parameters } = parseChallenge(header);
    if (asked === "bearer") return bearer(parameters);
    return asked === "basic" ? basic : undefined;
  }

  return {
    base: `${home}/v2/${repository}`,
    place,
    async call(url, { method = "GET", headers = {}, body, accepts, signal }) {
      let at = new URL(url, home);
      let hasAnswered = false;
      for (let redirects = 0; ; ) {
        const isHome = at.origin === home;
        const init: RequestInit = {
          method,
          headers: { ...headers, ...(isHome && authorization ? { authorization } : {}) },
          ...(body === undefined ? {} : { body: new Uint8Array(body.buffer as ArrayBuffer, body.byteOffset, body.length) }),
        };
        const response = await fetched(at, init, signal);
        const challenge = response.headers.get("www-authenticate");
        if (response.status === 401 && isHome && challenge && !hasAnswered) {
          hasAnswered = true;
          const next = await answerTo(challenge);
          if (next !== undefined && next !== authorization) {
            await response.body?.cancel();
            authorization = next;
            continue;
          }
        }
        const location = response.headers.get("location");
        if (response.status >= 300 && response.status < 400 && location !== null && !accepts.includes(response.status)) {
          await response.body?.cancel();
          const to = new URL(location, at);
          if (++redirects > maxRedirects || (to.protocol !== "https:" && to.protocol !== at.protocol))
            throw registryErrors.fail("remote", {
              place,
              expected: `at most ${maxRedirects} redirections, none to less than https`,
              received: to.origin,
            });
          at = to;
          continue;
        }
        if (!accepts.includes(response.status))
          throw await registryRefusal(`${place}: ${method} ${at.pathname}`, response, credentials !== undefined);
        return response;
      }
    },
  };
}
