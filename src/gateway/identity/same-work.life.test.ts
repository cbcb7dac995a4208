/**
 * Whoever guesses at keys learns nothing by the time of the answer: what is done for a key does not depend on what is wrong with it. Stated without a
 * clock: as many hashes, the same statements, the same answer.
 */
import { afterEach, expect, test, vi } from "vitest";
import { defined } from "../../base/index.ts";
import { openState, type State } from "../state/state.ts";
import { authenticator } from "./authenticate.ts";
import { signedByAws } from "./aws-signer.laws.ts";
import { KeyStore } from "./key-store.ts";
import { principalsPart } from "./principals.ts";
import { sigv4Part } from "./sigv4-part.ts";

const hashed = vi.hoisted(() => ({ times: 0, opened: 0 }));
const sigv4 = sigv4Part.parse({ regions: ["us-east-1"], services: ["service"] });
vi.mock("node:crypto", async original => {
  const own = await original<typeof import("node:crypto")>();
  return {
    ...own,
    hash: (...given: Parameters<typeof own.hash>) => {
      hashed.times++;
      return own.hash(...given);
    },
    createDecipheriv: (...given: Parameters<typeof own.createDecipheriv>) => {
      hashed.opened++;
      return own.createDecipheriv(...given);
    },
    createHmac: (...given: Parameters<typeof own.createHmac>) => {
      hashed.times++;
      return own.createHmac(...given);
    },
  };
});

/** Hashes of the last two seconds are remembered, those of keys just made too: time passes between what is compared. */
let laterMs = 0;
const real = performance.now.bind(performance);
vi.spyOn(performance, "now").mockImplementation(() => real() + laterMs);

const states: State[] = [];
afterEach(async () => {
  for (const state of states.splice(0)) await state.close();
});

/** Keys in memory whose statements are written down, and the door that they open. */
async function rig(secrets: readonly string[], cacheMs: number) {
  const state = await openState({ url: "memory:", root: "." });
  states.push(state);
  const asked: string[] = [];
  const all: State["database"]["all"] = (text, parameters) => {
    asked.push(`${text} with ${parameters?.map(p => (typeof p === "string" ? p.length : typeof p)).join(", ")}`);
    return state.database.all(text, parameters);
  };
  const principals = principalsPart.parse({ users: { ann: {}, gone: {}, out: { disabled: true } } });
  const clock = { ms: 1_000_000 };
  const now = () => clock.ms;
  const keys = new KeyStore({
    database: { ...state.database, all, write: work => state.database.write(work), close: () => state.database.close() },
    secrets,
    principals: () => principals,
    othersMayEnter: () => true,
    mayHaveSignatures: () => true,
    now,
    cacheMs,
    staleMs: 60_000,
  });
  const authenticate = authenticator({ keys, principals: () => principals, tokens: () => undefined, signatures: () => sigv4, now });

  const make = async (subject: string, expiresMs?: number, kind: "bearer" | "sigv4" = "bearer") =>
    keys.create({ name: "k", subject, kind, ...defined({ expiresMs }) }, "test");
  const signers = {
    good: await make("ann", undefined, "sigv4"),
    expired: await make("ann", clock.ms + 10, "sigv4"),
    "of a disabled account": await make("out", undefined, "sigv4"),
    "of an account that is gone": await make("gone", undefined, "sigv4"),
    revoked: await make("ann", undefined, "sigv4"),
  };
  await keys.revoke(signers.revoked.key.id, "test");
  const good = await make("ann");
  const other = await make("ann");
  const expired = await make("ann", clock.ms + 10);
  const disabled = await make("out");
  const goner = await make("gone");
  const { gone: _, ...left } = principals.users;
  principals.users = left;
  const revoked = await make("ann");
  await keys.revoke(revoked.key.id, "test");
  const rotated = await make("ann");
  await keys.rotate(rotated.key.id, "test", 0);
  clock.ms += 1_000;

  const { secret } = good;
  const flipped = (at: number) => `${secret.slice(0, at)}${secret[at] === "x" ? "y" : "x"}${secret.slice(at + 1)}`;
  const [begins, ends] = [secret.lastIndexOf("-"), other.secret.lastIndexOf("-")];
  const bad: Readonly<Record<string, string>> = {
    "unknown, of the right form": `sk-loam-${"Z".repeat(10)}-${"q".repeat(43)}`,
    "wrong in the first letter of its secret": flipped(begins + 1),
    "wrong in its last letter": flipped(secret.length - 1),
    "wrong in the letter by which it would be found": flipped("sk-loam-".length),
    "put together from two keys": secret.slice(0, begins) + other.secret.slice(ends),
    "too short": secret.slice(0, -1),
    "too long": `${secret}x`,
    "no key of ours": "sk-nonsense",
    "of one letter": "x",
    "of 16,384 letters": "x".repeat(16_384),
    "of letters that are none": "sk-loam-\u0000\u00e9\ud83d\ude00",
    expired: expired.secret,
    revoked: revoked.secret,
    "rotated away": rotated.secret,
    "of a disabled account": disabled.secret,
    "of an account that is gone": goner.secret,
  };

  /** What is done for a key that nobody has asked for lately, and said of it. */
  const work = async (token: string) => {
    laterMs += 10_000;
    return workAgain(token);
  };
  const workAgain = async (token: string) => {
    hashed.times = 0;
    asked.length = 0;
    const { refusal } = await authenticate({ token });
    const { detail: _, ...said } = refusal ?? { detail: "" };
    return { hashes: hashed.times, statements: [...asked], said };
  };
  /** The same for a signed request. */
  const signedWork = async (accessKeyId: string, secretAccessKey: string) => {
    const wire = await signedByAws({ method: "POST", path: "/v1", body: "{}" }, { accessKeyId, secretAccessKey, atMs: clock.ms });
    Object.assign(hashed, { times: 0, opened: 0 });
    asked.length = 0;
    const { refusal } = await authenticate({ signed: { wire, body: async () => Buffer.from("{}") } });
    const { detail: _, ...said } = refusal ?? { detail: "" };
    return { hashes: hashed.times, opened: hashed.opened, statements: [...asked], said };
  };
  return { good: secret, bad, work, workAgain, signers, signedWork };
}

for (const secrets of [["the server's secret, long enough"], ["the new secret, long enough", "the old secret, long enough"]])
  test(`with ${secrets.length} secret(s) every bad key costs the same hashes and the same look-up, and hears the same`, async () => {
    const { good, bad, work } = await rig(secrets, 0);
    const first = await work(Object.values(bad)[0]!);
    // two for each HMAC
    expect(first.hashes).toBe(2 * secrets.length);
    expect(first.statements.length).toBe(1);
    expect(first.said).toMatchObject({ status: 401, code: "invalid" });
    for (const [what, token] of Object.entries(bad)) if (token !== Object.values(bad)[0]) expect(await work(token), what).toEqual(first);
    // a good one no less: how long the right answer takes tells nothing either
    const { hashes, statements } = await work(good);
    expect({ hashes, statements }).toEqual({ hashes: first.hashes, statements: first.statements });
  });

test("asked again at once, no key is looked up or hashed again, good or bad: what is remembered tells nobody which", async () => {
  const { good, bad, work, workAgain } = await rig(["the server's secret, long enough"], 2_000);
  const seen = new Set<string>();
  for (const [what, token] of [...Object.entries(bad), ["good", good] as const]) {
    expect((await work(token)).statements.length, what).toBe(1);
    const { hashes, statements } = await workAgain(token);
    seen.add(JSON.stringify([hashes, statements]));
  }
  expect([...seen]).toEqual(["[0,[]]"]);
});

test("a signature of no known key costs the same hashes, the same opening and the same look-up as a wrong one, and hears the same", async () => {
  const { signers, signedWork } = await rig(["the server's secret, long enough"], 0);
  const { good, ...bad } = signers;
  const unknown = await signedWork(`LOAM${"Z".repeat(16)}`, good.secret);
  expect({ ...unknown, statements: unknown.statements.length }).toMatchObject({
    opened: 1,
    statements: 1,
    said: { status: 401, code: "invalid" },
  });
  expect(await signedWork(good.key.prefix, "another")).toEqual(unknown);
  expect(await signedWork(good.key.prefix, bad.revoked.secret)).toEqual(unknown);
  expect(await signedWork(bad.revoked.key.prefix, bad.revoked.secret)).toEqual(unknown);
  // whoever has the secret hears no more, though the body is looked at
  for (const [what, { key, secret }] of Object.entries(bad))
    expect((await signedWork(key.prefix, secret)).said, what).toEqual(unknown.said);
  expect((await signedWork(good.key.prefix, good.secret)).said).toEqual({});
});
