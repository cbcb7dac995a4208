/**
 * Sets of example texts as a command names them: `label=ham` (documents of the data set whose attribute has that value), `data:OTHER` (another
 * data set), `rest` (what the other kind does not take), or a file or folder (`.jsonl`: a record a line with `text`; anything else: a text a
 * file). Of data sets only the train side is read, so that what is held out stays unseen.
 */
import { createReadStream, readdirSync, readFileSync, statSync } from "node:fs";
import { extname, join, resolve } from "node:path";
import { fileError } from "../../base/index.ts";
import { type Document, documentsOf, textLines } from "../../data/index.ts";
import type { Store } from "../../store/index.ts";
import { projectErrors } from "../errors.ts";
import type { ProjectFile } from "../project-file.ts";
import { openDataSet } from "./data-set.ts";

interface ExampleSets {
  readonly good: readonly string[];
  readonly bad: readonly string[];
}

interface ExampleSources {
  readonly project: ProjectFile;
  readonly store: Store;
  /** The data set that `label=` and `rest` speak of. */
  readonly name: string | undefined;
  /** Paths are taken from here. */
  readonly cwd: string;
}

const usage = (place: string, expected: string, received: string, hint?: string) =>
  projectErrors.fail("argument", { place: `loam data quality: ${place}`, expected, received, ...(hint ? { hint } : {}) });

/** Texts that hold a NUL byte are programs or pictures. */
const isText = (bytes: Buffer): boolean => !bytes.includes(0);

async function textsOfFile(path: string): Promise<string[]> {
  if (extname(path).toLowerCase() !== ".jsonl") {
    const bytes = readFileSync(path);
    return isText(bytes) ? [bytes.toString("utf8")] : [];
  }
  const texts: string[] = [];
  let number = 0;
  for await (const line of textLines(createReadStream(path))) {
    number++;
    if (line.trim() === "") continue;
    let text: unknown;
    try {
      text = (JSON.parse(line) as { text?: unknown } | null)?.text;
    } catch {}
    if (typeof text !== "string") throw usage(`${path}:${number}`, 'a record with a text, such as {"text": "..."}', line.slice(0, 60));
    texts.push(text);
  }
  return texts;
}

async function textsOfPath(path: string): Promise<string[]> {
  try {
    if (!statSync(path).isDirectory()) return await textsOfFile(path);
    const entries = readdirSync(path, { recursive: true, withFileTypes: true }).filter(e => e.isFile() && !e.name.startsWith("."));
    const files = entries.map(e => join(e.parentPath, e.name)).sort();
    const texts: string[] = [];
    for (const file of files) texts.push(...(await textsOfFile(file)));
    return texts;
  } catch (error) {
    throw fileError(error, path);
  }
}

/** Texts of both kinds. Errors: project/argument, project/nothing, base/missingFile. */
export async function readGoodAndBad(sets: ExampleSets, { project, store, name, cwd }: ExampleSources) {
  const loaded = new Map<string | undefined, readonly Document[]>();
  async function documents(of: string | undefined): Promise<readonly Document[]> {
    const known = loaded.get(of);
    if (known) return known;
    const { artifact } = await openDataSet(project, store, of);
    const list: Document[] = [];
    for await (const d of documentsOf(artifact, "train")) list.push(d);
    loaded.set(of, list);
    return list;
  }
  /** Documents of the data set that a kind took, for `rest`. */
  const taken = { good: new Set<string>(), bad: new Set<string>() };

  async function textsOf(kind: "good" | "bad", set: string): Promise<string[]> {
    const attribute = /^([a-z][\w-]*)=(.*)$/i.exec(set);
    if (attribute) {
      const [, key = "", value] = attribute;
      const all = await documents(name);
      const found = all.filter(d => String(d.attributes[key] ?? "") === value);
      const values = [...new Set(all.slice(0, 10_000).map(d => String(d.attributes[key] ?? "")))].filter(v => v !== "").sort();
      if (found.length === 0)
        throw usage(
          `--${kind} ${set}`,
          values.length > 0 ? `a value of ${key} (${values.slice(0, 6).join(", ")})` : "an attribute that documents have",
          `"${values.length > 0 ? value : key}"`,
        );
      for (const d of found) taken[kind].add(d.id);
      return found.map(d => d.text);
    }
    if (set.startsWith("data:")) return (await documents(set.slice("data:".length))).map(d => d.text);
    if (set === "rest") {
      const other = taken[kind === "good" ? "bad" : "good"];
      return (await documents(name)).filter(d => !other.has(d.id)).map(d => d.text);
    }
    return textsOfPath(resolve(cwd, set));
  }

  const texts = { good: [] as string[], bad: [] as string[] };
  // `rest` needs to know what the other kind took.
  const order = (["good", "bad"] as const).flatMap(kind => sets[kind].map(set => ({ kind, set })));
  for (const { kind, set } of [...order.filter(o => o.set !== "rest"), ...order.filter(o => o.set === "rest")])
    texts[kind].push(...(await textsOf(kind, set)));
  return texts;
}
