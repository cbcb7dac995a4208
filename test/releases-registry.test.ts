/**
 * Versions in a real registry of containers (distribution): pushed and pulled as a user does it, over lines that break off, with basic and bearer
 * authentication, with a blob that somebody changed there.
 */
import { execFileSync } from "node:child_process";
import { createHash, generateKeyPairSync, randomUUID, sign } from "node:crypto";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import { z } from "zod";
import { isLoamError } from "../src/base/index.ts";
import {
  makeKeys,
  openLayout,
  openPackage,
  packageOf,
  parseReference,
  pushPackage,
  type RegistryOptions,
  receive,
  remotePackage,
  signerOf,
  signVersion,
} from "../src/registry/index.ts";
import {
  listModels,
  type ModelVersion,
  openArtifact,
  openStore,
  registerVersion,
  runStage,
  type Store,
  stage,
  verify,
} from "../src/store/index.ts";
import { findGoProgram } from "../src/store/servers.laws.ts";
import { jsonLines, loam } from "./support/child.ts";
import { temporaryFolder } from "./support/project.ts";
import { brittleLine, findRegistry, startRegistry } from "./support/registry.ts";

const found = findRegistry();
const real = (claim: string, run: (program: string) => Promise<void>) =>
  test.skipIf(found.reason !== undefined)(found.reason ? `${claim} (skipped: ${found.reason})` : claim, () => run(found.program!));

const toy = stage({
  name: "toy",
  version: 1,
  inputs: {},
  options: z.strictObject({ megabytes: z.number() }),
  output: "model",
  async run({ options, output }) {
    const piece = createHash("sha512").update("weights").digest();
    const block = Buffer.concat(Array.from({ length: 2 ** 14 }, () => piece));
    await output.writeStream(
      "weights.bin",
      Array.from({ length: options.megabytes }, () => block),
    );
    await output.write("1_Pooling/config.json", "{}");
    await output.write("tokenizer.json", '{"a":1}');
    return { parameters: 5 };
  },
});

async function openRecord(): Promise<Store> {
  const store = await openStore({ root: temporaryFolder("record") });
  onTestFinished(() => store.close());
  return store;
}

const keys = makeKeys();
/** A signed version of so many MiB. */
async function signedVersion(store: Store, megabytes = 20): Promise<ModelVersion> {
  const { artifact } = await runStage(store, toy, { inputs: {}, options: { megabytes } });
  const version = await registerVersion(store, "mail", artifact.id, { f1: 0.9 });
  await signVersion(store, version, signerOf(keys.privateKey, "key"), "ann");
  return version;
}
const fast: RegistryOptions = { pauseMs: 5 };
async function pulled(store: Store, reference: string, options: RegistryOptions = fast) {
  return receive(store, await openPackage(remotePackage(parseReference(reference), options)), "mail");
}
const codeOf = (promise: Promise<unknown>): Promise<string> =>
  promise.then(
    () => "no error",
    e => (isLoamError(e) ? `${e.code} ${e.message}` : String(e)),
  );

real(
  "what is pushed is pulled as it was, its signature with it; a second push sends no blob, a pull by digest is the same",
  async program => {
    const { host } = await startRegistry(program);
    const own = await openRecord();
    const version = await signedVersion(own);
    const p = await packageOf(own, version);
    const reference = parseReference(`${host}/team/mail:1`);
    const first = await pushPackage(p, reference, fast);
    expect(first.sentBytes).toBeGreaterThan(20 * 2 ** 20);
    expect(await pushPackage(p, reference, fast)).toMatchObject({ digest: first.digest, sentBytes: 0 });
    const other = await openRecord();
    const got = await pulled(other, `${host}/team/mail:1`);
    expect(got).toMatchObject({ action: "made", signatures: 1, version: { digest: version.digest, scores: { f1: 0.9 } } });
    expect(await pulled(other, `${host}/team/mail@${first.digest}`)).toMatchObject({ action: "reused", version: { number: 1 } });
    expect((await verify(other)).findings).toEqual([]);
    // as others see it
    const manifest = (await (
      await fetch(`http://${host}/v2/team/mail/manifests/1`, { headers: { accept: "application/vnd.oci.image.manifest.v1+json" } })
    ).json()) as { artifactType: string; layers: { annotations: Record<string, string> }[] };
    expect(manifest.artifactType).toBe("application/vnd.loam.model.v1");
    expect(manifest.layers.map(l => l.annotations["org.opencontainers.image.title"])).toEqual([
      "1_Pooling/config.json",
      "tokenizer.json",
      "weights.bin",
    ]);
  },
);

real("lines that break off in both directions: each goes on where it stopped, and nothing is lost", async program => {
  const { host } = await startRegistry(program);
  const own = await openRecord();
  const version = await signedVersion(own, 40);
  const bytes = 40 * 2 ** 20;
  const up = await brittleLine(host, { up: [11e6, 5e6] });
  const pushed = await pushPackage(await packageOf(own, version), parseReference(`${up.host}/mail:1`), fast);
  expect(up.breaks()).toBe(2);
  // a chunk that was cut is sent again, what came before it is not
  expect(pushed.sentBytes).toBeLessThan(bytes * 1.5);
  // broken off before the registry has a byte of it: "Range: 0-0" says of nothing what it says of one byte
  const early = await brittleLine(host, { up: [20_000, 40_000] });
  expect((await pushPackage(await packageOf(own, version), parseReference(`${early.host}/early:1`), fast)).digest).toBe(pushed.digest);
  expect(early.breaks()).toBe(2);
  const down = await brittleLine(host, { down: [9e6, 17e6] });
  const other = await openRecord();
  expect((await pulled(other, `${down.host}/mail:1`)).version.digest).toBe(version.digest);
  expect(down.breaks()).toBe(2);
});

real("a layer that was changed in the registry is refused by its file's name, and nothing is registered", async program => {
  const { host, folder } = await startRegistry(program);
  const own = await openRecord();
  const version = await signedVersion(own, 1);
  const p = await packageOf(own, version);
  await pushPackage(p, parseReference(`${host}/mail:1`), fast);
  const digest = p.layers.at(-1)!.digest.slice("sha256:".length);
  const blob = readdirSync(folder, { recursive: true, encoding: "utf8" }).find(f => f.includes(digest) && f.endsWith("/data"))!;
  const bytes = readFileSync(join(folder, blob));
  bytes[1000] = bytes[1000]! ^ 1;
  writeFileSync(join(folder, blob), bytes);
  const other = await openRecord();
  expect(await codeOf(pulled(other, `${host}/mail:1`))).toMatch(
    new RegExp(`^registry/package .*mail:1: weights\\.bin: expected sha256:${digest}, got sha256:`),
  );
  expect(await listModels(other)).toEqual([]);
});

const oras = findGoProgram("oras", "LOAM_ORAS", "oras.land/oras/cmd/oras");
const reason = oras.reason ?? found.reason;
test.skipIf(reason !== undefined)(
  `oras pulls the files by their names and finds the signature, and a layout that oras made is a package${reason ? ` (skipped: ${reason})` : ""}`,
  async () => {
    const { host } = await startRegistry(found.program!);
    const own = await openRecord();
    const version = await signedVersion(own, 1);
    await pushPackage(await packageOf(own, version), parseReference(`${host}/mail:1`), fast);
    const cwd = temporaryFolder("oras");
    const run = (...args: string[]) =>
      execFileSync(oras.program!, args, { cwd, encoding: "utf8", env: { ...process.env, DOCKER_CONFIG: cwd } });
    run("pull", "--plain-http", "--output", "files", `${host}/mail:1`);
    for (const f of (await openArtifact(own, version.artifact)).files)
      expect(
        createHash("sha256")
          .update(readFileSync(join(cwd, "files", f.name)))
          .digest("hex"),
        f.name,
      ).toBe(f.digest);
    expect(run("discover", "--plain-http", `${host}/mail:1`)).toContain("application/vnd.loam.signature.v1");
    run("cp", "--from-plain-http", "--recursive", `${host}/mail:1`, "--to-oci-layout", "layout:1");
    execFileSync("tar", ["-cf", "layout.tar", "-C", "layout", "."], { cwd });
    await using layout = await openLayout(join(cwd, "layout.tar"));
    const other = await openRecord();
    expect(await receive(other, await openPackage(layout), "mail")).toMatchObject({ signatures: 1, version: { digest: version.digest } });
  },
);

// bcrypt of "right horse"
const htpasswd = "ann:$2y$05$abcdefghijklmnopqrstuuB05BVy0V7KomGh8K56xgiHLq3Wkqh46\n";

real("basic authentication: the right password goes in, a wrong one and none are told what to do", async program => {
  const file = join(temporaryFolder("auth"), "htpasswd");
  writeFileSync(file, htpasswd);
  const { host } = await startRegistry(program, { htpasswd: { realm: "test", path: file } });
  const own = await openRecord();
  const p = await packageOf(own, await signedVersion(own, 1));
  const reference = parseReference(`${host}/mail:1`);
  expect(await codeOf(pushPackage(p, reference, fast))).toMatch(/registry\/remote .*got 401\. Set LOAM_REGISTRY_AUTH/);
  const wrong = { ...fast, credentials: { user: "ann", password: "wrong horse" } };
  const said = await codeOf(pushPackage(p, reference, wrong));
  expect(said).toMatch(/got 401\. Use the credentials of who may/);
  expect(said).not.toContain("wrong horse");
  const right = { ...fast, credentials: { user: "ann", password: "right horse" } };
  await pushPackage(p, reference, right);
  const other = await openRecord();
  expect((await pulled(other, `${host}/mail:1`, right)).signatures).toBe(1);
});

/** A token server as registries have it: for the right password a JWT with the access that was asked for. */
async function tokenServer(password: string) {
  const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const kid = "of-this-test";
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString("base64url");
  const asked: string[] = [];
  const server = createServer((request, response) => {
    const url = new URL(request.url ?? "", "http://tokens");
    asked.push(url.search);
    if (request.headers.authorization !== `Basic ${Buffer.from(`ann:${password}`).toString("base64")}`) {
      response.writeHead(401).end('{"errors":[{"code":"DENIED","message":"who are you"}]}');
      return;
    }
    const now = Math.floor(Date.now() / 1000);
    const access = url.searchParams.getAll("scope").map(s => {
      const [type, name, actions] = s.split(":");
      return { type, name, actions: actions!.split(",") };
    });
    const claims = { iss: "tokens", sub: "ann", aud: "registry", exp: now + 60, nbf: now - 5, iat: now, jti: randomUUID(), access };
    const head = `${part({ typ: "JWT", alg: "ES256", kid })}.${part(claims)}`;
    const signature = sign("sha256", Buffer.from(head), { key: privateKey, dsaEncoding: "ieee-p1363" }).toString("base64url");
    response.end(JSON.stringify({ token: `${head}.${signature}` }));
  });
  await new Promise<void>(resolve => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  const jwks = join(temporaryFolder("auth"), "jwks.json");
  writeFileSync(jwks, JSON.stringify({ keys: [{ ...publicKey.export({ format: "jwk" }), kid, alg: "ES256", use: "sig" }] }));
  return { realm: `http://127.0.0.1:${(server.address() as AddressInfo).port}/token`, jwks, asked };
}

real("bearer tokens: asked of the server that the registry names, for what is to be done", async program => {
  const tokens = await tokenServer("right horse");
  const auth = { token: { realm: tokens.realm, service: "registry", issuer: "tokens", jwks: tokens.jwks } };
  const { host } = await startRegistry(program, auth);
  const own = await openRecord();
  const p = await packageOf(own, await signedVersion(own, 1));
  const right = { ...fast, credentials: { user: "ann", password: "right horse" } };
  await pushPackage(p, parseReference(`${host}/team/mail:1`), right);
  expect(tokens.asked.some(q => /service=registry.*scope=repository%3Ateam%2Fmail%3Apu(ll%2Cpush|sh)/.test(q))).toBe(true);
  const other = await openRecord();
  expect((await pulled(other, `${host}/team/mail:1`, right)).signatures).toBe(1);
  const wrong = { ...fast, credentials: { user: "ann", password: "no" } };
  expect(await codeOf(pulled(other, `${host}/team/mail:1`, wrong))).toMatch(/token server .*401: DENIED, who are you/);
});

test("credentials are not sent unencrypted to a host that is not this machine, nor to a realm that is not", async () => {
  const asked: string[] = [];
  const server = createServer((request, response) => {
    asked.push(request.headers.authorization ?? "none");
    response.writeHead(401, { "www-authenticate": 'Bearer realm="http://tokens.example.com/token",service="x"' }).end();
  });
  await new Promise<void>(resolve => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => void server.close());
  const host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  const options = { ...fast, credentials: { user: "ann", password: "right horse" } };
  expect(await codeOf(remotePackage(parseReference(`${host}/mail:1`), options).manifest())).toMatch(
    /expected a realm with https, got "http:\/\/tokens/,
  );
  expect(asked).toEqual(["none"]);
});

describe("from the command line", () => {
  real("pack, unpack, push and pull, with a key that must have signed", async program => {
    const { host } = await startRegistry(program);
    const [from, to] = [temporaryFolder("from"), temporaryFolder("to")];
    const home = join(from, "home");
    const store = await openStore({ root: home });
    await signedVersion(store, 1);
    await store.close();
    const env = { LOAM_HOME: home, DOCKER_CONFIG: from };
    writeFileSync(join(from, "release.pub"), keys.publicKey);
    writeFileSync(join(from, "other.pub"), makeKeys().publicKey);
    const run = async (args: readonly string[], more: Record<string, string> = {}) => {
      const ended = await loam([...args, "--json"], { cwd: from, env: { ...env, ...more } });
      return { code: ended.code, said: ended.stderr, result: jsonLines(ended.stdout).at(-1)! };
    };
    const packed = await run(["models", "pack", "mail@1", "--out", "mail.tar"]);
    expect(packed.code, packed.said).toBe(0);
    expect(packed.result).toMatchObject({ model: "mail", version: 1, signatures: 1 });
    const pushed = await run(["models", "push", "mail", `${host}/mail:1`]);
    expect(pushed.result).toMatchObject({ digest: packed.result.digest, reference: `${host}/mail:1` });
    const there = { LOAM_HOME: to };
    const refused = await run(["models", "pull", `${host}/mail:1`, "--key", "other.pub"], there);
    expect([refused.code, (refused.result as { error: { code: string } }).error.code]).toEqual([1, "registry/signature"]);
    const got = await run(["models", "pull", `${host}/mail:1`, "--name", "letters", "--key", "release.pub"], there);
    expect(got.result).toMatchObject({ model: "letters", version: 1, signatures: 1, origin: { model: "mail", version: 1 } });
    const unpacked = await run(["models", "unpack", "mail.tar", "--name", "letters"], there);
    expect(unpacked.result).toMatchObject({ version: 1, action: "reused", digest: got.result.digest });
    expect((await run(["models", "push", "mail", "mail:1"])).result).toMatchObject({ error: { code: "registry/reference" } });
  });
});
