/** Whether what is decided takes longer with more policies and more keys: 10 against 10,000 policies, 1,000 against a million keys. */
import { createHash } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import Sqlite from "libsql";
import { type Action, type Control, type Identity, openControl } from "../src/gateway/index.ts";
import { type BenchContext, type BenchResult, digits, interleaved, median, medianRatio } from "./harness.ts";

const teams = 500;
/** Policies for everybody and for teams, exact models and beginnings, bounds and hours: what a large organisation would have. */
const policiesOf = (count: number) =>
  Array.from({ length: count }, (_, n) => ({
    id: `p${n}`,
    effect: n % 10 === 9 ? "deny" : "allow",
    ...(n % 50 === 0 ? {} : { who: { teams: [`team-${n % teams}`] } }),
    models: [n % 3 === 0 ? `family-${n}-*` : `model-${n}`],
    endpoints: ["chat", "completions"],
    ...(n % 4 === 0 ? { parameters: { max_tokens: { max: 4_096 } } } : {}),
    ...(n % 10 === 9 ? { when: { from: "22:00", to: "06:00", timezone: "Europe/Berlin" } } : {}),
  }));
const identity = (n: number): Identity => ({
  kind: "key",
  keyId: `key_${n}`,
  subject: `user-${n}`,
  subjectKind: "user",
  teams: [`team-${n % teams}`, `team-${(n + 7) % teams}`],
  organisation: "acme",
  roles: ["writer"],
  scopes: [],
});

/** Microseconds a decision, about requests that the policies are for: of policy n's team, for policy n's model. */
function decisions(control: Control, asked: readonly (readonly [Identity, Action])[], count: number): number {
  const began = performance.now();
  for (let i = 0; i < count; i++) {
    const [who, action] = asked[i % asked.length]!;
    control.decide(who, action);
  }
  return ((performance.now() - began) / count) * 1_000;
}

const askedOf = (policies: number): (readonly [Identity, Action])[] =>
  Array.from({ length: policies }, (_, n) => [
    identity(n),
    { endpoint: "chat", model: n % 3 === 0 ? `family-${n}-large` : `model-${n}`, parameters: { max_tokens: 100 } },
  ]);

/** Rows beside those that are asked for, written as `keys.ts` writes them. */
function fill(path: string, count: number): void {
  const db = new Sqlite(path);
  const key = db.prepare(
    "insert into gateway_keys (id, prefix, name, subject, scopes, created_ms, expires_ms, revoked_ms, last_used_ms) values (?, ?, ?, ?, '', 1, null, null, null)",
  );
  const secret = db.prepare("insert into gateway_secrets (hash, key_id, expires_ms) values (?, ?, null)");
  db.exec("begin");
  for (let n = 0; n < count; n++) {
    const hash = createHash("sha256").update(String(n)).digest("base64url");
    key.run(`filler_${n}`, `sk-loam-${hash.slice(0, 10)}${n}`, "filler", "user-1");
    secret.run(hash, `filler_${n}`);
  }
  db.exec("commit");
  db.close();
}

/** Two ways in, microseconds each: keys not seen before, which are looked up in the state, and one that the cache has. */
async function keysIn(folder: string, count: number, asked: number) {
  const path = join(folder, `keys${count}.db`);
  const config = { principals: { users: { "user-1": {} } } };
  const first = await openControl({ state: `sqlite:${path}`, root: folder, config });
  const secrets: string[] = [];
  for (let n = 0; n < asked; n++) secrets.push((await first.keys.create({ name: "asked", subject: "user-1" }, "bench")).secret);
  await first.close();
  fill(path, count);
  const control = await openControl({ state: `sqlite:${path}`, root: folder, config });
  const enter = async (token: string): Promise<void> => {
    if (!(await control.authenticate({ token })).identity) throw new Error("not let in");
  };
  for (const secret of secrets.slice(0, asked / 2)) await enter(secret);
  const coldBegan = performance.now();
  for (const secret of secrets.slice(asked / 2)) await enter(secret);
  const coldUs = ((performance.now() - coldBegan) / (asked / 2)) * 1_000;
  const wrongBegan = performance.now();
  for (let n = 0; n < asked; n++) await control.authenticate({ token: `sk-loam-0000000000-${n}` });
  const wrongUs = ((performance.now() - wrongBegan) / asked) * 1_000;
  const warm: number[] = [];
  for (let round = 0; round < 20; round++) {
    const began = performance.now();
    for (let n = 0; n < 500; n++) await enter(secrets[0]!);
    warm.push(((performance.now() - began) / 500) * 1_000);
  }
  await control.close();
  return { firstLookUpUs: digits(coldUs), unknownKeyUs: digits(wrongUs), cachedUs: digits(median(warm)) };
}

export async function run(context: BenchContext): Promise<BenchResult> {
  const folder = mkdtempSync(join(tmpdir(), "loam-bench-policies-"));
  try {
    const [few, many] = [10, 10_000];
    const open = (count: number) => openControl({ state: "memory:", root: folder, config: { policies: policiesOf(count) } });
    const [small, large] = [await open(few), await open(many)];
    const [asked, askedAll] = [askedOf(few), askedOf(many)];
    const count = Math.max(2_000, Math.round(20_000 * context.scale));
    const us = await interleaved(15, {
      few: () => decisions(small, asked, count),
      many: () => decisions(large, asked, count),
      all: () => decisions(large, askedAll, count),
    });
    await small.close();
    await large.close();
    const ratio = medianRatio(us.many, us.few);
    const million = Math.max(10_000, Math.round(1e6 * context.scale));
    context.say(`writing ${million} keys`);
    const [some, all] = [await keysIn(folder, 1_000, 400), await keysIn(folder, million, 400)];
    return {
      method: `decisions over ${few} and ${many} policies (teams, exact models and beginnings, bounds, hours) about the same requests, in turn; keys looked up among 1,000 and ${million} in a SQLite file`,
      ours: {
        [`decisionUs${few}Policies`]: digits(median(us.few)),
        [`decisionUs${many}Policies`]: digits(median(us.many)),
        // out of the processor's caches
        [`decisionUs${many}Policies${many}Requests`]: digits(median(us.all)),
        "keysAmong1,000": some,
        [`keysAmong${million.toLocaleString("en-US")}`]: all,
      },
      peers: {},
      ratios: { decisionFewOverMany: digits(1 / ratio) },
      bars: [
        { name: "a decision with 10,000 policies against 10", want: "<= 2 times", got: digits(ratio), holds: ratio <= 2 },
        {
          name: "a key in use, among a million against 1,000",
          want: "<= 1.5 times",
          got: digits(all.cachedUs / some.cachedUs),
          holds: all.cachedUs <= 1.5 * some.cachedUs,
        },
      ],
    };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
