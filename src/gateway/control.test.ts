import { mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import Sqlite from "libsql";
import { afterAll, afterEach, describe, expect, test } from "vitest";
import { renderProblem } from "../base/index.ts";
import type { Control } from "./contract.ts";
import { type ControlOptions, openControl } from "./control.ts";
import type { ControlGiven } from "./control-config.ts";
import type { ChangeEntry } from "./identity/changes.ts";
import type { Authentication, Credentials, Refusal } from "./identity/contract.ts";
import { credentialsOf } from "./identity/credentials.ts";
import { usageCsv } from "./usage/csv.ts";

const folder = mkdtempSync(join(tmpdir(), "loam-control-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const opened: Control[] = [];
afterEach(async () => {
  for (const control of opened.splice(0)) await control.close();
});

const config: ControlGiven = {
  principals: {
    organisations: { acme: {} },
    teams: { research: { organisation: "acme", roles: ["writer"] } },
    users: { ann: { teams: ["research"], roles: ["admin"] }, bob: { organisation: "acme" } },
    serviceAccounts: { mailer: { teams: ["research"] } },
  },
  policies: [
    { id: "admins", effect: "allow", who: { roles: ["admin"] } },
    { id: "writers", effect: "allow", who: { roles: ["writer"] }, endpoints: ["chat"] },
  ],
  limits: [{ name: "rate", per: ["key"], measure: "requests", limit: 3, window: "1h" }],
};

let files = 0;
async function control(more: Partial<ControlOptions> = {}) {
  const clock = { ms: Date.UTC(2026, 10, 26, 12) };
  const c = await openControl({ state: "memory:", root: folder, config, keyCacheMs: 2_000, now: () => clock.ms, ...more });
  opened.push(c);
  return { c, clock };
}
const onDisk = () => `sqlite:state${files++}.db`;
const code = (a: Authentication): string => a.refusal?.detail ?? "in";
const enter = (c: Control, token: string) => c.authenticate({ token });
const list = async (entries: AsyncIterable<ChangeEntry>): Promise<ChangeEntry[]> => {
  const all: ChangeEntry[] = [];
  for await (const e of entries) all.push(e);
  return all;
};

describe("keys", () => {
  test("a key opens for its account with what its teams bring, and its secret is kept nowhere", async () => {
    const state = onDisk();
    const { c } = await control({ state });
    const { key, secret } = await c.keys.create({ name: "ci", subject: "mailer", scopes: ["chat"] }, "ann");
    expect(secret).toMatch(/^sk-loam-[0-9A-Za-z]{10}-[0-9A-Za-z]{43}$/);
    expect(secret.startsWith(key.prefix)).toBe(true);
    expect((await enter(c, secret)).identity).toEqual({
      kind: "key",
      keyId: key.id,
      subject: "mailer",
      subjectKind: "serviceAccount",
      teams: ["research"],
      organisation: "acme",
      roles: ["writer"],
      scopes: ["chat"],
    });
    const db = new Sqlite(join(folder, state.slice("sqlite:".length)));
    const tables = (db.prepare("select name from sqlite_master where type = 'table'").all() as { name: string }[]).map(t => t.name);
    const everything = tables.map(t => JSON.stringify(db.prepare(`select * from ${t}`).all())).join("\n");
    db.close();
    expect(everything).toContain(key.prefix);
    expect(everything).not.toContain(secret.slice(key.prefix.length + 1));
  });

  test("unknown, wrong, revoked, expired and malformed keys hear the same, and only the log knows more", async () => {
    const { c, clock } = await control();
    const make = async (more = {}) => (await c.keys.create({ name: "k", subject: "ann", ...more }, "ann")).secret;
    const [live, revoked, expired] = [await make(), await make(), await make({ expiresMs: clock.ms + 1_000 })];
    expect(code(await enter(c, expired))).toBe("in");
    clock.ms += 1_000;
    await c.keys.revoke(revoked.slice(0, 18), "ann");
    const wrong = live.slice(0, -1) + (live.endsWith("0") ? "1" : "0");
    const answers = [wrong, `${live}0`, revoked, expired, "sk-loam-0000000000-x", "nonsense", "\u0000", "x".repeat(20_000)];
    const refusals = await Promise.all(answers.map(async token => (await enter(c, token)).refusal!));
    const visible = refusals.map(({ detail: _, ...rest }) => rest);
    expect(visible).toEqual(visible.map(() => visible[0]));
    expect(visible[0]).toMatchObject({ status: 401, code: "invalid" });
    expect(refusals.map(r => r.detail)[3]).toMatch(/has expired/);
    for (const r of refusals) expect(JSON.stringify(r)).not.toContain(live.slice(20));
    expect(code(await enter(c, live))).toBe("in");
  });

  test("a key that is rotated opens with both secrets for the overlap, then with the new one only; limits and usage go on", async () => {
    const { c, clock } = await control();
    const { key, secret } = await c.keys.create({ name: "k", subject: "ann" }, "ann");
    const take = async (token: string) => {
      const { identity } = await enter(c, token);
      return c.limits.reserve({ identity: identity!, model: "m", ip: null }, { inputTokens: 1, maxOutputTokens: 1, bytes: 1 });
    };
    expect((await take(secret)).denial).toBeUndefined();
    const rotated = await c.keys.rotate(key.id, "ann", 60_000);
    expect(rotated.key.id).toBe(key.id);
    expect([code(await enter(c, secret)), code(await enter(c, rotated.secret))]).toEqual(["in", "in"]);
    expect((await take(rotated.secret)).denial).toBeUndefined();
    expect((await take(secret)).denial).toBeUndefined();
    expect((await take(rotated.secret)).denial).toBeDefined();
    clock.ms += 60_000;
    expect([code(await enter(c, secret)), code(await enter(c, rotated.secret))]).toEqual([
      `a secret of key ${key.id} that was rotated away`,
      "in",
    ]);
    const again = await c.keys.rotate(key.prefix, "ann", 0);
    expect([code(await enter(c, rotated.secret)), code(await enter(c, again.secret))]).toEqual(["a key that is not known", "in"]);
    await c.keys.create({ name: "k", subject: "ann" }, "ann");
    await c.keys.revoke(key.id, "ann");
    await expect(c.keys.rotate(key.id, "ann")).rejects.toThrow(/expected a live key, got one that is revoked/);
  });

  test("a revocation is heard here at once and by another process when its cache is over", async () => {
    const state = onDisk();
    const first = await control({ state });
    const second = await control({ state, now: () => first.clock.ms });
    const { key, secret } = await first.c.keys.create({ name: "k", subject: "mailer" }, "ann");
    expect([code(await enter(first.c, secret)), code(await enter(second.c, secret))]).toEqual(["in", "in"]);
    await first.c.keys.revoke(key.id, "ann");
    expect(code(await enter(first.c, secret))).toBe("a key that is not known");
    first.clock.ms += 2_000;
    expect(code(await enter(second.c, secret))).toBe("a key that is not known");
  });

  test("when a key was last used is written, to within seconds", async () => {
    const { c, clock } = await control();
    const { key, secret } = await c.keys.create({ name: "k", subject: "ann" }, "ann");
    expect((await c.keys.list({ subject: "ann" }))[0]).toEqual(key);
    clock.ms += 5_000;
    await enter(c, secret);
    await expect.poll(async () => (await c.keys.list())[0]!.lastUsedMs, { timeout: 15_000, interval: 500 }).toBe(clock.ms);
  });

  test("an account that is disabled, or gone, or in a disabled organisation, opens no more", async () => {
    const { c } = await control();
    const { secret } = await c.keys.create({ name: "k", subject: "bob" }, "ann");
    const principals = config.principals!;
    await c.reload(
      { ...config, principals: { ...principals, users: { ...principals.users, bob: { organisation: "acme", disabled: true } } } },
      "ann",
    );
    expect(code(await enter(c, secret))).toMatch(/"bob" of key .* is disabled/);
    await c.reload({ ...config, principals: { ...principals, users: { ann: principals.users!.ann! } } }, "ann");
    expect(code(await enter(c, secret))).toMatch(/is gone/);
    await c.reload(
      {
        ...config,
        principals: {
          ...principals,
          organisations: { acme: { disabled: true } },
          users: { ...principals.users, eve: { roles: ["admin"] } },
        },
      },
      "ann",
    );
    expect(code(await enter(c, secret))).toMatch(/is disabled/);
    await c.reload(config, "ann");
    expect(code(await enter(c, secret))).toBe("in");
  });

  test("keys hashed under an earlier secret of the server still open, and under none of ours do not", async () => {
    const state = onDisk();
    const [old, next] = ["a".repeat(32), "b".repeat(32)];
    const first = await control({ state, secrets: [old] });
    const { secret } = await first.c.keys.create({ name: "k", subject: "ann" }, "ann");
    const second = await control({ state, secrets: [next, old] });
    expect(code(await enter(second.c, secret))).toBe("in");
    const third = await control({ state, secrets: [next] });
    expect(code(await enter(third.c, secret))).toBe("a key that is not known");
    await expect(control({ secrets: ["short"] })).rejects.toThrow(/secret of the server: expected at least 32 characters, got 5/);
  });

  test("the server's own secret is made once for processes that begin together, readable by its owner alone", async () => {
    const state = onDisk();
    const all = await Promise.all(Array.from({ length: 4 }, () => control({ state })));
    const { secret } = await all[0]!.c.keys.create({ name: "k", subject: "ann" }, "ann");
    for (const { c } of all) expect(code(await enter(c, secret))).toBe("in");
    expect(statSync(join(folder, `${state.slice("sqlite:".length)}.secret`)).mode & 0o777).toBe(0o600);
  });

  test("whoever asks wrongly is told what to try, and a whole key is not repeated to them", async () => {
    const { c } = await control();
    await expect(c.keys.create({ name: "k", subject: "malier" }, "ann")).rejects.toThrow(/got "malier". Did you mean "mailer"\?/);
    const { secret } = await c.keys.create({ name: "k", subject: "ann" }, "ann");
    const error = await c.keys.revoke(secret, "ann").catch(e => e);
    expect(renderProblem(error.problem)).toMatch(/expected the id of a key/);
    expect(JSON.stringify(error)).not.toContain(secret.slice(12));
    await expect(openControl({ state: "sqllite:x.db", root: folder, config })).rejects.toThrow(/Did you mean "sqlite:"\?/);
  });
});

describe("credentials", () => {
  const from = (headers: Record<string, string>) => credentialsOf(name => headers[name]);
  test("one credential is read wherever clients send it, and two that differ are refused", () => {
    expect(from({ authorization: "Bearer k" })).toEqual({ token: "k" });
    expect(from({ authorization: "bearer  k " })).toEqual({ token: "k" });
    expect(from({ "x-api-key": "k" })).toEqual({ token: "k" });
    expect(from({ authorization: "Bearer k", "api-key": "k" })).toEqual({ token: "k" });
    expect(from({})).toEqual({});
    expect((from({ authorization: "Bearer k", "x-api-key": "other" }) as Refusal).code).toBe("ambiguous");
    for (const authorization of ["Basic azpr", "Bearer", "Bearer a b", "Bearer a, Bearer b", "k"])
      expect((from({ authorization }) as Refusal).code, authorization).toBe("invalid");
  });

  test("without credentials the answer says how to send them", async () => {
    const { c } = await control();
    expect((await c.authenticate(from({}) as Credentials)).refusal).toMatchObject({
      status: 401,
      code: "missing",
      challenge: 'Bearer realm="loam gateway"',
    });
  });
});

describe("changes", () => {
  test("every change is in the list with who made it, and each entry vouches for all before", async () => {
    const state = onDisk();
    const { c } = await control({ state });
    const { key } = await c.keys.create({ name: "k", subject: "ann" }, "ann");
    await c.keys.create({ name: "spare", subject: "ann" }, "ann");
    await c.keys.rotate(key.id, "bob");
    await c.keys.revoke(key.id, "carl");
    await c.reload(config, "dora");
    await c.reload({ ...config, limits: [] }, "dora");
    const entries = await list(c.changes());
    expect(entries.map(e => [e.position, e.what, e.by])).toEqual([
      [0, "config", "start"],
      [1, "key.create", "ann"],
      [2, "key.create", "ann"],
      [3, "key.rotate", "bob"],
      [4, "key.revoke", "carl"],
      [5, "config", "dora"],
    ]);
    expect(await c.verifyChanges()).toBeNull();
    const db = new Sqlite(join(folder, state.slice("sqlite:".length)));
    const alter = async (statement: string): Promise<string | null> => {
      db.exec("begin");
      db.exec(statement);
      db.exec("commit");
      return c.verifyChanges();
    };
    expect(await alter("update gateway_changes set author = 'eve' where position = 3")).toMatch(/^change 3: expected the head/);
    expect(await alter("update gateway_changes set author = 'bob' where position = 3")).toBeNull();
    expect(await alter("update gateway_changes set detail = replace(detail, 'spare', 'other') where position = 2")).toMatch(/^change 2/);
    expect(await alter("delete from gateway_changes where position = 2")).toMatch(/position 2, got the next one at 3/);
    db.close();
  });

  test("a change that would leave no admin is refused and changes nothing", async () => {
    const { c } = await control();
    const { key, secret } = await c.keys.create({ name: "k", subject: "ann" }, "ann");
    await expect(c.reload({ ...config, principals: { users: { bob: {} } } }, "eve")).rejects.toThrow(
      /expected somebody with the role admin, got nobody/,
    );
    await expect(c.keys.revoke(key.id, "eve")).rejects.toThrow(/another live key of somebody with the role admin/);
    expect(code(await enter(c, secret))).toBe("in");
    expect((await list(c.changes())).length).toBe(2);
    const spare = await c.keys.create({ name: "spare", subject: "ann" }, "ann");
    await c.keys.revoke(key.id, "ann");
    expect([code(await enter(c, secret)), code(await enter(c, spare.secret))]).toEqual(["a key that is not known", "in"]);
  });

  test("a configuration with a mistake is refused whole, and the old one stays", async () => {
    const { c } = await control();
    const { secret } = await c.keys.create({ name: "k", subject: "mailer" }, "ann");
    const identity = (await enter(c, secret)).identity!;
    const ask = () => c.decide(identity, { endpoint: "chat", model: "m" }).allowed;
    await expect(
      c.reload({ ...config, policies: [], limits: [{ name: "x", measure: "requests", limit: -1, window: "1m" }] }, "ann"),
    ).rejects.toThrow(/limits\[0\]\.limit/);
    await expect(c.reload({ ...config, polices: [] }, "ann")).rejects.toThrow(/Did you mean "policies"/);
    expect(ask()).toBe(true);
    await c.reload({ ...config, policies: [{ id: "admins", effect: "allow", who: { roles: ["admin"] } }] }, "ann");
    expect(ask()).toBe(false);
  });
});

describe("usage and explanation", () => {
  test("usage comes by day and key, and as a table that a spreadsheet takes for text", async () => {
    const { c, clock } = await control({ config: { ...config, prices: { models: { "*": { input: 1, output: 2 } } } } });
    const { key, secret } = await c.keys.create({ name: "k", subject: "mailer" }, "ann");
    const identity = (await enter(c, secret)).identity!;
    for (const model of ["mail", "mail", '=cmd("x")']) {
      const r = await c.limits.reserve({ identity, model, ip: null }, { inputTokens: 5, maxOutputTokens: 50, bytes: 9 });
      if (r.denial) throw new Error(r.denial.message);
      await r.settle({ inputTokens: 5, cachedTokens: 0, outputTokens: 10, status: 200 });
    }
    const rows = await c.usage("2026-11-26", "2026-11-26");
    expect(rows.map(r => [r.model, r.requests, r.outputTokens, r.costNano])).toEqual([
      ['=cmd("x")', 1, 10, 25_000],
      ["mail", 2, 20, 50_000],
    ]);
    expect(usageCsv(rows).split("\r\n")).toEqual([
      "day,organisation,team,subject,keyId,model,requests,errors,inputTokens,cachedTokens,outputTokens,cost",
      `2026-11-26,acme,research,mailer,${key.id},"'=cmd(""x"")",1,0,5,0,10,0.000025000`,
      `2026-11-26,acme,research,mailer,${key.id},mail,2,0,10,0,20,0.000050000`,
      "",
    ]);
    clock.ms += 86_400_000;
    expect(await c.usage("2026-11-27", "2026-12-31")).toEqual([]);
  });

  test("explaining a key says which policy decides and which limits it meets, without its secret", async () => {
    const { c } = await control();
    const { key } = await c.keys.create({ name: "k", subject: "mailer" }, "ann");
    const explained = c.explain(await c.identityOf(key.prefix), { endpoint: "embeddings", model: "m" });
    expect(explained).toEqual({
      decision: { allowed: false, policy: null, reason: 'no policy allows embeddings with model "m"' },
      considered: [{ policy: "writers", effect: "allow", applies: false, why: "is for chat, not embeddings" }],
      limits: [{ limit: "rate", bucket: `rate key="${key.id}"`, capacity: 3, mode: "enforce" }],
    });
  });
});
