import { randomBytes } from "node:crypto";
import { chmodSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { scratchFolder } from "../scratch.laws.ts";
import { awsKms } from "./aws-kms.ts";
import { commandKeys } from "./command-keys.ts";
import { fakeAccess, startFakeKms } from "./fake-kms.laws.ts";
import { codeOf, keyServiceLaws } from "./key-service.laws.ts";
import { environmentKeys, fileKeys } from "./local-keys.ts";
import { keyServiceOf } from "./open-ring.ts";

const scratch = scratchFolder("key-service");
const context = { ring: "r", key: "k" };

describe("key file", () => {
  const path = join(scratch, "keys", "project.json");
  beforeAll(() => fileKeys(path).create!());
  keyServiceLaws(() => fileKeys(path));

  test("it is made for its owner alone; one that others may read opens nothing", async () => {
    const at = join(scratch, "mode.json");
    const service = fileKeys(at);
    await service.create!();
    expect(statSync(at).mode & 0o777).toBe(0o600);
    chmodSync(at, 0o640);
    expect(await codeOf(service.current())).toBe("store/keyService");
    await expect(service.current()).rejects.toThrow(/mode 0640.*chmod 600/);
  });

  test("a new key becomes the current one, and the older ones unwrap on", async () => {
    const at = join(scratch, "two.json");
    const service = fileKeys(at);
    const first = await service.create!();
    const wrapped = await service.wrap(Buffer.alloc(32, 1), context);
    const second = await service.create!();
    expect(await service.list()).toEqual([second, first]);
    expect(await service.current()).toBe(second);
    expect((await service.unwrap(wrapped, context)).equals(Buffer.alloc(32, 1))).toBe(true);
  });

  test("no file, another file and another project's keys are named, each with what to do", async () => {
    await expect(fileKeys(join(scratch, "none.json")).current()).rejects.toThrow(/no file.*loam keys create/);
    const other = join(scratch, "other.json");
    writeFileSync(other, "{}", { mode: 0o600 });
    expect(await codeOf(fileKeys(other).current())).toBe("store/keyService");
    const wrapped = await fileKeys(path).wrap(Buffer.alloc(32), context);
    const strange = fileKeys(join(scratch, "two.json"));
    expect(await codeOf(strange.unwrap(wrapped, context))).toBe("store/keyMissing");
  });
});

describe("environment variable", () => {
  const environment = { LOAM_TEST_KEY: `k2:${randomBytes(32).toString("base64")}, k1:${randomBytes(32).toString("base64")}` };
  keyServiceLaws(() => environmentKeys("LOAM_TEST_KEY", environment));

  test("a variable that is not set, a short key and an entry without an id are refused, and no error shows a key", async () => {
    const error = async (value: string | undefined) =>
      environmentKeys("LOAM_TEST_KEY", { LOAM_TEST_KEY: value })
        .current()
        .catch((e: Error) => e.message);
    expect(await error(undefined)).toContain("Set LOAM_TEST_KEY");
    expect(await error("k1:c2hvcnQ=")).toMatch(/32 bytes.*5 bytes/);
    const secret = randomBytes(32).toString("base64");
    const message = await error(`${secret}`);
    expect(message).toContain("without a key id");
    expect(message).not.toContain(secret.slice(0, 20));
  });
});

describe("command", () => {
  const path = join(scratch, "command-keys.mjs");
  beforeAll(() => {
    writeFileSync(
      path,
      `import { createCipheriv, createDecipheriv, createHash, randomBytes } from "node:crypto";
      const key = createHash("sha256").update(process.argv[2]).digest();
      let text = "";
      for await (const piece of process.stdin) text += piece;
      const { op, plaintext, kek, wrapped, context } = JSON.parse(text);
      if (op === "current") console.log(JSON.stringify({ kek: "hsm-1" }));
      if (op === "wrap") {
        const nonce = randomBytes(12);
        const c = createCipheriv("aes-256-gcm", key, nonce).setAAD(Buffer.from(JSON.stringify(context)));
        console.log(JSON.stringify({ kek: "hsm-1", wrapped: Buffer.concat([nonce, c.update(plaintext, "base64"), c.final(), c.getAuthTag()]).toString("base64") }));
      }
      if (op === "unwrap") {
        if (kek !== "hsm-1") { console.error("no such key"); process.exit(4); }
        const b = Buffer.from(wrapped, "base64");
        const d = createDecipheriv("aes-256-gcm", key, b.subarray(0, 12)).setAAD(Buffer.from(JSON.stringify(context))).setAuthTag(b.subarray(-16));
        console.log(JSON.stringify({ plaintext: Buffer.concat([d.update(b.subarray(12, -16)), d.final()]).toString("base64") }));
      }`,
    );
  });
  keyServiceLaws(() => commandKeys([process.execPath, path, "secret"]));

  test("a command that is not there, that fails and that answers nonsense is named with what it said", async () => {
    await expect(commandKeys([join(scratch, "nothing")]).current()).rejects.toThrow(/ENOENT/);
    await expect(commandKeys([process.execPath, "-e", "console.error('card removed'); process.exit(3)"]).current()).rejects.toThrow(
      /exit code 3: card removed/,
    );
    await expect(commandKeys([process.execPath, "-e", "console.log('yes')"]).current()).rejects.toThrow(/no JSON object/);
  });
});

describe("AWS KMS's protocol", () => {
  let server: Awaited<ReturnType<typeof startFakeKms>>;
  beforeAll(async () => {
    server = await startFakeKms();
  });
  afterAll(() => server.stop());
  const at = (key = "alias/loam") =>
    keyServiceOf({ key: `aws-kms:${key}?region=eu-central-1&endpoint=${server.url}` }, scratch, fakeAccess);

  test("a key is wrapped and unwrapped, under a signature that the server checks", async () => {
    const wrapped = await at().wrap(Buffer.alloc(32, 5), context);
    expect(wrapped.kek).toMatch(/^arn:aws:kms:/);
    expect((await at().unwrap(wrapped, context)).equals(Buffer.alloc(32, 5))).toBe(true);
    expect(server.calls).toEqual(["TrentService.Encrypt", "TrentService.Decrypt"]);
    expect(await codeOf(at().unwrap(wrapped, { ...context, key: "other" }))).toBe("store/keyWrong");
    expect(await codeOf(at("alias/gone").wrap(Buffer.alloc(32), context))).toBe("store/keyMissing");
  });

  test("wrong credentials, none and a server that is away are different errors", async () => {
    const place = { key: "alias/loam", region: "eu-central-1", endpoint: server.url };
    const wrong = awsKms(place, { ...fakeAccess, AWS_SECRET_ACCESS_KEY: "other" });
    await expect(wrong.wrap(Buffer.alloc(32), context)).rejects.toThrow(/InvalidSignatureException/);
    await expect(awsKms(place, {}).wrap(Buffer.alloc(32), context)).rejects.toThrow(/Set both variables/);
    const away = awsKms({ ...place, endpoint: "http://127.0.0.1:1/" }, fakeAccess);
    await expect(away.wrap(Buffer.alloc(32), context)).rejects.toThrow(/Check the network/);
  });
});

test("a place of keys that Loam does not know is refused before any key is asked for", () => {
  for (const key of ["", "keys.json", "vault:x", "env:A B", "aws-kms:x", "aws-kms:x?region=r&endpoint=no"])
    expect(() => keyServiceOf({ key }, scratch, {})).toThrow(/file:PATH, env:NAME/);
});
