/**
 * Who administers a server from this machine: a browser that exchanged a one-time code for a session (Jupyter's way), and programs that read the
 * token file. Nothing else is a credential: no address, no Host, no Origin, no bind. Origins and the CSRF header are asked of sessions besides.
 * Knows no sockets and no routes but its own: `/login`, `/login/codes`, `/logout`, `/api/session`.
 */
import { type Clock, systemClock } from "../base/index.ts";
import { AttemptLimit } from "./attempt-limit.ts";
import { clearCookie, sessionIds, setCookie } from "./cookies.ts";
import { sessionErrors } from "./errors.ts";
import { codeMs, codePrefix, LoginCodes } from "./login-codes.ts";
import { type HeaderOf, isOwnRead, isOwnWrite } from "./same-origin.ts";
import { isSameSecret, newSessionSecret } from "./secrets.ts";
import { type Session, SessionStore } from "./session-store.ts";

/** All that `Login.answer` answers. */
export const loginPaths = ["/login", "/login/codes", "/logout", "/api/session"] as const;

export const csrfHeader = "x-loam-csrf";

export type SessionCaller = "token" | "session";

/** What the page is told of the server; `access` and `csrf` are added. */
export interface SessionInfo {
  /** Whether a gateway stands before the server, so that requests for a model need a key or a session too. */
  readonly gateway: boolean;
  /** Whether there is an artifact store to show. */
  readonly record: boolean;
}

export interface LoginOptions {
  readonly info: SessionInfo;
  /** What only a signed-in page is told: the demo key. */
  readonly secretInfo?: () => Readonly<Record<string, unknown>>;
  readonly clock?: Clock;
}

const tokenPrefix = "local-";

const reading: readonly string[] = ["GET", "HEAD", "OPTIONS"];
/** A code, with room for a pasted URL. */
const mostBodyBytes = 4_096;

/** Nothing of a login is kept by caches, and its address goes to no other page. */
const privately = { "cache-control": "no-store", "referrer-policy": "no-referrer" };

export class Login {
  /** Opens everything that a session opens, without CSRF; for the token file. */
  readonly token = newSessionSecret(tokenPrefix);
  readonly #options: LoginOptions;
  readonly #codes: LoginCodes;
  readonly #sessions: SessionStore;
  readonly #attempts: AttemptLimit;
  #url: URL | undefined;

  constructor(options: LoginOptions) {
    const { clock = systemClock } = options;
    this.#options = options;
    this.#codes = new LoginCodes(clock);
    this.#sessions = new SessionStore(clock);
    this.#attempts = new AttemptLimit(clock);
  }

  /** Where the server listens: names the cookie, and begins the login URL. */
  listening(url: string): void {
    this.#url = new URL(url);
  }

  get #port(): number {
    const { port, protocol } = this.#url ?? { port: "", protocol: "http:" };
    return port === "" ? (protocol === "https:" ? 443 : 80) : Number(port);
  }

  /** A URL that opens one session, once. Errors: a TypeError before `listening`. */
  loginUrl(): string {
    if (!this.#url) throw new TypeError("loginUrl: the server does not listen yet");
    return loginUrlOf(this.#url.href, this.#codes.issue());
  }

  isToken(secret: string): boolean {
    // the prefix is no secret, and most keys of a gateway lack it
    return secret.startsWith(tokenPrefix) && isSameSecret(secret, this.token);
  }

  /**
   * By the token in `Authorization`, `x-api-key` or `api-key`; by a session where none of them is there. Undefined where neither is good.
   * Errors: session/forgery where another page used the session.
   */
  callerOf(header: HeaderOf, method: string): SessionCaller | undefined {
    const keys = keysOf(header);
    if (keys.length > 0) return keys.every(key => this.isToken(key)) ? "token" : undefined;
    const session = this.#sessionOf(header);
    if (!session) return undefined;
    if (reading.includes(method)) {
      if (!isOwnRead(header)) throw forgery("Sec-Fetch-Site", "a request of this server's own page", header("sec-fetch-site"));
      return "session";
    }
    this.#checkWrite(header, session);
    return "session";
  }

  /** Answers the module's own paths; undefined for others. `address`: of the socket. Errors: those of `errors.ts`. */
  async answer(request: Request, address: string): Promise<Response | undefined> {
    const { pathname, searchParams } = new URL(request.url);
    const { method, headers } = request;
    const header: HeaderOf = name => headers.get(name);
    if (pathname === "/api/session" && method === "GET") return this.#info(header);
    if (pathname === "/login" && method === "GET") return this.#follow(header, searchParams.get("code"), address);
    if (pathname === "/login" && method === "POST") return this.#enter(request, address);
    if (pathname === "/login/codes" && method === "POST") return this.#newCode(header);
    if (pathname === "/logout" && method === "POST") return this.#leave(header);
    return undefined;
  }

  #isSecure(header?: HeaderOf): boolean {
    if (this.#url?.protocol === "https:") return true;
    // whoever lies about this spoils their own cookie alone
    return (
      header !== undefined && (header("x-forwarded-proto") === "https" || /(^|[;,\s])proto="?https\b/i.test(header("forwarded") ?? ""))
    );
  }

  #ids(header: HeaderOf): string[] {
    return sessionIds(header("cookie") ?? "", this.#port, this.#isSecure());
  }

  #sessionOf(header: HeaderOf): Session | undefined {
    for (const id of this.#ids(header)) {
      const session = this.#sessions.use(id);
      if (session) return session;
    }
    return undefined;
  }

  #checkWrite(header: HeaderOf, { csrf }: Session): void {
    if (!isOwnWrite(header)) throw forgery("Origin", `a page of ${header("host") ?? "this server"}`, header("origin"));
    const given = header(csrfHeader);
    if (given == null || !isSameSecret(given, csrf))
      throw forgery(csrfHeader, "the session's CSRF token", given == null ? null : "another");
  }

  #info(header: HeaderOf): Response {
    const { info, secretInfo } = this.#options;
    const session = isOwnRead(header) && keysOf(header).length === 0 ? this.#sessionOf(header) : undefined;
    const known = session
      ? { access: "session", csrf: session.csrf, demo: null, ...secretInfo?.() }
      : { access: "none", csrf: null, demo: null };
    return Response.json({ ...info, ...known }, { headers: privately });
  }

  /** Errors: session/code, session/attempts. */
  #redeem(code: string, address: string): string {
    if (this.#attempts.isExceeded(address))
      throw sessionErrors.fail("attempts", { message: "too many wrong login codes", hint: "Retry in a minute." });
    if (this.#codes.redeem(code)) return this.#sessions.open();
    this.#attempts.failed(address);
    throw sessionErrors.fail("code", {
      message: "this login code is unknown, was already used, or has expired",
      hint: "Run `loam login` on the server's machine for a new one.",
    });
  }

  /** The link of the terminal: the code leaves the address by a redirect, which also works below a proxy's prefix. */
  #follow(header: HeaderOf, code: string | null, address: string): Response {
    const home = { ...privately, location: "./" };
    // the same link again, in the browser that it signed in
    if (code === null || this.#sessionOf(header)) return new Response(null, { status: 303, headers: home });
    const id = this.#redeem(code, address);
    return new Response(null, { status: 303, headers: { ...home, "set-cookie": setCookie(this.#port, id, this.#isSecure(header)) } });
  }

  /** The login view: a code that was pasted. */
  async #enter(request: Request, address: string): Promise<Response> {
    const header: HeaderOf = name => request.headers.get(name);
    // no session is made by another page, whoever's code it has
    if (header("origin") != null && !isOwnWrite(header)) throw forgery("Origin", "a page of this server", header("origin"));
    const id = this.#redeem(await codeIn(request), address);
    const { csrf } = this.#sessions.use(id)!;
    return Response.json(
      { access: "session", csrf },
      { headers: { ...privately, "set-cookie": setCookie(this.#port, id, this.#isSecure(header)) } },
    );
  }

  /** For `loam login`. A session issues no codes: a borrowed browser stays one. */
  #newCode(header: HeaderOf): Response {
    const keys = keysOf(header);
    if (keys.length === 0 || !keys.every(key => this.isToken(key)))
      throw sessionErrors.fail("token", { message: "this needs the token in the server's token file", hint: "Run `loam login`." });
    return Response.json({ code: this.#codes.issue(), expiresInSeconds: codeMs / 1000 }, { status: 201, headers: privately });
  }

  #leave(header: HeaderOf): Response {
    // not even the cookie is taken away for another page, whose request comes without it
    if (!isOwnWrite(header)) throw forgery("Origin", "a page of this server", header("origin"));
    const session = this.#sessionOf(header);
    if (session) this.#checkWrite(header, session);
    for (const id of this.#ids(header)) this.#sessions.close(id);
    return new Response(null, {
      status: 204,
      headers: { ...privately, "set-cookie": clearCookie(this.#port, this.#isSecure(header)) },
    });
  }
}

const forgery = (place: string, expected: string, received: string | null | undefined) =>
  sessionErrors.fail("forgery", { place, expected, received: received == null ? "none" : JSON.stringify(received.slice(0, 100)) });

/** Everything that a client sent as a key, good or not; an Authorization header that is no Bearer token counts as a wrong one. */
function keysOf(header: HeaderOf): string[] {
  const authorization = header("authorization");
  const bearer = authorization ? [/^bearer +(\S+) *$/i.exec(authorization)?.[1] ?? ""] : [];
  return [...bearer, ...["x-api-key", "api-key"].flatMap(name => header(name)?.trim() || [])];
}

/** Errors: session/code where the body holds none. */
async function codeIn(request: Request): Promise<string> {
  const none = (cause?: unknown) =>
    sessionErrors.fail("code", { place: "body", expected: `{"code": "${codePrefix}..."}`, received: "something else" }, cause);
  // a form of another page cannot send this type without being asked leave
  if (!/^application\/json\b/i.test(request.headers.get("content-type") ?? "")) throw none();
  if (!(Number(request.headers.get("content-length") ?? Number.NaN) <= mostBodyBytes)) throw none();
  try {
    const body: unknown = await request.json();
    if (typeof body === "object" && body !== null && "code" in body && typeof body.code === "string") return body.code;
  } catch (error) {
    throw none(error);
  }
  throw none();
}

/** `base`: the server's address as the browser reaches it, with a proxy's prefix where there is one. */
export function loginUrlOf(base: string, code: string): string {
  const url = new URL("login", base.endsWith("/") ? base : `${base}/`);
  // every address of the machine is none that a browser opens
  if (url.hostname === "0.0.0.0") url.hostname = "127.0.0.1";
  if (url.hostname === "[::]") url.hostname = "[::1]";
  url.searchParams.set("code", code);
  return url.href;
}
