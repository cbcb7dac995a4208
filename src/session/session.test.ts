import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { defined, handClock, isLoamError } from "../base/index.ts";
import { AttemptLimit, attemptLimits } from "./attempt-limit.ts";
import { Login } from "./login.ts";
import { codeMs, LoginCodes } from "./login-codes.ts";
import { SessionStore, sessionLimits } from "./session-store.ts";
import { readTokenFiles, tokenFor, writeTokenFile } from "./token-file.ts";

const folder = mkdtempSync(join(tmpdir(), "loam-session-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const host = "127.0.0.1:8080";
function opened(url = `http://${host}`) {
  const clock = handClock(1_000_000);
  const login = new Login({ clock, info: { gateway: false, record: true }, secretInfo: () => ({ demo: "demo-key" }) });
  login.listening(url);
  const ask = async (method: string, path: string, headers: Record<string, string> = {}, body?: unknown, address = "10.0.0.1") => {
    const text = body === undefined ? undefined : JSON.stringify(body);
    const sent = {
      host,
      ...(text === undefined ? {} : { "content-type": "application/json", "content-length": String(text.length) }),
      ...headers,
    };
    const init = { method, headers: sent, ...defined({ body: text }) };
    return login.answer(new Request(new URL(path, url), init), address);
  };
  const enter = async (): Promise<string> => {
    const response = await ask("GET", login.loginUrl());
    return response!.headers.get("set-cookie")!.split(";")[0]!;
  };
  const callerOf = (headers: Record<string, string>, method = "GET") => login.callerOf(name => headers[name], method);
  return { clock, login, ask, enter, callerOf };
}
const codeOfError = async (run: () => unknown): Promise<string> => {
  try {
    await run();
  } catch (error) {
    if (isLoamError(error)) return error.code;
    throw error;
  }
  return "none";
};

test("a login code opens one session, once, and within ten minutes", () => {
  const clock = handClock();
  const codes = new LoginCodes(clock);
  const [used, late] = [codes.issue(), codes.issue()];
  expect(used).not.toBe(late);
  // 256 random bits
  expect(Buffer.from(used.replace("login-", ""), "base64url")).toHaveLength(32);
  expect([codes.redeem(`${used}x`), codes.redeem(used), codes.redeem(used)]).toEqual([false, true, false]);
  clock.advance(codeMs);
  expect(codes.redeem(late)).toBe(false);
  expect(JSON.stringify(codes)).not.toContain(late);
});

test("a login code lasts ten minutes to the millisecond, and the 101st outstanding one ends the oldest alone", () => {
  const clock = handClock(1_800_000_000_000);
  const codes = new LoginCodes(clock);
  const [early, late] = [codes.issue(), codes.issue()];
  clock.advance(10 * 60_000 - 1);
  expect(codes.redeem(early)).toBe(true);
  clock.advance(1);
  expect(codes.redeem(late)).toBe(false);
  const list = Array.from({ length: 101 }, () => codes.issue());
  expect([codes.redeem(list[0]!), codes.redeem(list[1]!), codes.redeem(list[100]!)]).toEqual([false, true, true]);
});

test("a session ends when it is idle, at its fixed age, and by logout", () => {
  const clock = handClock();
  const sessions = new SessionStore(clock);
  const [idle, busy, closed] = [sessions.open(), sessions.open(), sessions.open()];
  sessions.close(closed);
  expect(sessions.use(closed)).toBeUndefined();
  for (let ms = 0; ms < sessionLimits.absoluteMs; ms += sessionLimits.idleMs / 2) {
    expect(sessions.use(busy)).toBeDefined();
    clock.advance(sessionLimits.idleMs / 2);
  }
  expect([sessions.use(idle), sessions.use(busy)]).toEqual([undefined, undefined]);
});

test("a session lasts 8 hours without a request and 7 days with them, to the millisecond", () => {
  const hour = 3_600_000;
  const clock = handClock(1_800_000_000_000);
  const sessions = new SessionStore(clock);
  const [used, idle] = [sessions.open(), sessions.open()];
  clock.advance(8 * hour - 1);
  expect(sessions.use(used)).toBeDefined();
  clock.advance(1);
  expect([sessions.use(used) !== undefined, sessions.use(idle)]).toEqual([true, undefined]);
  for (let hours = 12; hours < 7 * 24; hours += 4) {
    clock.advance(4 * hour);
    expect(sessions.use(used)).toBeDefined();
  }
  clock.advance(4 * hour - 1);
  expect(sessions.use(used)).toBeDefined();
  clock.advance(1);
  expect(sessions.use(used)).toBeUndefined();
});

test("a thousand sessions are kept: the oldest gives way, but not to those that are over", () => {
  const clock = handClock(1_800_000_000_000);
  const sessions = new SessionStore(clock);
  const ids = Array.from({ length: 1_000 }, () => sessions.open());
  expect(sessions.use(ids[0]!)).toBeDefined();
  sessions.open();
  expect([sessions.use(ids[0]!), sessions.use(ids[1]!) !== undefined]).toEqual([undefined, true]);
  // All but the oldest become idle: a new session takes their place and not its.
  clock.advance(sessionLimits.idleMs - 1);
  sessions.use(ids[1]!);
  clock.advance(1);
  sessions.open();
  expect(sessions.use(ids[1]!)).toBeDefined();
});

test("the login URL signs in by a redirect that takes the code out of the address, into a cookie that no script reads", async () => {
  const { login, ask, callerOf } = opened();
  const url = login.loginUrl();
  expect(await ask("HEAD", url)).toBeUndefined();
  const response = (await ask("GET", url))!;
  expect([response.status, response.headers.get("location"), await response.text()]).toEqual([303, "./", ""]);
  expect([response.headers.get("referrer-policy"), response.headers.get("cache-control")]).toEqual(["no-referrer", "no-store"]);
  const cookie = response.headers.get("set-cookie")!;
  expect(cookie).toMatch(/^loam-session-8080=[\w-]{43}; Path=\/; HttpOnly; SameSite=Strict$/);
  expect(callerOf({ cookie: cookie.split(";")[0]! })).toBe("session");
  // the same link again: the browser that it signed in goes on, another does not
  expect((await ask("GET", url, { cookie: cookie.split(";")[0]! }))!.status).toBe(303);
  expect(await codeOfError(() => ask("GET", url))).toBe("session/code");
});

test("under TLS the cookie is Secure with the prefix __Host-, and one without the prefix opens nothing", async () => {
  const { login, ask, callerOf } = opened("https://loam.example.org");
  const cookie = (await ask("GET", login.loginUrl()))!.headers.get("set-cookie")!;
  expect(cookie).toMatch(/^__Host-loam-session-443=.*; Secure$/);
  expect(callerOf({ cookie: cookie.split(";")[0]! })).toBe("session");
  expect(callerOf({ cookie: cookie.split(";")[0]!.replace("__Host-", "") })).toBeUndefined();
  const behind = opened();
  for (const headers of [{ "x-forwarded-proto": "https" }, { forwarded: 'for=1.2.3.4;proto="https"' }])
    expect((await behind.ask("GET", behind.login.loginUrl(), headers))!.headers.get("set-cookie")).toMatch(/^__Host-.*; Secure$/);
});

test("a cookie of another port's server opens nothing", async () => {
  const [one, other] = [opened(), opened("http://127.0.0.1:9090")];
  const cookie = await one.enter();
  expect(other.callerOf({ cookie })).toBeUndefined();
  expect(other.callerOf({ cookie: cookie.replace("8080", "9090") })).toBeUndefined();
  expect(one.callerOf({ cookie: `a=b; ${cookie}; loam-session-9090=x` })).toBe("session");
});

test("writes need an equal Origin and the CSRF header; another origin, another port and a rebound name are refused", async () => {
  const { ask, enter, callerOf } = opened();
  const cookie = await enter();
  const { csrf } = (await (await ask("GET", "/api/session", { cookie }))!.json()) as { csrf: string };
  const own = { host, cookie, origin: `http://${host}`, "x-loam-csrf": csrf };
  expect(callerOf(own, "POST")).toBe("session");
  // a proxy that rewrites Host, and a browser that says whose page it is
  expect(callerOf({ ...own, host: "upstream", "sec-fetch-site": "same-origin" }, "POST")).toBe("session");
  const wrong: Record<string, string | undefined>[] = [
    { origin: "https://elsewhere.example" },
    { origin: "http://127.0.0.1:9090", "sec-fetch-site": "same-site" },
    { origin: "http://127.0.0.1:9090" },
    { origin: "null" },
    { origin: undefined },
    { "sec-fetch-site": "cross-site" },
    { origin: "http://rebound.example:8080", host },
    { "x-loam-csrf": undefined },
    { "x-loam-csrf": `${csrf}x` },
  ];
  for (const method of ["POST", "PUT", "PATCH", "DELETE"])
    for (const change of wrong) {
      const headers = JSON.parse(JSON.stringify({ ...own, ...change })) as Record<string, string>;
      expect([change, await codeOfError(() => callerOf(headers, method))]).toEqual([change, "session/forgery"]);
    }
  for (const site of ["cross-site", "same-site"])
    expect(await codeOfError(() => callerOf({ cookie, "sec-fetch-site": site }))).toBe("session/forgery");
});

test("no header but the cookie and a key is a credential", () => {
  const { callerOf } = opened();
  for (const headers of [
    { host: "localhost", origin: "http://localhost", "sec-fetch-site": "same-origin" },
    { host, "x-forwarded-for": "127.0.0.1", "x-forwarded-host": host, forwarded: "for=127.0.0.1" },
    { "x-real-ip": "127.0.0.1" },
    { authorization: "Basic bG9hbTpsb2Ft" },
    { authorization: "Bearer local-" },
  ])
    expect(callerOf(headers)).toBeUndefined();
});

test("the token opens in each header of a key, and a wrong key is not made good by a session", async () => {
  const { login, enter, callerOf } = opened();
  const { token } = login;
  for (const headers of [{ authorization: `Bearer ${token}` }, { "x-api-key": token }, { "api-key": token }])
    expect(callerOf(headers, "POST")).toBe("token");
  const cookie = await enter();
  expect(callerOf({ cookie, authorization: "Bearer sk-other" })).toBeUndefined();
  expect(callerOf({ authorization: `Bearer ${token}`, "x-api-key": "other" })).toBeUndefined();
});

test("wrong codes are refused beyond a rate, by address; the rate passes, and others are not kept out", async () => {
  const { clock, login, ask } = opened();
  const wrong = () => codeOfError(() => ask("POST", "/login", {}, { code: "login-wrong" }));
  for (let i = 0; i < attemptLimits.perAddress; i++) expect(await wrong()).toBe("session/code");
  expect(await wrong()).toBe("session/attempts");
  const url = login.loginUrl();
  expect(await codeOfError(() => ask("GET", url))).toBe("session/attempts");
  expect((await ask("GET", url, {}, undefined, "10.0.0.2"))!.status).toBe(303);
  clock.advance(attemptLimits.windowMs);
  expect((await ask("GET", login.loginUrl()))!.status).toBe(303);
});

test("in a minute ten wrong codes are taken per address and 200 in all, and the next minute begins anew", () => {
  const clock = handClock(5_000);
  const limit = new AttemptLimit(clock);
  const fail = (count: number, address: string) => {
    for (let i = 0; i < count; i++) limit.failed(address);
  };
  fail(9, "a");
  expect(limit.isExceeded("a")).toBe(false);
  fail(1, "a");
  expect([limit.isExceeded("a"), limit.isExceeded("b")]).toEqual([true, false]);
  clock.advance(60_000 - 1);
  expect(limit.isExceeded("a")).toBe(true);
  clock.advance(1);
  expect(limit.isExceeded("a")).toBe(false);
  for (let i = 0; i < 199; i++) fail(1, `address ${i}`);
  expect(limit.isExceeded("a")).toBe(false);
  fail(1, "b");
  expect(limit.isExceeded("a")).toBe(true);
  clock.advance(60_000);
  fail(10, "c");
  expect([limit.isExceeded("c"), limit.isExceeded("a")]).toEqual([true, false]);
});

test("a pasted code signs in; a form, a long body and another page's request do not", async () => {
  const { login, ask } = opened();
  const code = new URL(login.loginUrl()).searchParams.get("code")!;
  expect(await codeOfError(() => ask("POST", "/login", { origin: "https://elsewhere.example" }, { code }))).toBe("session/forgery");
  expect(await codeOfError(() => ask("POST", "/login", { "content-type": "text/plain" }, { code }))).toBe("session/code");
  expect(await codeOfError(() => ask("POST", "/login", { "content-length": "100000" }, { code }))).toBe("session/code");
  expect(await codeOfError(() => ask("POST", "/login", {}, { code: 1 }))).toBe("session/code");
  const response = (await ask("POST", "/login", { origin: `http://${host}` }, { code }))!;
  expect([response.status, await response.json()]).toEqual([200, { access: "session", csrf: expect.any(String) }]);
});

test("the page is told the demo key and the CSRF token by a session alone", async () => {
  const { login, ask, enter } = opened();
  const told = async (headers: Record<string, string>) => (await ask("GET", "/api/session", headers))!.json();
  const nothing = { gateway: false, record: true, access: "none", csrf: null, demo: null };
  expect(await told({})).toEqual(nothing);
  expect(await told({ authorization: `Bearer ${login.token}` })).toEqual(nothing);
  const cookie = await enter();
  expect(await told({ cookie, "sec-fetch-site": "same-site" })).toEqual(nothing);
  expect(await told({ cookie })).toMatchObject({ access: "session", demo: "demo-key" });
});

test("logout needs the CSRF header too, ends the session and takes the cookie away", async () => {
  const { ask, enter, callerOf } = opened();
  const cookie = await enter();
  const origin = `http://${host}`;
  expect(await codeOfError(() => ask("POST", "/logout", { cookie, origin }))).toBe("session/forgery");
  // SameSite keeps the cookie from another site's form; its answer would take it away
  expect(await codeOfError(() => ask("POST", "/logout", { origin: "https://elsewhere.example" }))).toBe("session/forgery");
  const { csrf } = (await (await ask("GET", "/api/session", { cookie }))!.json()) as { csrf: string };
  const response = (await ask("POST", "/logout", { cookie, origin, "x-loam-csrf": csrf }))!;
  expect([response.status, response.headers.get("set-cookie")]).toEqual([204, expect.stringMatching(/=; Path=.*Max-Age=0$/)]);
  expect(callerOf({ cookie })).toBeUndefined();
});

test("new codes are issued for the token alone, not for a session", async () => {
  const { login, ask, enter } = opened();
  const cookie = await enter();
  expect(await codeOfError(() => ask("POST", "/login/codes", { cookie, origin: `http://${host}` }))).toBe("session/token");
  const { code } = (await (await ask("POST", "/login/codes", { authorization: `Bearer ${login.token}` }))!.json()) as { code: string };
  expect((await ask("POST", "/login", {}, { code }))!.status).toBe(200);
});

test("a server on every address is opened by an address that a browser takes", () => {
  expect(opened("http://0.0.0.0:8080").login.loginUrl()).toMatch(/^http:\/\/127\.0\.0\.1:8080\/login\?code=login-/);
  expect(opened("http://[::]:8080").login.loginUrl()).toMatch(/^http:\/\/\[::1\]:8080\/login\?code=/);
});

test.skipIf(process.platform === "win32")(
  "the token file is for its owner alone, is replaced by the next server and removed by its own",
  async () => {
    const of = join(folder, "project");
    mkdirSync(join(of, ".loam", "servers"), { recursive: true });
    chmodSync(join(of, ".loam", "servers"), 0o755);
    const server = (token: string, startedMs: number) => ({ url: "http://127.0.0.1:8080", token, pid: 1, startedMs });
    const removeFirst = await writeTokenFile(of, server("local-a", 1));
    const path = join(of, ".loam", "servers", "8080.json");
    const mode = (p: string) => (statSync(p).mode & 0o777).toString(8);
    expect([mode(path), mode(join(of, ".loam", "servers"))]).toEqual(["600", "700"]);
    const removeSecond = await writeTokenFile(of, server("local-b", 2));
    await removeFirst();
    expect(JSON.parse(readFileSync(path, "utf8"))).toMatchObject({ token: "local-b" });
    writeFileSync(join(of, ".loam", "servers", "8081.json"), "{ half");
    const servers = await readTokenFiles(of);
    expect(servers.map(s => s.token)).toEqual(["local-b"]);
    expect(tokenFor(servers, "http://127.0.0.1:8080/v1")).toBe("local-b");
    // a token is sent to its own server alone
    for (const url of ["http://127.0.0.1:8081", "https://127.0.0.1:8080", "http://localhost:8080", "http://evil.example:8080", "x"])
      expect(tokenFor(servers, url)).toBeUndefined();
    await removeSecond();
    expect(await readTokenFiles(of)).toEqual([]);
  },
);
