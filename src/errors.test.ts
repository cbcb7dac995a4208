import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { type ErrorRow, type ErrorTable, exitCodes } from "./base/index.ts";

const source = fileURLToPath(new URL(".", import.meta.url));
const isTable = (v: unknown): v is ErrorTable<string> => typeof v === "object" && v !== null && "room" in v && "rows" in v && "fail" in v;

async function tables(): Promise<ErrorTable<string>[]> {
  const files = readdirSync(source, { recursive: true, encoding: "utf8" }).filter(f => /(^|[\\/])errors\.ts$/.test(f));
  const modules = await Promise.all(files.map(f => import(join(source, f)) as Promise<Record<string, unknown>>));
  return modules.flatMap(m => Object.values(m).filter(isTable));
}

/** Cells of a Markdown table's row, whatever its padding. */
const cells = (line: string): string[] =>
  line
    .split(/(?<!\\)\|/)
    .slice(1, -1)
    .map(c => c.trim());

test("docs/errors.md has every code with its status, exit code and meaning, and no other (`npm run docs` writes it)", async () => {
  const page = readFileSync(join(source, "..", "docs", "errors.md"), "utf8");
  const documented = page.split("\n").filter(line => line.startsWith("| `"));
  const row = (code: string, { status, exit, meaning }: ErrorRow) => [
    `\`${code}\``,
    String(status),
    String(exitCodes[exit]),
    meaning.replaceAll("|", "\\|"),
  ];
  const declared = (await tables()).flatMap(t => Object.entries(t.rows).map(([code, r]) => row(`${t.room}/${code}`, r)));
  expect(documented.map(cells).sort()).toEqual(declared.sort());
});

test("a room has one table of errors, and a code stands in one table", async () => {
  const rooms = (await tables()).map(t => t.room);
  expect(rooms).toEqual([...new Set(rooms)]);
});

test("a meaning is one sentence, and a status and an exit code agree on whose fault it is", async () => {
  for (const { room, rows } of await tables())
    for (const [code, { status, exit, meaning }] of Object.entries(rows)) {
      expect(meaning, `${room}/${code}`).toMatch(/^\S.{10,}\.$/);
      expect(status, `${room}/${code}`).toBeGreaterThanOrEqual(400);
      expect(status, `${room}/${code}`).toBeLessThan(600);
      // what the user wrote wrongly is never the server's failure
      if (exit === "usage") expect(status, `${room}/${code}`).toBeLessThan(500);
    }
});
