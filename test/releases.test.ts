/**
 * Releases as a user does them: keys, signatures, marks, cards and differences from the command line, approvals that are signed, and a weight file that
 * somebody changed, refused by its name where it would be served.
 */
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { jsonLines, loam, start } from "./support/child.ts";
import { temporaryFolder, toyYaml } from "./support/project.ts";
import { toyModelFolder } from "./support/toy-model.ts";

/** A project with two versions of `mail`, and what runs in it. */
async function project(releases: string) {
  const cwd = temporaryFolder("releases");
  const run = async (...args: string[]) => {
    const { code, stdout, stderr } = await loam([...args, "--json"], { cwd });
    return { code, stderr, result: jsonLines(stdout).at(-1) as Record<string, unknown> };
  };
  mkdirSync(join(cwd, "keys"));
  for (const name of ["release", "ann", "bob"]) expect((await run("models", "keygen", `keys/${name}`)).code).toBe(0);
  writeFileSync(join(cwd, "loam.yaml"), toyYaml({ more: `releases:\n${releases}` }));
  for (const seed of [3, 4]) {
    const { code, stderr } = await run("models", "import", await toyModelFolder(seed), "--name", "mail");
    expect(code, stderr).toBe(0);
  }
  return { cwd, run };
}

/** The file of a blob, wherever the record's folder has it. */
function blobFile(cwd: string, digest: string): string {
  const all = readdirSync(cwd, { recursive: true, encoding: "utf8" }).filter(f => f.replaceAll(/[\\/]/g, "").includes(digest));
  const file = all.map(f => join(cwd, f)).find(f => statSync(f).isFile());
  if (!file) throw new Error(`no blob ${digest}`);
  return file;
}

test("keys, signatures, tags, notes, cards, differences and the archive, each as a command", async () => {
  const { cwd, run } = await project("  prod: { signedBy: [keys/release.pub] }\n");
  expect(statSync(join(cwd, "keys/release")).mode & 0o777).toBe(0o600);
  expect((await run("models", "keygen", "keys/release")).result).toMatchObject({ error: { code: "project/exists" } });
  expect((await run("models", "tag", "mail@2", "team=letters")).result).toMatchObject({ tag: "team", value: "letters", changed: true });
  expect((await run("models", "note", "mail@2", "it reads better", "--as", "ann")).result).toMatchObject({ by: "ann" });

  const unsigned = await run("models", "promote", "mail@2", "prod");
  expect([unsigned.code, unsigned.result]).toMatchObject([1, { error: { code: "registry/refused" } }]);
  expect(unsigned.result).toMatchObject({
    alias: "prod",
    release: null,
    verdict: { passed: false, gates: [{ kind: "signature", gate: "signed", passed: false, outcome: "failed" }] },
  });
  expect((await run("models", "verify", "mail@2", "--key", "keys/release.pub")).result).toMatchObject({
    error: { code: "registry/signature" },
  });
  const signed = await run("models", "sign", "mail@2", "--key", "keys/release", "--as", "ann");
  expect(signed.result).toMatchObject({ signature: { by: "ann", isValid: true } });
  expect((await run("models", "sign", "mail@2", "--key", "keys/release.pub")).result).toMatchObject({ error: { code: "registry/key" } });
  const { fingerprint } = signed.result.signature as { fingerprint: string };
  expect((await run("models", "verify", "mail@2", "--key", "keys/release.pub")).result).toMatchObject({ trusted: fingerprint });
  expect((await run("models", "promote", "mail@2", "prod", "--as", "carol")).result).toMatchObject({ release: { number: 2, by: "carol" } });

  const card = await run("models", "show", "mail@2", "--card", "CARD.md");
  expect(card.result).toMatchObject({
    aliases: ["latest", "prod"],
    tags: { team: "letters" },
    notes: [{ by: "ann", text: "it reads better" }],
    signatures: [{ fingerprint, isValid: true }],
  });
  const text = readFileSync(join(cwd, "CARD.md"), "utf8");
  for (const part of ["# mail@2", "it reads better", `${fingerprint} (ann): valid`, card.result.digest as string])
    expect(text).toContain(part);

  const diff = (await run("models", "diff", "mail@1", "mail@2")).result as { sameContent: boolean; files: { path: string }[] };
  expect([diff.sameContent, diff.files.map(f => f.path)]).toEqual([false, ["model.safetensors"]]);
  expect((await run("models", "archive", "mail@2")).result).toMatchObject({ error: { code: "registry/inUse" } });
  expect((await run("models", "archive", "mail@1")).result).toMatchObject({ archived: true, changed: true });
  expect((await run("models", "promote", "mail@1", "staging")).result).toMatchObject({ error: { code: "registry/refused" } });

  // an alias that was given by mistake goes, one that a release guards stays, and so does one that is none
  expect((await run("models", "promote", "mail@2", "oops")).result).toMatchObject({ release: { number: 2 } });
  const gone = await run("models", "unalias", "mail", "oops", "--as", "ann", "--reason", "a slip");
  expect(gone.result).toMatchObject({ kind: "remove", alias: "oops", number: null, previous: 2, by: "ann", reason: "a slip" });
  expect((await run("models", "show", "mail@2")).result).toMatchObject({ aliases: ["latest", "prod"] });
  expect((await run("models", "unalias", "mail", "oops")).result).toMatchObject({ error: { code: "store/notFound" } });
  expect((await run("models", "unalias", "mail", "prod")).result).toMatchObject({ error: { code: "store/guarded" } });
  expect((await run("models", "show", "mail@prod")).result).toMatchObject({ version: 2 });

  writeFileSync(join(cwd, "loam.yaml"), toyYaml({ more: "releases:\n  prod: { signedBy: [keys/release.pub, keys/none.pub] }\n" }));
  const { error } = (await run("models", "show", "mail@2")).result as { error: { place: string } };
  expect(error.place).toMatch(/^loam\.yaml: releases\.prod\.signedBy: .*none\.pub$/);
});

test("two people approve with their keys; a name alone and one person twice are not enough", async () => {
  const { run } = await project("  prod:\n    approvals: [{ role: reviewer, count: 2, keys: { ann: keys/ann.pub, bob: keys/bob.pub } }]\n");
  const approve = (...more: string[]) => run("models", "approve", "mail@2", "--for", "prod", "--role", "reviewer", ...more);
  expect((await approve("--as", "ann")).result).toMatchObject({ error: { code: "registry/role", received: "an unsigned one" } });
  expect((await approve("--key", "keys/release")).result).toMatchObject({ error: { code: "registry/role" } });
  expect((await approve("--key", "keys/ann")).result).toMatchObject({ changed: true, approvals: [{ by: "ann" }] });
  expect((await approve("--key", "keys/ann", "--as", "bob")).result).toMatchObject({ changed: false });
  const once = await run("models", "promote", "mail@2", "prod");
  expect(once.stderr).toContain("1 of 2: ann (signed)");
  expect((await approve("--key", "keys/bob")).result).toMatchObject({ changed: true });
  expect((await run("models", "promote", "mail@2", "prod")).result).toMatchObject({ verdict: { passed: true }, release: { number: 2 } });
});

test("a weight file that was changed is refused by loam serve, by the version's and the file's name, and so is verify", async () => {
  const { cwd, run } = await project("  staging: {}\n");
  const served = start(["serve", "mail@2", "--port", "0", "--json"], { cwd });
  await served.says(/"event":"serving"/);
  served.kill("SIGTERM");
  expect((await served.ended).code).toBe(0);
  const files = (await run("models", "show", "mail@2")).result.files as readonly { name: string; digest: string }[];
  const weights = files.find(f => f.name === "model.safetensors")!;
  const path = blobFile(cwd, weights.digest);
  const bytes = readFileSync(path);
  const at = bytes.length - 100;
  bytes[at] = bytes[at]! ^ 1;
  writeFileSync(path, bytes);
  const refused = await loam(["serve", "mail@2", "--port", "0", "--json"], { cwd });
  expect(refused.code).not.toBe(0);
  const said = `${refused.stdout}${refused.stderr}`;
  expect(said).toContain("mail@2: model.safetensors");
  expect(said).toContain(weights.digest);
  expect(said).not.toContain('"event":"serving"');
  const verified = await run("models", "verify", "mail@2");
  expect([verified.code, verified.result]).toMatchObject([1, { error: { code: "registry/tampered", place: "mail@2: model.safetensors" } }]);
  const packed = await run("models", "pack", "mail@2", "--out", "mail.tar");
  expect([packed.result, existsSync(join(cwd, "mail.tar"))]).toMatchObject([
    { error: { code: "registry/tampered", place: "mail@2: model.safetensors" } },
    false,
  ]);
  // no alias is moved to what is not loaded, and what a program reads is one document, that of a promotion with the error beside it
  expect((await run("models", "promote", "mail@1", "staging")).code).toBe(0);
  for (const [command, code] of [
    [["models", "promote", "mail@2", "staging"], 1],
    [["models", "promote", "mail@2", "staging", "--dry-run"], 1],
    [["models", "promote", "mail@2", "free"], 1],
  ] as const) {
    const { stdout, ...ended } = await loam([...command, "--json"], { cwd });
    expect(ended.code).toBe(code);
    expect(JSON.parse(stdout)).toMatchObject({
      model: "mail",
      version: 2,
      verdict: { passed: true, gates: [] },
      release: null,
      error: { code: "registry/tampered", place: "mail@2: model.safetensors" },
    });
  }
  const told = await run("models", "gates", "mail@2");
  expect(told.result).toMatchObject({
    gates: [{ alias: "staging", holder: 1, verdict: { passed: false, gates: [{ kind: "files", passed: false }] } }],
  });
  expect(told.stderr).toContain("mail@2: model.safetensors");
  expect((await run("models", "show", "mail@1")).result).toMatchObject({ aliases: ["staging"] });
  expect((await run("models", "show", "mail@2")).result).toMatchObject({ aliases: ["latest"] });
  // the other version is not touched by it
  expect((await run("models", "verify", "mail@1")).code).toBe(0);
});
