import { mkdirSync, mkdtempSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { sha256 } from "../../base/index.ts";
import { FileHashes, modelFolderIdentity, pathBelow } from "./need-identity.ts";

const folder = mkdtempSync(join(tmpdir(), "loam-needs-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

test("a hash is the content's, and what is remembered is believed only while size and time are the same", async () => {
  const [file, memory] = [join(folder, "words.txt"), join(folder, "memory.json")];
  writeFileSync(file, "old text");
  utimesSync(file, 1000, 1000);
  expect(await new FileHashes(memory).of(file)).toBe(sha256("old text"));
  writeFileSync(file, "new text");
  utimesSync(file, 1000, 1000);
  // The same size and time: this is the shortcut at work.
  expect(await new FileHashes(memory).of(file)).toBe(sha256("old text"));
  utimesSync(file, 2000, 2000);
  expect(await new FileHashes(memory).of(file)).toBe(sha256("new text"));
  writeFileSync(memory, "{ no json");
  expect(await new FileHashes(memory).of(file)).toBe(sha256("new text"));
});

test("a file that changed just now is hashed again, whatever was remembered", async () => {
  const [file, memory] = [join(folder, "fresh.txt"), join(folder, "fresh.json")];
  writeFileSync(file, "aaaa");
  const now = new Date();
  utimesSync(file, now, now);
  const hashes = new FileHashes(memory);
  expect(await hashes.of(file)).toBe(sha256("aaaa"));
  writeFileSync(file, "bbbb");
  utimesSync(file, now, now);
  expect(await hashes.of(file)).toBe(sha256("bbbb"));
});

test("paths that lead out of the project are refused, whatever way they are written", () => {
  for (const bad of ["../x", "a/../../x", "/etc/passwd", "..\\x", "C:\\x", "..", ".", "", "a\0b"])
    expect(() => pathBelow(folder, bad), bad).toThrow("a path below the project's folder");
  for (const good of ["x", "a/../b", "./lists/urls.txt", "..x/y"]) expect(pathBelow(folder, good).startsWith(folder)).toBe(true);
});

test("a model folder's identity follows its weights, configuration and pooling, and nothing else", async () => {
  const model = join(folder, "encoder");
  const write = (name: string, text: string) => {
    mkdirSync(join(model, "1_Pooling"), { recursive: true });
    writeFileSync(join(model, name), text);
  };
  const identity = () => modelFolderIdentity(model, new FileHashes());
  for (const name of ["config.json", "tokenizer.json", "1_Pooling/config.json", "model.safetensors"]) write(name, name);
  const first = await identity();
  write("README.md", "words about it");
  expect(await identity()).toBe(first);
  for (const name of ["config.json", "tokenizer.json", "1_Pooling/config.json", "model.safetensors"]) {
    write(name, "other");
    expect(await identity(), name).not.toBe(first);
    write(name, name);
  }
  expect(await identity()).toBe(first);
  await expect(modelFolderIdentity(join(folder, "none"), new FileHashes())).rejects.toThrow("a folder with config.json");
});
