/** Tokens of a real OpenID Connect provider (oidc-provider, certified), over HTTP: discovery, client credentials, rotation of its keys. */
import { generateKeyPairSync } from "node:crypto";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { exportJWK, type JWK } from "jose";
import Provider from "oidc-provider";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { Control } from "../contract.ts";
import { openControl } from "../control.ts";

const audience = "https://gateway.example/v1";
let server: Server;
let issuer: string;
let provider: Provider;
let offsetMs = 0;
const opened: Control[] = [];

async function privateKey(kid: string): Promise<JWK> {
  const { privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  return { ...(await exportJWK(privateKey)), kid, alg: "ES256", use: "sig" };
}

const providerWith = (key: JWK): Provider =>
  new Provider(issuer, {
    clients: [
      {
        client_id: "mailer",
        client_secret: "test-only",
        id_token_signed_response_alg: "ES256",
        grant_types: ["client_credentials"],
        redirect_uris: [],
        response_types: [],
      },
    ],
    jwks: { keys: [key] },
    cookies: { keys: ["test-only"] },
    features: {
      devInteractions: { enabled: false },
      clientCredentials: { enabled: true },
      resourceIndicators: {
        enabled: true,
        getResourceServerInfo: () => ({
          scope: "chat embeddings",
          audience,
          accessTokenFormat: "jwt",
          accessTokenTTL: 300,
          jwt: { sign: { alg: "ES256" } },
        }),
      },
    },
  });

async function token(scope: string, resource = audience): Promise<string> {
  const response = await fetch(`${issuer}/token`, {
    method: "POST",
    headers: { authorization: `Basic ${Buffer.from("mailer:test-only").toString("base64")}` },
    body: new URLSearchParams({ grant_type: "client_credentials", scope, resource }),
  });
  const body = (await response.json()) as { access_token?: string };
  expect(body.access_token, JSON.stringify(body)).toBeDefined();
  return body.access_token!;
}

async function control(more: object = {}): Promise<Control> {
  const c = await openControl({
    state: "memory:",
    root: ".",
    now: () => Date.now() + offsetMs,
    config: {
      issuers: [{ name: "idp", issuer, audience, algorithms: ["ES256"], type: "at+jwt", claims: { scopes: "scope" }, ...more }],
      policies: [{ id: "mailers", effect: "allow", who: { subjects: ["idp:mailer"] } }],
    },
  });
  opened.push(c);
  return c;
}

beforeAll(async () => {
  server = createServer((request, response) => void provider.callback()(request, response));
  await new Promise<void>(ready => server.listen(0, "127.0.0.1", ready));
  issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  provider = providerWith(await privateKey("first"));
});
afterAll(async () => {
  for (const c of opened) await c.close();
  server.closeAllConnections();
  await new Promise(done => server.close(done));
});

test("a provider's access token opens, says who and within which scopes", async () => {
  const c = await control();
  const { identity } = await c.authenticate({ token: await token("chat") });
  expect(identity).toMatchObject({ kind: "jwt", keyId: "jwt:idp:mailer", subject: "idp:mailer", roles: [], scopes: ["chat"] });
  expect(c.decide(identity!, { endpoint: "chat", model: "m" }).allowed).toBe(true);
  expect(c.decide(identity!, { endpoint: "embeddings", model: "m" }).allowed).toBe(false);
});

test("another audience, another algorithm and a token that was altered do not open", async () => {
  const good = await token("chat");
  const [head, , signature] = good.split(".");
  const altered = Buffer.from(JSON.stringify({ iss: issuer, aud: audience, sub: "root", exp: 9e9 })).toString("base64url");
  const c = await control();
  expect((await c.authenticate({ token: `${head}.${altered}.${signature}` })).refusal?.code).toBe("invalid");
  expect((await (await control({ audience: "https://other.example" })).authenticate({ token: good })).refusal?.code).toBe("invalid");
  expect((await (await control({ algorithms: ["RS256"] })).authenticate({ token: good })).refusal?.code).toBe("invalid");
});

test("when the provider changes its keys, new tokens open and old ones do not", async () => {
  const c = await control();
  const old = await token("chat");
  expect((await c.authenticate({ token: old })).identity).toBeDefined();
  provider = providerWith(await privateKey("second"));
  offsetMs += 31_000;
  const next = await token("chat");
  expect((await c.authenticate({ token: next })).identity?.subject).toBe("idp:mailer");
  expect((await c.authenticate({ token: old })).refusal?.code).toBe("invalid");
});

test("while the provider is down its tokens go on opening with the keys that are known; a gateway that knows none says 503", async () => {
  const c = await control();
  const good = await token("chat");
  expect((await c.authenticate({ token: good })).identity).toBeDefined();
  server.closeAllConnections();
  await new Promise(done => server.close(done));
  expect((await c.authenticate({ token: good })).identity).toBeDefined();
  expect((await (await control()).authenticate({ token: good })).refusal).toMatchObject({ status: 503, code: "unavailable" });
});
