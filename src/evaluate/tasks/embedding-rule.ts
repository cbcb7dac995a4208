/** The keys of tasks about vectors: what is searched and what answers, two texts and how alike they are, and what ranks without a model. */
import { z } from "zod";

const text = z.string().min(1);

/** Of retrieval: what the prompt searches, and what answers it. */
export const retrievalRule = z.strictObject({
  /** The split whose items are the documents. */
  documents: text,
  /** What is read of a document: a field or template; `title` (where there is one) and `text` where absent. */
  text: text.optional(),
  /** The field that names a document. */
  id: text.default("_id"),
  /** The field of a query that names what answers it: an id, a list of them, or what each is worth by its id. */
  relevant: text.optional(),
  /** The split that says so instead, in each item a query, a document, and what finding it is worth. */
  judgements: text.optional(),
  /** A document with the query's own id is no candidate. */
  skipOwn: z.boolean().default(false),
});
export type RetrievalRule = z.output<typeof retrievalRule>;

/** Of similarity: the text beside the prompt, a field or template. */
export const similarityRule = z.strictObject({ to: text });

/** What ranks documents without a model. Adding a way is a row of `baselines/ranking`. */
export const rankRule = z.strictObject({
  rank: z.enum(["bm25"]),
  /** How soon a word that comes again counts no more. */
  k1: z.number().nonnegative().default(1.2),
  /** How much a document's length counts, from 0 to 1. */
  b: z.number().min(0).max(1).default(0.75),
});
export type RankRule = z.output<typeof rankRule>;

interface EmbeddingComplaint {
  readonly path: readonly string[];
  readonly message: string;
  readonly input?: unknown;
}

interface Keys {
  readonly output: string;
  readonly data: Readonly<Record<string, unknown>>;
  readonly id?: string | undefined;
  readonly retrieval?: RetrievalRule | undefined;
  readonly similarity?: object | undefined;
  readonly fewShot?: object | undefined;
  readonly chat: boolean;
  readonly baselines?: Readonly<Record<string, unknown>> | undefined;
}

const isRanking = (rule: unknown): boolean => typeof rule === "object" && rule !== null && "rank" in rule;

/** What only tasks about vectors have, and what they cannot have. */
export function embeddingComplaints(t: Keys): EmbeddingComplaint[] {
  const { retrieval: r, output, data } = t;
  const found: EmbeddingComplaint[] = [];
  const complain = (message: string, path: readonly string[], input?: unknown) => void found.push({ path, message, input });
  if (output === "retrieval" && !r) complain("retrieval.documents: the split that is searched", ["retrieval"]);
  if (output !== "retrieval" && r) complain("the output retrieval, whose documents are searched", ["retrieval"]);
  if (output === "similarity" && !t.similarity) complain("similarity.to: the text beside the prompt", ["similarity"]);
  if (output !== "similarity" && t.similarity) complain("the output similarity, of two texts", ["similarity"]);
  if (r) {
    if ((r.relevant === undefined) === (r.judgements === undefined))
      complain("one of `relevant`, a field of the query with what answers it, and `judgements`, a split that says so", ["retrieval"]);
    for (const key of ["documents", "judgements"] as const)
      if (r[key] !== undefined && !Object.hasOwn(data, r[key]))
        complain(`one of the splits of data: ${Object.keys(data).join(", ")}`, ["retrieval", key], r[key]);
    if (t.id === undefined && (r.judgements !== undefined || r.skipOwn)) complain("the field that names a query", ["id"]);
  }
  if (output === "retrieval" || output === "similarity") {
    if (t.fewShot) complain("an output that is written or scored: vectors take no examples", ["fewShot"]);
    if (t.chat) complain("an output that is written or scored: vectors take no turns", ["chat"], true);
  }
  for (const [name, rule] of Object.entries(t.baselines ?? {}))
    if (isRanking(rule) !== (output === "retrieval"))
      complain(isRanking(rule) ? "the output retrieval, whose documents are ranked" : "{ rank: bm25 }: documents are ranked", [
        "baselines",
        name,
      ]);
  return found;
}
