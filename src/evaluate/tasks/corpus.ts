/**
 * The documents that a retrieval task searches, and which of them answer each query: by a field of the query, or by judgements in a file of their own, as
 * BEIR (`corpus.jsonl`, `qrels/test.tsv`) and TREC have them. All are held in memory.
 */
import { defined, hashOf, nearest, showValue } from "../../base/index.ts";
import { evaluateErrors } from "../errors.ts";
import { itemTextReader } from "./ask.ts";
import type { RetrievalRule } from "./embedding-rule.ts";
import type { TaskFileItem } from "./items.ts";

export interface CorpusDocument {
  readonly id: string;
  readonly text: string;
  /** File and line. */
  readonly place: string;
}

/** Document's number -> what finding it is worth, above 0. */
type Gains = ReadonlyMap<number, number>;

export interface RetrievalCorpus {
  readonly documents: readonly CorpusDocument[];
  /** By the query's id; a query that nothing answers is not there. */
  readonly gains: ReadonlyMap<string, Gains>;
  /** Numbers of the documents that are no candidates, by the query's id. */
  readonly skipped: ReadonlyMap<string, number>;
  readonly digest: string;
}

interface Query extends TaskFileItem {
  readonly id: string;
}

const bad = (place: string, expected: string, received: string, hint?: string) =>
  evaluateErrors.fail("data", { place, expected, received, ...defined({ hint }) });

const isName = (value: unknown): value is string | number => typeof value === "string" || typeof value === "number";

/** A field of an item. Errors: evaluate/data with the nearest one there. */
function fieldOf({ fields, place }: TaskFileItem, name: string, key: string): unknown {
  if (Object.hasOwn(fields, name)) return fields[name];
  const near = nearest(name, Object.keys(fields));
  throw bad(
    place,
    `the field "${name}" (${key})`,
    Object.keys(fields).slice(0, 20).join(", "),
    near === undefined ? `${key} names the field.` : `Did you mean "${near}"?`,
  );
}

/** As BEIR reads a document: its title, where there is one, before its text. */
function titled(item: TaskFileItem): string {
  const text = fieldOf(item, "text", "retrieval.text");
  const { title } = item.fields;
  if (typeof text !== "string") throw bad(`${item.place}: text`, "a text", showValue(text));
  return typeof title === "string" && title !== "" ? `${title} ${text}` : text;
}

function documentsOf(
  items: readonly (TaskFileItem & { readonly number: number; readonly id: string })[],
  rule: RetrievalRule,
): CorpusDocument[] {
  const read = rule.text === undefined ? titled : itemTextReader(rule.text, "retrieval.text");
  const seen = new Map<string, string>();
  return items.map(item => {
    const id = fieldOf(item, rule.id, "retrieval.id");
    if (!isName(id)) throw bad(`${item.place}: ${rule.id}`, "a text or number that names the document", showValue(id));
    const before = seen.get(String(id));
    if (before !== undefined) throw bad(item.place, `a "${rule.id}" of its own`, `"${id}", as at ${before}`);
    seen.set(String(id), item.place);
    const text = read(item);
    if (text.trim() === "") throw bad(item.place, "a document with text", "none", "Leave it out of the corpus.");
    return { id: String(id), text, place: item.place };
  });
}

/** A worth as it is read; undefined where there is none to be found. */
function worthOf(value: unknown, place: string): number {
  const worth = typeof value === "string" && value.trim() !== "" ? Number(value) : value;
  if (typeof worth === "number" && Number.isFinite(worth)) return worth;
  throw bad(place, "what finding the document is worth, a number", showValue(value));
}

/** What a query's own field says: an id, a list of ids, an object of ids and worths, or one of these as JSON. */
function namedIn(value: unknown, isDocument: (id: string) => boolean, place: string): [id: string, worth: number][] {
  if (isName(value)) {
    const text = String(value);
    if (!isDocument(text) && /^\s*[[{]/.test(text))
      try {
        return namedIn(JSON.parse(text), isDocument, place);
      } catch (error) {
        if (!(error instanceof SyntaxError)) throw error;
      }
    return [[text, 1]];
  }
  if (Array.isArray(value) && value.every(isName)) return value.map(id => [String(id), 1]);
  if (typeof value === "object" && value !== null && !Array.isArray(value))
    return Object.entries(value).map(([id, worth]) => [id, worthOf(worth, `${place}.${id}`)]);
  throw bad(place, 'ids of documents: "d1", ["d1", "d2"], or {"d1": 2, "d2": 1}', showValue(value));
}

/** The names under which judgements are found: BEIR's, and those of other collections. */
const judgementFields = {
  query: ["query-id", "query_id", "qid"],
  document: ["corpus-id", "corpus_id", "docid", "doc_id"],
  worth: ["score", "relevance", "rel"],
} as const;

function judged(item: TaskFileItem, what: keyof typeof judgementFields): unknown {
  const names: readonly string[] = judgementFields[what];
  const name = names.find(n => Object.hasOwn(item.fields, n));
  if (name !== undefined) return item.fields[name];
  throw bad(item.place, `one of the fields ${names.join(", ")}`, Object.keys(item.fields).slice(0, 20).join(", "));
}

/** Judgements by query, each with its place. */
function judgementsOf(items: readonly TaskFileItem[]): Map<string, [id: string, worth: number, place: string][]> {
  const lists = new Map<string, [string, number, string][]>();
  for (const item of items) {
    const [query, document] = [judged(item, "query"), judged(item, "document")];
    if (!isName(query) || !isName(document)) throw bad(item.place, "ids of a query and a document", showValue([query, document]));
    const entry: [string, number, string] = [String(document), worthOf(judged(item, "worth"), item.place), item.place];
    const list = lists.get(String(query));
    if (list) list.push(entry);
    else lists.set(String(query), [entry]);
  }
  return lists;
}

/**
 * `read` gives the items of a split. Errors: evaluate/data with file and line for a document without id or text, an id twice, a document that is named and not
 * there; evaluate/empty where nothing answers any query.
 */
export async function corpusOf(
  rule: RetrievalRule,
  queries: readonly Query[],
  read: (split: string) => Promise<readonly (TaskFileItem & { readonly number: number; readonly id: string })[]>,
): Promise<RetrievalCorpus> {
  const documents = documentsOf(await read(rule.documents), rule);
  const numbers = new Map(documents.map((d, i) => [d.id, i]));
  const judgements = rule.judgements === undefined ? undefined : judgementsOf(await read(rule.judgements));
  const said = (q: Query): readonly (readonly [id: string, worth: number, place: string])[] => {
    if (judgements) return judgements.get(q.id) ?? [];
    const place = `${q.place}: ${rule.relevant}`;
    const value = fieldOf(q, rule.relevant!, "retrieval.relevant");
    return namedIn(value, id => numbers.has(id), place).map(([id, worth]) => [id, worth, place] as const);
  };
  const gains = new Map<string, Gains>();
  const skipped = new Map<string, number>();
  for (const q of queries) {
    const own = new Map<number, number>();
    const self = rule.skipOwn ? numbers.get(q.id) : undefined;
    if (self !== undefined) skipped.set(q.id, self);
    for (const [id, worth, place] of said(q)) {
      const number = numbers.get(id);
      if (number === undefined) {
        const near = documents.length > 10_000 ? undefined : nearest(id, [...numbers.keys()]);
        throw bad(place, "the id of a document", `"${id}"`, near === undefined ? undefined : `Did you mean "${near}"?`);
      }
      if (worth > 0 && number !== self) own.set(number, worth);
    }
    if (own.size > 0) gains.set(q.id, own);
  }
  if (gains.size === 0)
    throw evaluateErrors.fail("empty", {
      place: `retrieval.${judgements ? "judgements" : "relevant"}`,
      expected: "a query that a document answers",
      received: `none of ${queries.length}`,
      ...(judgements ? { hint: "`id` names the field by which judgements call a query." } : {}),
    });
  return {
    documents,
    gains,
    skipped,
    digest: hashOf({ documents: documents.map(d => [d.id, d.text]), gains: [...gains].map(([id, g]) => [id, [...g]]), skip: rule.skipOwn }),
  };
}
