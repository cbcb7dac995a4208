/**
 * The tutorials as a reader follows them: every `sh` block of a page in order, in one shell in an empty folder; a block whose first line names a file
 * (`# gateway.yaml`) is written there. A `text` block after a command is output that must come, numbers aside. Only trainings are made shorter.
 */
import { spawn } from "node:child_process";
import { chmodSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { program, root } from "./support/child.ts";
import { temporaryFolder } from "./support/project.ts";

const folder = join(root, "docs", "tutorials");

interface Block {
  readonly language: string;
  readonly text: string;
}

const blocksOf = (page: string): Block[] => [...page.matchAll(/^```(\w+)\n([\s\S]*?)^```$/gm)].map(m => ({ language: m[1]!, text: m[2]! }));

const freePort = () =>
  new Promise<number>(resolve => {
    const server = createServer().listen(0, "127.0.0.1", () => {
      const address = server.address();
      server.close(() => resolve(typeof address === "object" && address ? address.port : 0));
    });
  });

const marker = (n: number): string => `@@ block ${n} @@`;
const plain = (text: string): string => text.replace(/\d+(?:[.,]\d+)*/g, "N").replace(/\s+/g, " ");
const short = `sed -i 's/tokens: 240k/tokens: 20k/; s/width: 96/width: 48/' loam.yaml`;

/** One script of a page: its files and its commands, each command block behind a marker. */
function scriptOf(blocks: readonly Block[]): string {
  const parts = blocks.map(({ language, text }, n) => {
    if (language === "sh") return `echo '${marker(n)}'\n${text}`;
    const file = /^(?:#|\/\/) (\S+\.\w+)\n/.exec(text)?.[1];
    if (language === "text" || file === undefined) return "";
    return `cat > ${file} <<'END_OF_FILE'\n${text}END_OF_FILE\n`;
  });
  return `set -e\n${parts.join("\n")}`.replace(/^cd letters$/m, `cd letters\n${short}`);
}

async function follow(
  page: string,
): Promise<{ readonly blocks: readonly Block[]; readonly output: readonly string[]; readonly code: number | null }> {
  const blocks = blocksOf(page);
  const cwd = temporaryFolder("tutorial");
  const bin = join(cwd, ".bin");
  mkdirSync(bin);
  writeFileSync(join(bin, "npx"), `#!/bin/sh\nshift\nexec "${process.execPath}" "${program}" "$@"\n`);
  chmodSync(join(bin, "npx"), 0o755);
  let script = scriptOf(blocks);
  for (const port of ["8080", "8090", "4000", "5000"])
    if (script.includes(port)) script = script.replaceAll(port, String(await freePort()));
  const env = { ...process.env, PATH: `${bin}:${process.env.PATH}`, NO_COLOR: "1" };
  // job control, so that `kill %1` and the group's end work
  const child = spawn("bash", ["-m", "-c", script], { cwd, env, detached: true, stdio: ["ignore", "pipe", "pipe"] });
  onTestFinished(() => {
    try {
      process.kill(-child.pid!, "SIGKILL");
    } catch {}
  });
  let all = "";
  child.stdout.setEncoding("utf8").on("data", chunk => (all += chunk));
  child.stderr.setEncoding("utf8").on("data", chunk => (all += chunk));
  const code = await new Promise<number | null>(resolve => child.on("exit", resolve));
  const output = blocks.map((_, n) => all.split(marker(n))[1]?.split("@@ block ")[0] ?? "");
  if (code !== 0) output.push(all);
  return { blocks, output, code };
}

test.each(readdirSync(folder).filter(f => f.endsWith(".md")))("%s: every command runs, and what the page shows comes", async name => {
  const { blocks, output, code } = await follow(readFileSync(join(folder, name), "utf8"));
  expect(code, output.at(-1)).toBe(0);
  for (const [n, { language, text }] of blocks.entries()) {
    if (language !== "text") continue;
    for (const line of text.split("\n").filter(l => l.trim() !== "")) {
      // a status alone is exact
      if (/^\d+$/.test(line)) expect(output[n - 1]!.split("\n")).toContain(line);
      else expect(plain(output[n - 1]!)).toContain(plain(line).trim());
    }
  }
});
