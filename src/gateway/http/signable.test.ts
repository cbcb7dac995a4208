/** Requests signed by AWS's own signer, over sockets: good ones are answered as any other, all others hear one sentence. */
import { afterEach, beforeEach, expect, test } from "vitest";
import { z } from "zod";
import { defined } from "../../base/index.ts";
import type { ControlGiven } from "../control-config.ts";
import { type FakeUpstream, fakeUpstream, good, openAccess, type TestGateway, testGateway } from "../fakes.ts";
import { type Signing, signedByAws, type ToSign } from "../identity/aws-signer.laws.ts";

let upstream: FakeUpstream;
let gateway: TestGateway;
beforeEach(async () => {
  upstream = await fakeUpstream(good);
});
afterEach(async () => {
  await gateway.close();
  await upstream.close();
  expect(gateway.failures).toEqual([]);
});

const open = async (sigv4: ControlGiven["sigv4"] = { regions: ["eu-central-1"], services: ["bedrock"] }) => {
  const config = {
    upstreams: { local: { url: upstream.url } },
    models: { chat: { targets: [{ upstream: "local", model: "inner" }] } },
    passThrough: { "/v1/files": { upstream: "local", methods: ["POST"] } },
  };
  gateway = await testGateway(config, { access: { ...openAccess, sigv4 } });
  const { key, secret } = await gateway.gateway.control.keys.create({ name: "aws", subject: "ann", kind: "sigv4" }, "test");
  const signing: Signing = {
    accessKeyId: key.prefix,
    secretAccessKey: secret,
    region: "eu-central-1",
    service: "bedrock",
    atMs: Date.now(),
  };
  return { key, signing };
};
const body = JSON.stringify({ model: "chat", messages: [{ role: "user", content: "Count." }] });
const chat: ToSign = { method: "POST", path: "/v1/chat/completions", headers: { "content-type": "application/json" }, body };

/** Sends it as it was signed, but for what is said to differ. */
const send = async (
  request: ToSign,
  signing: Signing,
  differing: { readonly headers?: Record<string, string>; readonly body?: string } = {},
) => {
  const { host } = new URL(gateway.url);
  const wire = await signedByAws(request, signing, host);
  const { host: _, ...headers } = wire.headers;
  const sent = differing.body ?? request.body;
  const response = await fetch(`${gateway.url}${wire.target}`, {
    method: wire.method,
    headers: { ...headers, ...differing.headers },
    ...defined({ body: sent }),
  });
  return { status: response.status, text: await response.text(), challenge: response.headers.get("www-authenticate") };
};

test("a signed request is answered, whole and streamed, at every kind of address, and counted under its key", async () => {
  const { key, signing } = await open();
  for (const saysHash of [true, false]) expect(await send(chat, { ...signing, saysHash })).toMatchObject({ status: 200 });
  const stream = await send({ ...chat, body: body.replace("{", '{"stream": true, ') }, signing);
  expect([stream.status, stream.text.endsWith("data: [DONE]\n\n")]).toEqual([200, true]);
  expect(await send({ path: "/v1/models" }, signing)).toMatchObject({ status: 200 });
  expect(await send({ path: "/gateway/keys", query: { subject: "ann" } }, signing)).toMatchObject({ status: 200 });
  expect(await send({ ...chat, path: "/v1/files", query: { purpose: "a b" } }, signing)).toMatchObject({ status: 200 });
  expect(upstream.received.slice(0, 3).map(r => z.looseObject({ model: z.string() }).parse(r.body).model)).toEqual([
    "inner",
    "inner",
    "inner",
  ]);
  expect(gateway.records.map(r => r.key)).toEqual(Array(6).fill(key.id));
  expect(JSON.stringify(upstream.received)).not.toContain("AWS4");
});

test("what is not good hears one sentence, whatever is wrong, and reaches no server", async () => {
  const { key, signing } = await open();
  const { keys } = gateway.gateway.control;
  const revoked = await keys.create({ name: "gone", subject: "ann", kind: "sigv4" }, "test");
  await keys.revoke(revoked.key.id, "test");
  const heard = await send(chat, { ...signing, accessKeyId: `LOAM${"Z".repeat(16)}` });
  expect(heard).toMatchObject({ status: 401, challenge: expect.stringContaining("invalid_token") });
  const wrong: Readonly<Record<string, () => ReturnType<typeof send>>> = {
    "of another secret": () => send(chat, { ...signing, secretAccessKey: "x" }),
    "of a revoked key": () => send(chat, { ...signing, accessKeyId: revoked.key.prefix, secretAccessKey: revoked.secret }),
    "for another region": () => send(chat, { ...signing, region: "us-east-1" }),
    "for another service": () => send(chat, { ...signing, service: "execute-api" }),
    "of an hour ago": () => send(chat, { ...signing, atMs: signing.atMs - 3_600_000 }),
    "of another body": () => send(chat, signing, { body: body.replace("Count.", "Spend.") }),
    "of another body, whose hash is not said": () => send(chat, { ...signing, saysHash: false }, { body: `${body} ` }),
    "with a header that is not signed": () => send(chat, signing, { headers: { "x-loam-data-class": "public" } }),
    "of a body that is not signed": () =>
      send({ ...chat, headers: { ...chat.headers, "x-amz-content-sha256": "UNSIGNED-PAYLOAD" } }, signing),
    "by an API key's secret": () => send(chat, { ...signing, accessKeyId: gateway.key.slice(0, 18), secretAccessKey: gateway.key }),
    "that is half of one": () => send(chat, signing, { headers: { authorization: "AWS4-HMAC-SHA256 Credential=x" } }),
  };
  for (const [what, sent] of Object.entries(wrong)) expect({ what, ...(await sent()) }).toEqual({ what, ...heard });
  expect(upstream.received).toEqual([]);
  // the access key id, or its secret, opens nothing by itself
  for (const token of [key.prefix, signing.secretAccessKey])
    expect((await gateway.post("/v1/chat/completions", body, { headers: { authorization: `Bearer ${token}` } })).status).toBe(401);
  expect(gateway.records.map(r => r.detail)).toContain("a body that is not the signed one");
  expect(JSON.stringify(gateway.records)).not.toContain(signing.secretAccessKey);
});

test("two credentials that could differ are refused, and a body that is too long as anybody's", async () => {
  const { signing } = await open();
  const both = await send(chat, signing, { headers: { "x-api-key": gateway.key } });
  expect([both.status, both.text]).toEqual([401, expect.stringContaining("different credentials")]);
  const long = "x".repeat(33 * 1024 * 1024);
  expect((await send({ ...chat, body: long }, signing)).status).toBe(413);
}, 30_000);

test("an unsigned body passes where the file lets it, and all else of it is still signed", async () => {
  const { signing } = await open({ regions: ["eu-central-1"], services: ["bedrock"], unsignedPayload: "allowed" });
  const loose = { ...chat, headers: { ...chat.headers, "x-amz-content-sha256": "UNSIGNED-PAYLOAD" } };
  expect((await send(loose, signing, { body: body.replace("Count.", "Other.") })).status).toBe(200);
  expect((await send(loose, { ...signing, secretAccessKey: "x" })).status).toBe(401);
});

test("a secret is rotated with an overlap under the same access key id, and revoked at once", async () => {
  const { key, signing } = await open();
  const { keys } = gateway.gateway.control;
  const { key: same, secret } = await keys.rotate(key.id, "test");
  expect(same.prefix).toBe(key.prefix);
  const fresh = { ...signing, secretAccessKey: secret };
  expect([(await send(chat, signing)).status, (await send(chat, fresh)).status]).toEqual([200, 200]);
  await keys.rotate(key.id, "test", 0);
  expect([(await send(chat, signing)).status, (await send(chat, fresh)).status]).toEqual([401, 401]);
  const last = { ...signing, secretAccessKey: (await keys.rotate(key.id, "test", 0)).secret };
  expect((await send(chat, last)).status).toBe(200);
  await keys.revoke(key.id, "test");
  expect((await send(chat, last)).status).toBe(401);
});

test("the last key of an admin that is sent stays, whatever signs; and none that signs is made where nobody is let in by it", async () => {
  await open();
  const { keys } = gateway.gateway.control;
  const [own] = (await keys.list()).filter(key => key.prefix.startsWith("sk-loam-"));
  await expect(keys.revoke(own!.id, "test")).rejects.toThrow(/another live key of somebody with the role admin/);
  await gateway.gateway.control.reload(openAccess, "test");
  await expect(keys.create({ name: "aws", subject: "ann", kind: "sigv4" }, "test")).rejects.toThrow(/access has no part sigv4/);
  expect((await gateway.post("/v1/chat/completions", body)).status).toBe(200);
});

test("how old a signature may be is what the file says", async () => {
  const { signing } = await open({ regions: ["eu-central-1"], services: ["bedrock"], clockSkew: "2s" });
  const at = (atMs: number) => send(chat, { ...signing, atMs });
  expect([(await at(Date.now())).status, (await at(Date.now() - 60_000)).status, (await at(Date.now() + 60_000)).status]).toEqual([
    200, 401, 401,
  ]);
});
