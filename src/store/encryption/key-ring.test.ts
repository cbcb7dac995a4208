import { randomBytes } from "node:crypto";
import { readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { scratchFolder } from "../scratch.laws.ts";
import { decryptBytes, encryptBytes, openKeyRing } from "./key-ring.ts";
import { codeOf } from "./key-service.laws.ts";
import { environmentKeys, fileKeys } from "./local-keys.ts";

const scratch = scratchFolder("key-ring");
const key = () => randomBytes(32).toString("base64");
let rings = 0;
const fresh = (value = `k1:${key()}`) => {
  const environment = { KEY: value };
  const folder = join(scratch, `ring${rings++}`);
  const open = () => openKeyRing(folder, environmentKeys("KEY", environment));
  return { folder, environment, open };
};

test("two processes that begin at once share one project key, and what one encrypts the other reads", async () => {
  const { open } = fresh();
  const [a, b] = [open(), open()];
  const sealed = await Promise.all([encryptBytes(a, "from a", { id: "1" }), encryptBytes(b, "from b", { id: "2" })]);
  expect(a.list()).toHaveLength(1);
  expect((await decryptBytes(b, sealed[0], { id: "1" })).toString()).toBe("from a");
  expect((await decryptBytes(a, sealed[1], { id: "2" })).toString()).toBe("from b");
});

test("rotation wraps keys again and changes no encrypted byte; afterwards the old key encryption key is not needed", async () => {
  const path = join(scratch, "rotating.json");
  const service = fileKeys(path);
  await service.create!();
  const ring = openKeyRing(join(scratch, "rotating"), service);
  const sealed = await encryptBytes(ring, "kept", { id: "a", subject: "ann@example.org" });
  const own = await encryptBytes(ring, "kept too", { id: "b" });
  const derived = await ring.derivedKey("records");
  const second = await service.create!();
  expect(await ring.rotate({ newData: true })).toBe(2);
  const file = JSON.parse(readFileSync(path, "utf8"));
  writeFileSync(path, JSON.stringify({ ...file, keys: file.keys.filter((k: { id: string }) => k.id === second) }), { mode: 0o600 });
  const again = openKeyRing(join(scratch, "rotating"), fileKeys(path));
  expect((await decryptBytes(again, sealed, { id: "a" })).toString()).toBe("kept");
  expect((await decryptBytes(again, own, { id: "b" })).toString()).toBe("kept too");
  expect((await again.derivedKey("records")).equals(derived)).toBe(true);
  expect(again.list().map(k => k.kek)).toEqual([second, second, second]);
});

test("a person's destroyed key opens nothing, in a process that had it open too; others' data and new data stay readable", async () => {
  const { open, folder } = fresh();
  const [a, b] = [open(), open()];
  const ann = await encryptBytes(a, "about ann", { id: "case/1", subject: "ann" });
  const bob = await encryptBytes(a, "about bob", { id: "case/2", subject: "bob" });
  expect((await decryptBytes(b, ann, { id: "case/1" })).toString()).toBe("about ann");
  expect(a.hasSubject("ann")).toBe(true);
  expect(await a.destroySubject("ann")).toBe(1);
  expect(await a.destroySubject("ann")).toBe(0);
  for (const ring of [a, b, open()]) expect(await codeOf(decryptBytes(ring, ann, { id: "case/1" }))).toBe("store/keyDestroyed");
  expect((await decryptBytes(b, bob, { id: "case/2" })).toString()).toBe("about bob");
  // a rotation brings nothing back
  await b.rotate();
  expect(await codeOf(decryptBytes(b, ann, { id: "case/1" }))).toBe("store/keyDestroyed");
  const later = await encryptBytes(b, "ann came again", { id: "case/3", subject: "ann" });
  expect((await decryptBytes(a, later, { id: "case/3" })).toString()).toBe("ann came again");
  // nothing in the ring's folder names a person
  for (const name of readdirSync(folder)) expect(`${name} ${readFileSync(join(folder, name), "utf8")}`).not.toMatch(/\bann\b|\bbob\b/);
});

test("a lost ring, a lost key and a wrong key are different errors", async () => {
  const { environment, folder, open } = fresh();
  const sealed = await encryptBytes(open(), "text", { id: "a" });
  const attempt = () => codeOf(decryptBytes(open(), sealed, { id: "a" }));
  const before = environment.KEY;
  environment.KEY = `k1:${key()}`;
  expect(await attempt()).toBe("store/keyWrong");
  environment.KEY = `k9:${key()}`;
  expect(await attempt()).toBe("store/keyMissing");
  environment.KEY = before;
  expect(await attempt()).toBe("no error");
  writeFileSync(join(folder, `${open().list()[0]!.id}.json`), "{");
  expect(await attempt()).toBe("store/keyMissing");
  rmSync(join(folder, "ring.json"));
  expect(() => open()).toThrow(/Restore the key ring/);
  rmSync(folder, { recursive: true });
  expect(await attempt()).toBe("store/keyMissing");
});
