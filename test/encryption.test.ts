/** A project that is encrypted from its first run: no byte of a text reaches its folder; and one that was begun in the clear. */
import { randomBytes } from "node:crypto";
import { existsSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, onTestFinished, test, vi } from "vitest";
import { sha256 } from "../src/base/index.ts";
import { letters } from "../src/project/init/letters.ts";
import { memoryFolder } from "../src/store/index.ts";
import { jsonLines, loam, loamProcess, root } from "./support/child.ts";
import { deepTest } from "./support/deep.ts";
import { followPage } from "./support/page-session.ts";
import { temporaryFolder, toyProject, toyYaml } from "./support/project.ts";

const planted = "The heron nested twice beside Aldermoor weir.";
const encrypted = 'store: { encrypt: { key: "env:LOAM_TEST_KEY" } }\n';

/** Files under a folder, but the sources, that hold the planted words. */
const holding = (folder: string): string[] =>
  readdirSync(folder, { recursive: true, encoding: "utf8" }).filter(name => {
    const path = join(folder, name);
    return !name.startsWith("texts") && statSync(path).isFile() && /heron nested|Aldermoor/.test(readFileSync(path, "latin1"));
  });

const memory = (): boolean => {
  try {
    return memoryFolder() !== "";
  } catch {
    return false;
  }
};
const reason = process.platform === "linux" && memory() ? "" : " (skipped: no file system in memory)";

/** A toy whose every letter holds the sentence. */
function project(more: string): string {
  const texts = letters(60, "toy").map(text => `${text}\n${planted}\n`);
  const folder = toyProject({ texts, more, tokens: 4_000 });
  onTestFinished(() =>
    rmSync(join(memoryFolder(), `loam-${process.getuid!()}`, sha256(folder).slice(0, 16)), { recursive: true, force: true }),
  );
  return folder;
}

test.skipIf(reason !== "")(
  `no byte of a text is in an encrypted project after its pipeline, and everything works on it${reason}`,
  async () => {
    vi.stubEnv("LOAM_TEST_KEY", `k1:${randomBytes(32).toString("base64")}`);
    const cwd = project(encrypted);
    const run = async (...args: string[]) => {
      const ended = await loam(args, { cwd });
      expect(ended.code, ended.stderr).toBe(0);
      return ended;
    };
    await run("run");
    expect(holding(cwd)).toEqual([]);
    expect(readdirSync(join(cwd, ".loam", "blobs"), { recursive: true, encoding: "utf8" }).some(name => name.endsWith(".sealed"))).toBe(
      true,
    );
    expect(jsonLines((await run("trace", "--verify", "--json")).stdout).at(-1)).toMatchObject({ findings: [] });
    expect((await run("data", "export", "letters", "--to", "out", "--format", "jsonl")).code).toBe(0);
    expect(readFileSync(join(cwd, "out", readdirSync(join(cwd, "out")).find(n => n.includes("train"))!), "utf8")).toContain("heron nested");
    rmSync(join(cwd, "out"), { recursive: true });
    // nothing is made again under a new key, and the old one is not needed then
    const old = process.env.LOAM_TEST_KEY!;
    vi.stubEnv("LOAM_TEST_KEY", `k2:${randomBytes(32).toString("base64")},${old}`);
    await run("keys", "rotate", "--new-data-key");
    vi.stubEnv("LOAM_TEST_KEY", process.env.LOAM_TEST_KEY!.split(",")[0]!);
    await run("keys", "check");
    await run("run");
    // the lost key
    vi.stubEnv("LOAM_TEST_KEY", `k2:${randomBytes(32).toString("base64")}`);
    const lost = await loam(["trace", "toy@latest"], { cwd });
    expect(lost.code).toBe(3);
    expect(lost.stderr).toMatch(/expected the key "k2"/);
  },
  240_000,
);

test.skipIf(reason !== "")(
  `a project begun in the clear says so, is encrypted by one command, and runs on${reason}`,
  async () => {
    vi.stubEnv("LOAM_TEST_KEY", `k1:${randomBytes(32).toString("base64")}`);
    const cwd = project("");
    // a process of its own: libsql keeps a closed database open until its statements are collected
    expect((await loamProcess(["data", "run"], { cwd })).code).toBe(0);
    expect(holding(cwd)).not.toEqual([]);
    writeFileSync(join(cwd, "loam.yaml"), toyYaml({ tokens: 4_000, more: encrypted }));
    const refused = await loam(["data", "run"], { cwd });
    expect(refused.stderr).toContain("loam keys encrypt");
    const done = await loam(["keys", "encrypt", "--json"], { cwd });
    expect(done.code, done.stderr).toBe(0);
    expect(JSON.parse(done.stdout)).toMatchObject({ database: true });
    expect(holding(cwd)).toEqual([]);
    expect((await loam(["data", "run"], { cwd })).code).toBe(0);
    expect(holding(cwd)).toEqual([]);
    expect(existsSync(join(cwd, ".loam", "kept"))).toBe(false);
  },
  240_000,
);

(reason === "" ? deepTest : test.skip)(`docs/encryption.md: every command runs, and nothing is left in the clear${reason}`, async () => {
  const cwd = project("");
  const shell = await followPage(readFileSync(join(root, "docs/encryption.md"), "utf8"), {
    cwd,
    parts: ["loam.yaml"],
    env: { HOME: temporaryFolder("home") },
  });
  expect(holding(cwd)).toEqual([]);
  // those of its sentences
  for (const command of ["create", "rotate", "rotate --new-data-key", "check", "encrypt"]) await shell.run(`loam keys ${command}`);
});
