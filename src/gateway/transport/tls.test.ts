/** The gateway over TLS with real certificates: rotation without a dropped connection, clients by certificate, what is refused. */
import { copyFileSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { Agent, request } from "node:https";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect, type TLSSocket } from "node:tls";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { until } from "../../../test/support/until.ts";
import { checkConfig } from "../config/read-config.ts";
import { openControl } from "../control.ts";
import type { ControlGiven } from "../control-config.ts";
import { begin, eventText, type FakeUpstream, fakeUpstream, good, goodEvents, wordChunk } from "../fakes.ts";
import { Gateway } from "../gateway.ts";
import { type GatewayListening, listenGateway } from "../http/listen.ts";
import type { RequestRecord } from "../http/request-record.ts";
import { authority, certificate, hasOpenssl, revocations } from "./certificates.laws.ts";
import { alternativeNames, certificateName } from "./client-certificate.ts";

const access: ControlGiven = {
  principals: { users: { ann: { roles: ["admin"] } }, serviceAccounts: { mailer: {}, gone: { disabled: true } } },
  policies: [{ id: "all", effect: "allow" }],
};

describe.skipIf(!hasOpenssl)(`TLS${hasOpenssl ? "" : " (skipped: the program openssl is not there)"}`, () => {
  const folder = mkdtempSync(join(tmpdir(), "loam-tls-"));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  let upstream: FakeUpstream;
  let running: { listening: GatewayListening; key: string; records: RequestRecord[]; told: unknown[] };
  const text = (name: string) => readFileSync(join(folder, name), "utf8");

  beforeAll(() => {
    authority(folder, "ca");
    authority(folder, "clients");
    authority(folder, "strangers");
    const names = "IP:127.0.0.1";
    certificate(folder, "first", { by: "ca", subject: "/CN=first", names });
    certificate(folder, "second", { by: "ca", subject: "/CN=second", names });
    certificate(folder, "mailer", { by: "clients", subject: "/CN=mailer", names: "URI:spiffe://cluster/ns/mail" });
    certificate(folder, "two", { by: "clients", subject: "/CN=two", names: "URI:spiffe://a,URI:spiffe://cluster/ns/mail" });
    certificate(folder, "gone", { by: "clients", subject: "/CN=gone" });
    certificate(folder, "nobody", { by: "clients", subject: "/CN=nobody" });
    certificate(folder, "stranger", { by: "strangers", subject: "/CN=mailer" });
    revocations(folder, "clients", ["nobody"]);
  });
  const put = (name: string) => {
    for (const end of ["pem", "key"]) {
      copyFileSync(join(folder, `${name}.${end}`), join(folder, `next.${end}`));
      renameSync(join(folder, `next.${end}`), join(folder, `server.${end}`));
    }
  };
  const start = async (tls: object) => {
    const config = await checkConfig(
      {
        listen: { tls: { cert: "server.pem", key: "server.key", ...tls } },
        upstreams: { local: { url: upstream.url } },
        models: { chat: { targets: [{ upstream: "local" }] } },
        state: "memory:",
        log: { to: "none" },
        access,
      },
      "gateway.yaml",
      folder,
    );
    const control = await openControl({ state: "memory:", root: ".", config: access });
    const records: RequestRecord[] = [];
    const told: unknown[] = [];
    const gateway = await Gateway.open({ config, control, onRequest: r => records.push(r) });
    const listening = await listenGateway(gateway, { host: "127.0.0.1", port: 0, onTls: e => told.push(e) });
    const { secret } = await control.keys.create({ name: "test", subject: "ann" }, "test");
    running = { listening, key: secret, records, told };
  };
  beforeEach(async () => {
    upstream = await fakeUpstream(good);
    put("first");
  });
  afterEach(async () => {
    await running?.listening.drain({ graceMs: 0 });
    await upstream.close();
  });

  interface Given {
    readonly client?: string;
    readonly key?: boolean;
    readonly agent?: Agent;
  }
  /** One request over a connection of its own, or an agent's. */
  const ask = ({ client, key = false, agent }: Given = {}): Promise<{ status: number; body: string; by: string }> =>
    new Promise((resolve, reject) => {
      const shown = client === undefined ? {} : { cert: text(`${client}.pem`), key: text(`${client}.key`) };
      const sent = request(
        `${running.listening.url}/v1/chat/completions`,
        {
          method: "POST",
          ca: text("ca.pem"),
          ...shown,
          agent: agent ?? false,
          headers: { "content-type": "application/json", ...(key ? { authorization: `Bearer ${running.key}` } : {}) },
        },
        response => {
          const by = String((response.socket as TLSSocket).getPeerCertificate().subject?.CN);
          let body = "";
          response.on("data", part => {
            body += part;
          });
          response.on("end", () => resolve({ status: response.statusCode!, body, by }));
        },
      );
      sent.on("error", reject);
      sent.end(JSON.stringify({ model: "chat", messages: [{ role: "user", content: "Hi" }] }));
    });

  test("a changed certificate is taken up for new connections; a stream and a connection of before go on", async () => {
    await start({});
    let go = () => {};
    upstream.script = async (received, response) => {
      if (received.body.stream !== true) return good(received, response);
      begin(response);
      response.write(eventText(wordChunk("first")));
      await new Promise<void>(resolve => {
        go = resolve;
      });
      response.end(goodEvents({}).join(""));
    };
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    expect(await ask({ key: true, agent })).toMatchObject({ status: 200, by: "first" });
    let streamed = "";
    const ended = new Promise<void>(resolve => {
      const sent = request(
        `${running.listening.url}/v1/chat/completions`,
        {
          method: "POST",
          ca: text("ca.pem"),
          agent: false,
          headers: { "content-type": "application/json", authorization: `Bearer ${running.key}` },
        },
        response => {
          response.on("data", part => {
            streamed += part;
          });
          response.on("end", resolve);
        },
      );
      sent.end(JSON.stringify({ model: "chat", stream: true, messages: [] }));
    });
    await until(() => streamed !== "");
    put("second");
    await until(() => running.told.length === 1);
    expect(running.told).toEqual([undefined]);
    expect(await ask({ key: true })).toMatchObject({ status: 200, by: "second" });
    expect(await ask({ key: true, agent })).toMatchObject({ status: 200, by: "first" });
    go();
    await ended;
    expect(streamed).toMatch(/\[DONE\]\n\n$/);
    agent.destroy();
  });

  test("files that do not fit together change nothing and are told; the next good ones are taken up", async () => {
    await start({});
    writeFileSync(join(folder, "server.pem"), text("second.pem"));
    await until(() => running.told.length === 1);
    expect(String(running.told[0])).toMatch(/listen\.tls: expected a certificate and its own key/);
    expect(await ask({ key: true })).toMatchObject({ status: 200, by: "first" });
    put("second");
    await until(() => running.told.length === 2);
    expect(await ask({ key: true })).toMatchObject({ status: 200, by: "second" });
  });

  test("a client's certificate says who it is; a key beside it decides; without either it is 401", async () => {
    await start({ clientAuthority: "clients.pem" });
    expect((await ask({ client: "mailer" })).status).toBe(200);
    expect((await ask({ client: "mailer", key: true })).status).toBe(200);
    expect((await ask({})).status).toBe(401);
    expect((await ask({ key: true })).status).toBe(200);
    await until(() => running.records.length === 4);
    expect(running.records.map(r => [r.status, r.subject, r.key?.startsWith("cert:") ?? null])).toEqual([
      [200, "mailer", true],
      [200, "ann", false],
      [401, null, null],
      [200, "ann", false],
    ]);
  });

  test("certificates of strangers, of disabled and unknown accounts open nothing, and all hear the same", async () => {
    await start({ clientAuthority: "clients.pem" });
    const answers = [await ask({ client: "stranger" }), await ask({ client: "gone" }), await ask({ client: "nobody" })];
    expect(answers.map(a => a.status)).toEqual([401, 401, 401]);
    expect(new Set(answers.map(a => a.body)).size).toBe(1);
    await until(() => running.records.length === 3);
    expect(running.records.map(r => r.detail)).toEqual([
      expect.stringContaining("not good"),
      expect.stringContaining("disabled"),
      expect.stringContaining("not there"),
    ]);
  });

  test("with required certificates a connection without a good one is not made", async () => {
    await start({ clientAuthority: "clients.pem", clientCertificate: "required", revoked: "clients.crl" });
    expect((await ask({ client: "mailer" })).status).toBe(200);
    for (const client of [undefined, "stranger", "nobody"])
      await expect(ask({ key: true, ...(client ? { client } : {}) }), client ?? "none").rejects.toThrow();
    expect(upstream.received).toHaveLength(1);
  });

  test("by an alternative name, mapped to an account; two such names are nobody", async () => {
    await start({ clientAuthority: "clients.pem", clientName: "uri", clientAccounts: { "spiffe://cluster/ns/mail": "mailer" } });
    expect((await ask({ client: "mailer" })).status).toBe(200);
    expect((await ask({ client: "two" })).status).toBe(401);
    expect((await ask({ client: "gone" })).status).toBe(401);
  });

  test("older TLS than the file allows is refused, and so is plain HTTP", async () => {
    await start({ minVersion: "1.3" });
    const { port } = running.listening;
    const shake = (maxVersion: "TLSv1.2" | "TLSv1.3") =>
      new Promise<string>((resolve, reject) => {
        const socket = connect({ host: "127.0.0.1", port, ca: text("ca.pem"), maxVersion }, () => {
          resolve(socket.getProtocol()!);
          socket.destroy();
        });
        socket.on("error", reject);
      });
    expect(await shake("TLSv1.3")).toBe("TLSv1.3");
    await expect(shake("TLSv1.2")).rejects.toThrow(/protocol version/i);
    await expect(fetch(`http://127.0.0.1:${port}/healthz`)).rejects.toThrow();
  });

  test("a key of another certificate, a missing file, a client's part without an authority: told by place at the start", async () => {
    await expect(start({ key: "second.key" })).rejects.toThrow(/listen\.tls: expected a certificate and its own key/);
    await expect(start({ cert: "nowhere.pem" })).rejects.toThrow(/listen\.tls\.cert: expected a file.*nowhere\.pem/);
    await expect(start({ clientCertificate: "required" })).rejects.toThrow(/clientAuthority beside it/);
  });
});

test("an alternative name that imitates another kind is one quoted name", () => {
  expect(alternativeNames('DNS:a.example, URI:"x, DNS:admin"')).toEqual([
    { kind: "DNS", name: "a.example" },
    { kind: "URI", name: "x, DNS:admin" },
  ]);
  expect(alternativeNames("DNS:a, broken")).toEqual([]);
  // of a certificate, the parts that are read
  const shown = (subjectaltname: string, CN: unknown) => ({ subject: { CN }, subjectaltname }) as never;
  expect(certificateName(shown('URI:"x, DNS:admin"', "a"), "dns")).toBeUndefined();
  expect(certificateName(shown("", ["a", "b"]), "commonName")).toBeUndefined();
  expect(certificateName(shown("email:ann@x.org", "a"), "email")).toBe("ann@x.org");
});
