/** `loam gc` where several project files have one record: what any of them needs stays, and where that cannot be known nothing goes. */
import { cpSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { isLoamError, sha256 } from "../base/index.ts";
import { listArtifacts, openStore } from "../store/index.ts";
import { createOutput } from "./output.ts";
import type { Options, VerbRun } from "./verb.ts";
import { dataRun } from "./verbs/data-run.ts";
import { gc } from "./verbs/gc.ts";

const scratch = mkdtempSync(join(tmpdir(), "loam-gc-shared-"));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

interface Told {
  readonly projects: readonly { readonly folder: string; readonly known: string }[];
  readonly artifacts: readonly { readonly kind: string }[];
}
async function told(folder: string, verb: VerbRun, args: string[] = [], options: Options = {}): Promise<Told> {
  const json: string[] = [];
  const sink = (list: string[]) => ({ write: (piece: string) => list.push(piece) > 0 }) as unknown as NodeJS.WritableStream;
  const out = createOutput(true, { out: sink(json), err: sink([]) });
  await verb({ out, cwd: folder, signal: new AbortController().signal }, args, options);
  return JSON.parse(json.join("").trim().split("\n").at(-1)!) as Told;
}

const shared = "store: { records: sqlite:../record.db, blobs: folder:../blobs }\n";
/** A project of one data set of its name. */
function project(home: string, name: string, store = shared): string {
  const folder = join(scratch, home, name);
  mkdirSync(join(folder, "texts"), { recursive: true });
  const lines = Array.from({ length: 20 }, (_, i) => `"${name} says its ${i}th thing of many",${i}`);
  writeFileSync(join(folder, "texts", "t.csv"), `text,n\n${lines.join("\n")}\n`);
  writeFileSync(
    join(folder, "loam.yaml"),
    `${store}data:\n  ${name}: { source: { folder: texts, reader: csv }, steps: [clean, { length: { minWords: 1 } }], split: { near: { shortWords: 0 } } }\ntokenizer: { vocab: 300, from: ${name} }\nmodels: {}\n`,
  );
  return folder;
}
/** Documents of the record whose files are kept. */
async function documents(folder: string): Promise<number> {
  const store = await openStore({ root: folder, records: "sqlite:../record.db", blobs: "folder:../blobs" });
  try {
    return (await listArtifacts(store, { kind: "documents" })).filter(a => a.releasedMs === null).length;
  } finally {
    await store.close();
  }
}
const codeOf = (promise: Promise<unknown>): Promise<string> =>
  promise.then(
    () => "no error",
    e => (isLoamError(e) ? e.code : String(e)),
  );

test("of two files on this machine gc keeps what either needs, and names the other; one that is gone, or has a record of its own by now, no longer counts", async () => {
  const [a, b] = [project("two", "ann"), project("two", "bob")];
  await told(a, dataRun, ["ann"]);
  await told(b, dataRun, ["bob"]);
  expect((await told(a, gc)).projects).toMatchObject([{ folder: b, known: "read" }]);
  await told(a, gc, [], { apply: true });
  await told(b, gc, [], { apply: true });
  expect(await documents(a)).toBe(2);
  const file = readFileSync(join(b, "loam.yaml"), "utf8");
  writeFileSync(join(b, "loam.yaml"), file.replace(shared, ""));
  const dry = await told(a, gc);
  expect([dry.projects, dry.artifacts.map(x => x.kind)]).toMatchObject([[], expect.arrayContaining(["documents"])]);
  writeFileSync(join(b, "loam.yaml"), file);
  await told(b, gc);
  expect((await told(a, gc)).projects).toHaveLength(1);
  rmSync(b, { recursive: true });
  expect((await told(a, gc)).projects).toMatchObject([{ folder: b, known: "gone" }]);
  expect((await told(a, gc, [], { apply: true })).projects).toMatchObject([{ folder: b, known: "gone" }]);
  expect(await documents(a)).toBe(1);
  expect((await told(a, gc)).projects).toEqual([]);
});

test("a file that cannot be read here stops gc from removing anything, unless it is the same text or is let go", async () => {
  const [a, b] = [project("far", "ann"), project("far", "bob")];
  await told(a, dataRun, ["ann"]);
  await told(b, dataRun, ["bob"]);
  // as another machine's: the folder is not here, and its host another
  renameSync(b, `${b}-elsewhere`);
  const set = async (row: { host?: string; file?: string }) => {
    const store = await openStore({ root: a, records: "sqlite:../record.db", blobs: "folder:../blobs" });
    await store.records.write(t => t.updateTable("projects").set(row).where("folder", "=", b).execute());
    await store.close();
  };
  await set({ host: "vega" });
  expect((await told(a, gc)).projects).toMatchObject([{ host: "vega", folder: b, known: "no" }]);
  expect(await codeOf(told(a, gc, [], { apply: true }))).toBe("project/shared");
  expect(await codeOf(told(a, gc, [], { apply: true, forgetAfter: "1" }))).toBe("project/shared");
  expect(await documents(a)).toBe(2);
  // a checkout of the very same file needs what this one needs
  const bobs = sha256(readFileSync(join(`${b}-elsewhere`, "loam.yaml")));
  await set({ file: sha256(readFileSync(join(a, "loam.yaml"))) });
  expect((await told(a, gc)).projects).toMatchObject([{ known: "same" }]);
  await set({ file: bobs });
  const copy = join(scratch, "far", "copy");
  cpSync(a, copy, { recursive: true, filter: from => !from.endsWith(".loam") });
  expect((await told(copy, gc)).projects.map(p => p.known).sort()).toEqual(["no", "read"]);
  rmSync(copy, { recursive: true });
  expect((await told(a, gc, [], { apply: true, forgetAfter: "0" })).projects).toMatchObject([{ folder: copy, known: "gone" }]);
  expect(await documents(a)).toBe(1);
  expect((await told(a, gc, [], { apply: true })).projects).toEqual([]);
});
