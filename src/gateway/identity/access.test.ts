/** Entries of the state beside those of the file: what decides, what is refused, what the list of changes says of it. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import Sqlite from "libsql";
import { afterAll, afterEach, describe, expect, test } from "vitest";
import { isLoamError } from "../../base/index.ts";
import type { Control } from "../contract.ts";
import { type ControlOptions, openControl } from "../control.ts";
import type { ControlGiven } from "../control-config.ts";
import { compilePolicies } from "../policy/compile.ts";
import { decide } from "../policy/decide.ts";
import type { ChangeEntry } from "./changes.ts";
import type { EntryKind, Match } from "./entry.ts";
import { accountOf } from "./principals.ts";

const folder = mkdtempSync(join(tmpdir(), "loam-entries-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const opened: Control[] = [];
afterEach(async () => {
  for (const control of opened.splice(0)) await control.close();
});

const file: ControlGiven = {
  principals: {
    organisations: { acme: {} },
    teams: { research: { organisation: "acme", roles: ["writer"] } },
    users: { ann: { roles: ["admin"] }, bob: { teams: ["research"] } },
  },
  policies: [
    { id: "admins", effect: "allow", who: { roles: ["admin"] } },
    { id: "writers", effect: "allow", who: { roles: ["writer"] }, endpoints: ["chat"] },
  ],
};
async function control(more: Partial<ControlOptions> = {}): Promise<Control> {
  const c = await openControl({ state: "memory:", root: folder, config: file, ...more });
  opened.push(c);
  return c;
}
const changesOf = async (c: Control): Promise<ChangeEntry[]> => {
  const all: ChangeEntry[] = [];
  for await (const e of c.changes()) all.push(e);
  return all;
};
const put = (c: Control, kind: EntryKind, name: string, value: object, match?: Match) => c.entries.put({ kind, name, value, match }, "ann");
const remove = (c: Control, kind: EntryKind, name: string, match?: Match) => c.entries.remove({ kind, name, match }, "ann");
const codeOf = async (work: Promise<unknown>): Promise<string> => {
  try {
    await work;
    return "done";
  } catch (error) {
    if (isLoamError(error)) return error.code;
    throw error;
  }
};
const identityOf = (c: Control, subject: string) => {
  const { kind, teams, organisation, roles } = accountOf(c.access().principals, subject)!;
  return { kind: "key", keyId: "key_a", subject, subjectKind: kind, teams, organisation, roles, scopes: [] } as const;
};

describe("laws", () => {
  const names = fc.constantFrom("ann", "bob", "zoe", "tim");
  const teams = fc.constantFrom("research", "ops", "night");
  const list = (of: fc.Arbitrary<string>) => fc.uniqueArray(of, { maxLength: 2 });
  const account = fc.record({ teams: list(teams), roles: list(fc.constantFrom("admin", "writer")), disabled: fc.boolean() });
  const some = (of: fc.Arbitrary<string>) => fc.option(fc.uniqueArray(of, { minLength: 1, maxLength: 2 }), { nil: undefined });
  const policy = fc
    .record({
      effect: fc.constantFrom("allow", "deny"),
      who: fc.record({ teams: some(teams), subjects: some(names), roles: some(fc.constantFrom("admin", "writer")) }),
      models: some(fc.constantFrom("a", "ab", "a*", "*")),
      endpoints: some(fc.constantFrom("chat", "admin")),
    })
    .map(p => JSON.parse(JSON.stringify(p)) as object);
  const matches = fc.constantFrom<Match[]>(undefined, undefined, "any", "any", "any", "none", 3);
  const step = fc.oneof(
    fc.record({
      kind: fc.constant<EntryKind>("teams"),
      name: teams,
      value: fc.record({ roles: list(fc.constantFrom("admin", "writer")) }),
      match: matches,
    }),
    fc.record({ kind: fc.constantFrom<EntryKind>("users", "serviceAccounts"), name: names, value: account, match: matches }),
    fc.record({
      kind: fc.constant<EntryKind>("policies"),
      name: fc.constantFrom("p1", "p2", "p3", "admins"),
      value: policy,
      match: matches,
    }),
    fc.record({
      kind: fc.constantFrom<EntryKind>("teams", "users", "policies"),
      name: fc.oneof(names, teams, fc.constantFrom("p1", "p2")),
      value: fc.constant(null),
      match: fc.constantFrom<Match[]>(undefined, "any"),
    }),
  );

  test("after any changes the index decides as one made anew of the same entries, and the list of changes tells them all", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 25 }), async steps => {
        const c = await openControl({ state: "memory:", root: folder, config: file });
        try {
          for (const { kind, name, value, match } of steps) {
            const before = JSON.stringify(c.entries.list());
            const code = await codeOf(value === null ? remove(c, kind, name, match) : put(c, kind, name, value, match));
            if (code !== "done") expect([code, JSON.stringify(c.entries.list())]).toEqual([code, before]);
          }
          // somebody administers still
          const { principals, policies } = c.access();
          const fresh = compilePolicies(policies);
          const subjects = [...Object.keys(principals.users), ...Object.keys(principals.serviceAccounts)];
          for (const subject of subjects)
            for (const endpoint of ["chat", "admin", "models"] as const)
              for (const model of [null, "a", "abc", "b"])
                expect(c.decide(identityOf(c, subject), { endpoint, model })).toEqual(
                  decide(fresh, identityOf(c, subject), { endpoint, model }, Date.now()),
                );
          expect(subjects.some(s => identityOf(c, s).roles.includes("admin") && !accountOf(principals, s)!.disabled)).toBe(true);
          // what is shown is what decides
          expect(c.entries.list("policies").map(e => e.name)).toEqual(policies.map(p => p.id));
          // and the list of changes, read from its beginning, comes to the same entries
          const told = new Map<string, unknown>();
          for (const { what, detail, position } of await changesOf(c)) {
            if (what === "config") continue;
            const key = `${detail.kind}/${detail.name}`;
            expect((told.get(key) as { value?: unknown } | undefined)?.value ?? null).toEqual(detail.before);
            if (detail.after === null) told.delete(key);
            else told.set(key, { value: detail.after, revision: position });
          }
          const stored = c.entries.list().filter(e => e.origin === "store");
          expect(new Map(stored.map(({ kind, name, value, revision }) => [`${kind}/${name}`, { value, revision }]))).toEqual(told);
          expect(await c.verifyChanges()).toBeNull();
        } finally {
          await c.close();
        }
      }),
      { numRuns: 60 },
    );
  });
});

describe("changes", () => {
  test("a policy that is put decides at once, and no more when it is taken away; after a new start it is still there", async () => {
    const state = "sqlite:stays.db";
    const c = await control({ state });
    const asked = { endpoint: "embeddings", model: "m" } as const;
    expect(c.decide(identityOf(c, "bob"), asked).allowed).toBe(false);
    await put(c, "policies", "embed", { effect: "allow", who: { teams: ["research"] }, endpoints: ["embeddings"] });
    expect(c.decide(identityOf(c, "bob"), asked)).toMatchObject({ allowed: true, policy: "embed" });
    const again = await control({ state });
    expect(again.decide(identityOf(again, "bob"), asked).allowed).toBe(true);
    await remove(c, "policies", "embed");
    expect(c.decide(identityOf(c, "bob"), asked).allowed).toBe(false);
  });

  test("an account of the state opens with a key, and with what its teams of the file bring", async () => {
    const c = await control();
    await put(c, "serviceAccounts", "mailer", { teams: ["research"] });
    const { secret } = await c.keys.create({ name: "k", subject: "mailer" }, "ann");
    const { identity } = await c.authenticate({ token: secret });
    expect(identity).toMatchObject({ subject: "mailer", teams: ["research"], organisation: "acme", roles: ["writer"] });
    const { entry } = await put(c, "serviceAccounts", "mailer", { teams: ["research"], disabled: true }, "any");
    expect(entry.value).toEqual({ disabled: true, roles: [], teams: ["research"] });
    expect((await c.authenticate({ token: secret })).refusal?.detail).toMatch(/is disabled/);
  });

  test("of two who saw the same revision one replaces it, and the other is told; the same again is no change", async () => {
    const c = await control();
    const { entry } = await put(c, "users", "zoe", { roles: ["viewer"] });
    const tries = await Promise.all([["keys"], ["writer"]].map(roles => codeOf(put(c, "users", "zoe", { roles }, entry.revision!))));
    expect(tries).toEqual(["done", "gateway/entryChanged"]);
    expect(await codeOf(put(c, "users", "zoe", { roles: ["x"] }))).toBe("gateway/entryRevision");
    expect(await codeOf(put(c, "users", "zoe", { roles: ["x"] }, "none"))).toBe("gateway/entryChanged");
    expect(await codeOf(put(c, "users", "new", { roles: ["x"] }, "any"))).toBe("gateway/entryChanged");
    const now = c.entries.find("users", "zoe");
    expect(await put(c, "users", "zoe", { roles: ["keys"] }, now.revision!)).toEqual({ entry: now, isNew: false });
    expect(await codeOf(remove(c, "users", "zoe", entry.revision!))).toBe("gateway/entryChanged");
    expect(await codeOf(remove(c, "users", "zoe", now.revision!))).toBe("done");
    expect((await changesOf(c)).map(e => e.what)).toEqual(["config", "principal.create", "principal.replace", "principal.delete"]);
  });

  test("teams that many are put into at once keep every one of them", async () => {
    const c = await control();
    const teams = Array.from({ length: 8 }, (_, i) => `t${i}`);
    for (const team of teams) await put(c, "teams", team, {});
    await put(c, "users", "zoe", {});
    const join = (team: string) =>
      c.entries.edit({ kind: "users", name: "zoe" }, v => ({ ...v, teams: [...(v.teams as string[]), team] }), "ann");
    await Promise.all(teams.map(join));
    expect(c.entries.find("users", "zoe").value.teams).toEqual(teams);
  });

  test("the last admin is not taken away: neither the role, the account, its team, nor what lets it administer", async () => {
    const config: ControlGiven = { policies: [{ id: "chat", effect: "allow", endpoints: ["chat"] }] };
    const c = await control({ config });
    await put(c, "policies", "admins", { effect: "allow", who: { roles: ["admin"] } });
    await put(c, "teams", "heads", { roles: ["admin"] });
    await put(c, "users", "zoe", { teams: ["heads"] });
    for (const work of [
      put(c, "users", "zoe", { teams: [] }, "any"),
      put(c, "users", "zoe", { teams: ["heads"], disabled: true }, "any"),
      put(c, "teams", "heads", { roles: [] }, "any"),
      remove(c, "users", "zoe"),
      remove(c, "policies", "admins"),
      put(c, "policies", "none", { effect: "deny", endpoints: ["admin"] }),
      c.reload({ ...config, policies: [{ id: "no", effect: "deny", who: { roles: ["admin"] } }] }, "ann"),
    ])
      expect(await codeOf(work)).toBe("gateway/lastAdmin");
    await put(c, "users", "tim", { roles: ["admin"] });
    expect(await codeOf(remove(c, "users", "zoe"))).toBe("done");
    expect(c.rolesOf("tim")).toEqual(["admin"]);
  });

  test("the last admin whose key opens stays, until another has one", async () => {
    const c = await control({ config: { policies: [{ id: "all", effect: "allow" }] } });
    for (const name of ["zoe", "tim"]) await put(c, "users", name, { roles: ["admin"] });
    await c.keys.create({ name: "k", subject: "zoe" }, "ann");
    await expect(put(c, "users", "zoe", { roles: [] }, "any")).rejects.toThrow("Make one for tim first.");
    await c.keys.create({ name: "k", subject: "tim" }, "ann");
    expect(await codeOf(put(c, "users", "zoe", { roles: [] }, "any"))).toBe("done");
  });

  test("what others name is not taken away, and the sentence says who names it", async () => {
    const c = await control();
    await put(c, "organisations", "lab", {});
    await put(c, "teams", "ops", { organisation: "lab" });
    await put(c, "users", "zoe", { teams: ["ops"] });
    await put(c, "policies", "zoe", { effect: "allow", who: { subjects: ["zoe"] } });
    await expect(remove(c, "organisations", "lab")).rejects.toThrow("one that is named by teams/ops");
    await expect(remove(c, "teams", "ops")).rejects.toThrow("one that is named by users/zoe");
    await expect(remove(c, "users", "zoe")).rejects.toThrow("one that is named by policies/zoe");
    await remove(c, "policies", "zoe");
    const { key } = await c.keys.create({ name: "k", subject: "zoe" }, "ann");
    await expect(remove(c, "users", "zoe")).rejects.toThrow(`one that is named by key ${key.id}`);
    await c.keys.revoke(key.id, "ann");
    for (const [kind, name] of [
      ["users", "zoe"],
      ["teams", "ops"],
      ["organisations", "lab"],
    ] as const)
      await remove(c, kind, name);
    expect(c.entries.list().every(e => e.origin === "file")).toBe(true);
  });

  test("names that are not there are refused with the nearest that is, in the words of the file's schema", async () => {
    const c = await control();
    const cases: [EntryKind, string, object, string][] = [
      [
        "users",
        "zoe",
        { teams: ["reserch"] },
        'teams[0]: expected a team that is there (research), got "reserch". Did you mean "research"?',
      ],
      ["teams", "ops", { organisation: "acmee" }, 'Did you mean "acme"?'],
      ["users", "zoe", { rolls: [] }, 'Did you mean "roles"?'],
      ["users", "z/oe", {}, "a name of letters"],
      ["serviceAccounts", "ann", {}, "the gateway's file"],
      ["policies", "p", { effect: "permit" }, "one of allow, deny"],
      ["policies", "p", { effect: "allow", who: { subjects: ["bbo"] } }, 'Did you mean "bob"?'],
      ["policies", "p", { effect: "allow", who: { teams: ["none"] } }, "Make the team first."],
      ["policies", "p", { effect: "allow", who: { keys: ["key_none"] } }, "who.keys[0]: expected the id of a key"],
      ["policies", "P!", { effect: "allow" }, "an id of small letters"],
      ["policies", "admins", { effect: "allow" }, "one that stands in the gateway's file"],
    ];
    for (const [kind, name, value, said] of cases) await expect(put(c, kind, name, value), said).rejects.toThrow(said);
    await put(c, "users", "zoe", {});
    await expect(put(c, "serviceAccounts", "zoe", {})).rejects.toThrow("a name that no other account has, got that of users/zoe");
    await expect(remove(c, "users", "zo")).rejects.toThrow('Did you mean "zoe"?');
    expect((await changesOf(c)).map(e => e.what)).toEqual(["config", "principal.create"]);
  });

  test("where tokens are let in, a policy may name teams that only their issuer knows", async () => {
    const issuers = [{ name: "corp", issuer: "https://corp.example", audience: "loam", claims: { teams: "groups" } }];
    const c = await control({ config: { ...file, issuers } });
    expect(await codeOf(put(c, "policies", "p", { effect: "allow", who: { teams: ["corp-team"] } }))).toBe("done");
  });
});

describe("the file beside it", () => {
  test("a file that takes a name of the state, or away what the state needs, is refused, and what held before holds", async () => {
    const c = await control();
    await put(c, "users", "zoe", { teams: ["research"] });
    const { principals } = file;
    await expect(c.reload({ ...file, principals: { ...principals, users: { ...principals!.users, zoe: {} } } }, "file")).rejects.toThrow(
      "the stored entry users/zoe: expected a name that the file does not have",
    );
    await expect(
      c.reload({ ...file, principals: { ...principals, teams: {}, users: { ann: { roles: ["admin"] } } } }, "file"),
    ).rejects.toThrow('expected the team "research", got none of that name');
    expect(c.rolesOf("zoe")).toEqual(["writer"]);
    await c.reload({ ...file, policies: [file.policies![0]!] }, "file");
    expect(c.rolesOf("zoe")).toEqual(["writer"]);
  });

  test("a state that does not fit the file is refused at the start with what to do, and mended by whoever says that it may not fit", async () => {
    const state = "sqlite:misfit.db";
    const c = await control({ state });
    await put(c, "users", "zoe", { teams: ["research"] });
    const config = { ...file, principals: { users: { ann: { roles: ["admin"] } } } };
    await expect(control({ state, config })).rejects.toThrow("loam gateway principals delete users/zoe");
    const told: unknown[] = [];
    const mending = await control({ state, config, entriesMayNotFit: true, onMisfit: e => told.push(e) });
    expect(mending.entries.find("users", "zoe").origin).toBe("store");
    await remove(mending, "users", "zoe");
    expect(told.map(e => e === undefined)).toEqual([false, true]);
    await control({ state, config });
  });

  test("who starts without an admin is refused, unless the state has one or tokens may bring one", async () => {
    const state = "sqlite:first.db";
    const config = { principals: { users: { bob: {} } }, policies: [{ id: "all", effect: "allow" }] } as const;
    await expect(control({ state, config, needsAdmin: true })).rejects.toThrow(
      "gateway: principals: expected somebody with the role admin, who may change the rest, got nobody",
    );
    const issuers = [{ name: "corp", issuer: "https://corp.example", audience: "loam" }];
    await control({ config: { ...config, issuers }, needsAdmin: true });
    const first = await control({ state, config });
    await put(first, "users", "ann", { roles: ["admin"] });
    await control({ state, config, needsAdmin: true });
  });

  test("a state with entries is of a newer version than one without, so that no Loam of before opens it and forgets what they deny", async () => {
    const state = "sqlite:version.db";
    const c = await control({ state });
    const db = new Sqlite(join(folder, "version.db"));
    const version = () => (db.prepare("select max(version) as version from gateway_schema").get() as { version: number }).version;
    expect(version()).toBe(1);
    await put(c, "users", "zoe", {});
    expect(version()).toBe(2);
    db.close();
  });
});
