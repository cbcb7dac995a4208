import { createHmac, generateKeyPairSync, type KeyObject } from "node:crypto";
import { exportJWK, type JWK, type JWTPayload, SignJWT } from "jose";
import { beforeAll, describe, expect, test } from "vitest";
import { check } from "../../base/index.ts";
import { issuersPart } from "./issuers.ts";
import { tokenChecker } from "./tokens.ts";

const nowMs = Date.UTC(2026, 10, 26, 12);
const now = nowMs / 1000;
const iss = "https://id.example";

interface Pair {
  readonly privateKey: KeyObject;
  readonly publicKey: KeyObject;
  readonly jwk: JWK;
}
async function pair(kid: string, alg: "RS256" | "ES256"): Promise<Pair> {
  const keys = alg === "RS256" ? generateKeyPairSync("rsa", { modulusLength: 2048 }) : generateKeyPairSync("ec", { namedCurve: "P-256" });
  return { ...keys, jwk: { ...(await exportJWK(keys.publicKey)), kid, alg, use: "sig" } };
}
const sign = (key: Pair, payload: JWTPayload = {}, header: object = {}): Promise<string> =>
  new SignJWT({ iss, aud: "loam", sub: "ann", iat: now, exp: now + 300, ...payload })
    .setProtectedHeader({ alg: key.jwk.alg!, kid: key.jwk.kid!, ...header })
    .sign(key.privateKey);
const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString("base64url");

let a: Pair;
let b: Pair;
let rsa: Pair;
beforeAll(async () => {
  [a, b, rsa] = await Promise.all([pair("a", "ES256"), pair("b", "ES256"), pair("r", "RS256")]);
});

/** An issuer whose set of keys and whose reachability a test owns. */
function issuerWith(given: object = {}, set: () => unknown = () => ({ keys: [a.jwk, rsa.jwk] })) {
  const clock = { ms: nowMs };
  const state = { down: false, fetched: 0 };
  const issuers = check(
    issuersPart,
    [{ name: "corp", issuer: iss, audience: "loam", algorithms: ["ES256", "RS256"], jwks: `${iss}/keys`, ...given }],
    "issuers",
  );
  const checker = tokenChecker(issuers, {
    now: () => clock.ms,
    fetch: async input => {
      state.fetched++;
      if (state.down) throw new TypeError("fetch failed");
      expect(String(input)).toBe(`${iss}/keys`);
      return Response.json(set());
    },
  });
  return { checker, clock, state };
}
const kindOf = async (checker: { check(t: string): Promise<{ kind: string }> }, token: string): Promise<string> =>
  (await checker.check(token)).kind;

describe("tokens", () => {
  test("a good token says who somebody is, from the claims that configuration names and no others", async () => {
    const { checker } = issuerWith({
      claims: { subject: "sub", teams: "groups", roles: "realm.roles", organisation: "https://id.example/org", scopes: "scope" },
    });
    const token = await sign(a, {
      groups: ["research", 7, ""],
      realm: { roles: ["writer"] },
      "https://id.example/org": "acme",
      scope: "chat openid embeddings",
    });
    expect(await checker.check(token)).toEqual({
      kind: "good",
      claims: {
        issuer: "corp",
        subject: "corp:ann",
        teams: ["research"],
        roles: ["writer"],
        organisation: "acme",
        scopes: ["chat", "embeddings"],
      },
    });
    const plain = issuerWith();
    expect(await plain.checker.check(await sign(a, { roles: ["admin"], groups: ["research"] }))).toMatchObject({
      claims: { teams: [], roles: [] },
    });
  });

  test("a token without a signature is refused, however none is spelt", async () => {
    const { checker } = issuerWith();
    for (const alg of ["none", "None", "NONE", "nOnE", ""]) {
      const unsigned = `${part({ alg, kid: "a" })}.${part({ iss, aud: "loam", sub: "ann", exp: now + 300 })}.`;
      expect(await kindOf(checker, unsigned), alg).toBe("bad");
      expect(await kindOf(checker, `${unsigned}${(await sign(a)).split(".")[2]}`), alg).toBe("bad");
    }
  });

  test("a public key does not pass for a shared secret", async () => {
    const { checker } = issuerWith({}, () => ({
      keys: [rsa.jwk, { kty: "oct", kid: "o", k: Buffer.from("shared").toString("base64url"), alg: "HS256" }],
    }));
    const forms = [
      rsa.publicKey.export({ type: "spki", format: "pem" }),
      rsa.publicKey.export({ type: "spki", format: "der" }),
      JSON.stringify(rsa.jwk),
      "shared",
    ];
    for (const secret of forms)
      for (const kid of ["r", "o", undefined]) {
        const text = `${part({ alg: "HS256", ...(kid ? { kid } : {}) })}.${part({ iss, aud: "loam", sub: "ann", exp: now + 300 })}`;
        expect(await kindOf(checker, `${text}.${createHmac("sha256", secret).update(text).digest("base64url")}`)).toBe("bad");
      }
    expect(() => check(issuersPart, [{ name: "x", issuer: iss, audience: "loam", algorithms: ["HS256"] }], "issuers")).toThrow(
      /algorithms\[0\]/,
    );
  });

  test("a key that a token brings along checks nothing", async () => {
    const { checker } = issuerWith();
    const evil = await pair("a", "ES256");
    expect(await kindOf(checker, await sign(evil))).toBe("bad");
    expect(await kindOf(checker, await sign(evil, {}, { jwk: evil.jwk }))).toBe("bad");
    expect(await kindOf(checker, await sign(evil, {}, { jku: "https://evil.example/keys", x5u: "https://evil.example/c" }))).toBe("bad");
    expect(
      await kindOf(
        checker,
        await sign(a, {}, { crit: ["exp2"], exp2: 1 }).catch(
          () => `${part({ alg: "ES256", kid: "a", crit: ["exp2"], exp2: 1 })}.${part({})}.x`,
        ),
      ),
    ).toBe("bad");
  });

  test("an algorithm that configuration does not name is refused though its key is in the set", async () => {
    const { checker } = issuerWith({ algorithms: ["ES256"] });
    expect([await kindOf(checker, await sign(a)), await kindOf(checker, await sign(rsa))]).toEqual(["good", "bad"]);
  });

  test("issuer, audience, end and beginning are checked, within the skew of clocks", async () => {
    const { checker } = issuerWith({ clockSkew: "30s", maxAge: "1h" });
    const kinds = async (...payloads: JWTPayload[]) => Promise.all(payloads.map(async p => kindOf(checker, await sign(a, p))));
    expect(await kinds({ exp: now - 29 }, { nbf: now + 29 }, { iat: now - 3_629 }, { aud: ["x", "loam"] })).toEqual([
      "good",
      "good",
      "good",
      "good",
    ]);
    expect(await kinds({ exp: now - 31 }, { nbf: now + 31 }, { iat: now - 3_631 }, { iat: now + 31 }, { aud: "x" }, { aud: [] })).toEqual(
      Array(6).fill("bad"),
    );
    expect(await kinds({ iss: "https://evil.example" }, { iss: `${iss}/` }, { sub: "" })).toEqual(["bad", "bad", "bad"]);
    const endless = await new SignJWT({ iss, aud: "loam", sub: "ann", iat: now })
      .setProtectedHeader({ alg: "ES256", kid: "a" })
      .sign(a.privateKey);
    expect(await kindOf(checker, endless)).toBe("bad");
  });

  test("an ID token does not pass for an access token where its type is configured", async () => {
    const { checker } = issuerWith({ type: "at+jwt" });
    expect([
      await kindOf(checker, await sign(a, {}, { typ: "at+jwt" })),
      await kindOf(checker, await sign(a, {}, { typ: "JWT" })),
      await kindOf(checker, await sign(a)),
    ]).toEqual(["good", "bad", "bad"]);
  });

  test("nonsense is refused, not thrown", async () => {
    const { checker } = issuerWith();
    for (const text of [
      "",
      ".",
      "..",
      "a.b.c",
      `${part({ alg: "ES256" })}.bm90IGpzb24.x`,
      `${part({})}.${part({ iss })}.`,
      `${part({ alg: "ES256" })}.${part({ iss: { a: 1 } })}.x`,
      "\u0000.\uffff.x",
    ])
      expect(await kindOf(checker, text), text).toBe("bad");
  });
});

describe("keys of an issuer", () => {
  test("they are fetched once for all who come together, and kept", async () => {
    const { checker, state } = issuerWith();
    const token = await sign(a);
    await Promise.all(Array.from({ length: 20 }, () => kindOf(checker, token)));
    await kindOf(checker, token);
    expect(state.fetched).toBe(1);
  });

  test("a token of a new key makes them be fetched again, made-up keys do not make a flood", async () => {
    let keys = [a.jwk];
    const { checker, clock, state } = issuerWith({}, () => ({ keys }));
    expect(await kindOf(checker, await sign(a))).toBe("good");
    keys = [b.jwk];
    clock.ms += 30_000;
    expect(await kindOf(checker, await sign(b))).toBe("good");
    expect(await kindOf(checker, await sign(a))).toBe("bad");
    const evil = await Promise.all(Array.from({ length: 20 }, (_, i) => sign(a, {}, { kid: `made-up-${i}` })));
    for (const token of evil) expect(await kindOf(checker, token)).toBe("bad");
    expect(state.fetched).toBe(2);
  });

  test("while the issuer does not answer the keys that are known go on for an hour, then nobody is let in", async () => {
    const { checker, clock, state } = issuerWith();
    const token = () => sign(a, { iat: clock.ms / 1000, exp: clock.ms / 1000 + 60 });
    expect(await kindOf(checker, await token())).toBe("good");
    state.down = true;
    clock.ms += 59 * 60_000;
    expect(await kindOf(checker, await token())).toBe("good");
    expect(state.fetched).toBe(2);
    clock.ms += 2 * 60_000;
    expect(await checker.check(await token())).toMatchObject({
      kind: "unavailable",
      detail: expect.stringMatching(/issuers\.corp: expected the keys/),
    });
    state.down = false;
    clock.ms += 30_000;
    await kindOf(checker, await token());
    expect(await kindOf(checker, await token())).toBe("good");
  });

  test("an issuer that cannot be asked is no verdict on the token", async () => {
    const { checker, state } = issuerWith();
    state.down = true;
    expect(await kindOf(checker, await sign(a))).toBe("unavailable");
  });

  test("a set that is none, or is too large, is refused", async () => {
    for (const set of [[], { keys: 1 }, { keys: [], padding: "x".repeat(300_000) }])
      expect(await kindOf(issuerWith({}, () => set).checker, await sign(a))).toBe("unavailable");
  });

  test("keys come from https: or this machine only", () => {
    const sentence = (issuer: object) => () => check(issuersPart, [{ name: "x", issuer: iss, audience: "loam", ...issuer }], "issuers");
    expect(sentence({ jwks: "http://id.example/keys" })).toThrow(/issuers: \[0\]\.jwks: expected an https: URL/);
    expect(sentence({ issuer: "http://id.example" })).toThrow(/https/);
    expect(sentence({ jwks: "http://127.0.0.1:9/keys" })).not.toThrow();
    expect(sentence({ jwks: "file:///etc/passwd" })).toThrow(/https/);
  });
});
