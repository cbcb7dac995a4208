/** The program of docs/monitors.md as it stands, on minutes of a service that begins to fail. */
import { execFile } from "node:child_process";
import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { transform } from "esbuild";
import { expect, test } from "vitest";
import { root } from "./support/child.ts";
import { temporaryFolder } from "./support/project.ts";
import { codeBlocks } from "./support/shell-lines.ts";

/** Quiet minutes, and an hour in which a fifth of the requests fails. */
const minutes = `
const minutes = Array.from({ length: 400 }, (_, i) => ({
  startMs: Date.UTC(2026, 0, 5) + i * 60_000,
  numbers: {},
  shares: { errors: { count: i >= 340 ? 20 : i % 2, of: 100 } },
}));
`;

test("the program reports an alarm while requests fail", async () => {
  const [program] = codeBlocks(readFileSync(join(root, "docs/monitors.md"), "utf8")).filter(b => b.language === "ts");
  const folder = temporaryFolder("monitors");
  mkdirSync(join(folder, "node_modules"));
  symlinkSync(root, join(folder, "node_modules", "loam"), "junction");
  const { code } = await transform(`${minutes}${program!.text}`, { loader: "ts", target: "node22" });
  writeFileSync(join(folder, "monitors.mjs"), code);
  const { stdout } = await promisify(execFile)(process.execPath, ["monitors.mjs"], { cwd: folder });
  expect(stdout).toMatch(/^raised service error-burst \[/);
});
