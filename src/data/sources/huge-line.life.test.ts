/**
 * A real file of one huge line (on the disk it takes no room: it is full of holes) through the readers that stream, in little memory.
 * Those of one record a file refuse it by its size; see bad-input.life.test.ts.
 */
import { closeSync, ftruncateSync, mkdtempSync, openSync, rmSync, statSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect } from "vitest";
import { deepTest } from "../../../test/support/deep.ts";
import { type ManifestEntry, sourceFile } from "./file.ts";
import { hashFiles } from "./hashes.ts";
import { sourceOptions } from "./options.ts";
import { readers } from "./readers.ts";
import type { ReadRecord } from "./source.ts";

const folder = mkdtempSync(join(tmpdir(), "loam-huge-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** More than the readers may hold (below): who keeps the line fails. */
const size = 2 ** 30;
const head = {
  ".jsonl": '{"text":"first"}\n',
  ".csv": "text\nfirst\n",
  ".mbox": "From a\nSubject: s\n\nfirst\n\nFrom b\nSubject: s\n\n",
} as const;
const tail = { ".jsonl": '\n{"text":"last"}\n', ".csv": "\nlast\n", ".mbox": "\n\nFrom c\nSubject: s\n\nlast\n" } as const;
const endings = { email: ".mbox", jsonl: ".jsonl", csv: ".csv" } as const;

async function huge(ending: string): Promise<ManifestEntry> {
  const name = `x${ending}`;
  const file = openSync(join(folder, name), "w");
  writeSync(file, head[ending as keyof typeof head] ?? "");
  ftruncateSync(file, size);
  writeSync(file, tail[ending as keyof typeof tail] ?? "", size);
  closeSync(file);
  expect(statSync(join(folder, name)).size).toBeGreaterThanOrEqual(size);
  return (await hashFiles(folder, [name], {}))[0]!;
}

deepTest("readers of many records set a line of 1 GB aside, read what stands around it, and hold 400 MB at most", async () => {
  const before = process.memoryUsage.rss();
  let highest = 0;
  const watch = setInterval(() => {
    highest = Math.max(highest, process.memoryUsage.rss());
  }, 20);
  for (const reader of ["email", "jsonl", "csv", "warc"] as const) {
    const ending = endings[reader as keyof typeof endings] ?? readers[reader].extensions[0]!;
    const options = sourceOptions.parse({ folder: ".", reader });
    const entry = await huge(ending);
    const records: ReadRecord[] = [];
    for await (const r of readers[reader].records(sourceFile(folder, entry), options)) records.push(r);
    expect(
      records.some(r => !r.ok),
      reader,
    ).toBe(true);
    expect(
      records.filter(r => r.ok).map(r => r.ok && r.text.trim().split("\n").at(-1)),
      reader,
    ).toEqual(reader in endings ? ["first", "last"] : []);
    rmSync(join(folder, entry.path));
  }
  clearInterval(watch);
  expect(highest - before).toBeLessThan(400 * 2 ** 20);
});
