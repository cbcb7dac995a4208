/**
 * Tasks about a model's vectors: each text is embedded once, whatever it stands for, and kept under its own hash, so what was embedded before (by another task
 * too) is not asked again. Rankings are exact: every document beside every query, a tile of both at a time; there is never a matrix of all scores.
 */
import { aboutItems, roundedMs } from "../about-item.ts";
import { abilityOf, askEvaluatedModel } from "../ask-model.ts";
import { evaluateErrors } from "../errors.ts";
import type { Evaluated, EvaluateTaskOptions } from "../evaluate-task.ts";
import type { ItemResult } from "../results/item.ts";
import { openRanking } from "../retrieval/index.ts";
import { associationTest } from "../stereotype/index.ts";
import { type TaskQuestion, taskQuestions } from "../tasks/ask.ts";
import type { RetrievalCorpus } from "../tasks/corpus.ts";
import { comparedPairs } from "./compared-pairs.ts";
import { rankedResult } from "./ranked-result.ts";
import { embeddingRows, tileCosines } from "./tile.ts";
import { cosines, type Embedding, embeddingOf } from "./vectors.ts";

/** A text's vector, and what it took. */
interface Embedded extends Embedding {
  readonly ms: number;
}

/** Documents and queries of a tile: those stay in the processor's cache while these pass by; 3 MB of vectors of 384 numbers, half a MB of scores. */
const [documentsAtOnce, queriesAtOnce] = [64, 1024];
const breathe = (): Promise<void> => new Promise(resolve => setImmediate(resolve));

async function embedded(
  texts: ReadonlyMap<string, string>,
  { loaded, model, answers, progress, signal }: EvaluateTaskOptions,
): Promise<{ readonly vectors: ReadonlyMap<string, Embedded>; readonly known: number }> {
  const { task, output } = loaded.task;
  const list = [...texts.keys()];
  const vectors = new Map<string, Embedded>();
  let size: number | undefined;
  const known = await askEvaluatedModel(
    abilityOf(model, "embed", output),
    {
      task,
      kind: "embed",
      requests: list.map(text => ({ text })),
      placeOf: i => texts.get(list[i]!)!,
      noun: "texts",
    },
    { answers, progress, signal },
    (i, { vector, ms }) => {
      const place = `${task}: ${texts.get(list[i]!)}`;
      size ??= vector.length;
      if (vector.length !== size)
        throw evaluateErrors.fail("score", {
          place,
          expected: `a vector of ${size} numbers, as of the other texts`,
          received: String(vector.length),
        });
      const own = embeddingOf(vector);
      if (!own)
        throw evaluateErrors.fail("score", {
          place,
          expected: "a vector with a direction",
          received: `${size} zeros`,
          hint: "The model tells nothing of this text.",
        });
      vectors.set(list[i]!, { ...own, ms });
    },
  );
  return { vectors, known };
}

/** The texts of a task, each with the place of the first that has it. */
function textsOf(
  asked: readonly TaskQuestion[],
  corpus: RetrievalCorpus | undefined,
  otherOf: (a: TaskQuestion) => string | undefined,
): Map<string, string> {
  const texts = new Map<string, string>();
  const add = (text: string | undefined, place: string) => {
    if (text !== undefined && !texts.has(text)) texts.set(text, place);
  };
  for (const a of asked) {
    add(a.context, a.item.place);
    add(otherOf(a), a.item.place);
  }
  for (const d of corpus?.documents ?? []) add(d.text, d.place);
  return texts;
}

/** Every query's ranking, others having their turn after each tile. Errors: the signal's reason. */
async function rankings(
  asked: readonly TaskQuestion[],
  corpus: RetrievalCorpus,
  vectors: ReadonlyMap<string, Embedded>,
  { loaded, progress, signal }: EvaluateTaskOptions,
): Promise<ReturnType<typeof rankedResult>[]> {
  const documents = corpus.documents.map(d => vectors.get(d.text)!);
  const results: ReturnType<typeof rankedResult>[] = [];
  for (let at = 0; at < asked.length; at += queriesAtOnce) {
    const block = asked.slice(at, at + queriesAtOnce).map(a => ({ id: a.item.id, vector: vectors.get(a.context)! }));
    const open = block.map(({ id, vector }) =>
      openRanking(corpus.gains.get(id)!, d => cosines(vector, [documents[d]!])[0]!, corpus.skipped.get(id)),
    );
    const queries = embeddingRows(block.map(q => q.vector));
    for (let first = 0; first < documents.length; first += documentsAtOnce) {
      const tile = embeddingRows(documents.slice(first, first + documentsAtOnce));
      const across = tile.lengths.length;
      const scores = new Float64Array(queries.lengths.length * across);
      tileCosines(queries, tile, scores);
      for (const [q, ranking] of open.entries()) ranking.take(first, scores, q * across, tile.count);
      await breathe();
      signal?.throwIfAborted();
      progress?.({
        stage: "eval",
        done: (at + (block.length * first) / documents.length) / asked.length,
        message: `${loaded.task.task}: ${asked.length} queries beside ${documents.length} documents`,
      });
    }
    results.push(...open.map(o => rankedResult(corpus, o.ranking())));
  }
  return results;
}

/** Attribute texts of a target's test. */
const attributesOf = ({ item }: TaskQuestion): readonly (readonly string[])[] => [
  item.fields.first as string[],
  item.fields.second as string[],
];

/** Targets beside the attributes of their test. */
async function evaluateAssociations(o: EvaluateTaskOptions): Promise<Evaluated> {
  const asked = taskQuestions(o.loaded);
  const about = aboutItems(o.loaded, asked);
  const began = performance.now();
  const texts = textsOf(asked, undefined, () => undefined);
  for (const a of asked) for (const text of attributesOf(a).flat()) if (!texts.has(text)) texts.set(text, a.item.place);
  const { vectors, known } = await embedded(texts, o);
  const values = asked.map(a => {
    const [first, second] = attributesOf(a).map(list => {
      const near = cosines(
        vectors.get(a.context)!,
        list.map(t => vectors.get(t)!),
      );
      return near.reduce((s, x) => s + x, 0) / near.length;
    });
    return first! - second!;
  });
  const sideOf = (a: TaskQuestion): 0 | 1 => (a.item.fields.side === 0 ? 0 : 1);
  const tests = new Map<string, [number[], number[]]>();
  for (const [i, a] of asked.entries()) {
    const own = tests.get(a.stereotype!.type!) ?? [[], []];
    own[sideOf(a)].push(values[i]!);
    tests.set(a.stereotype!.type!, own);
  }
  const p = new Map([...tests].map(([test, sides]) => [test, associationTest(...sides, test).p]));
  const items = asked.map(
    (a, i): ItemResult => ({
      ...about[i]!,
      ms: roundedMs(vectors.get(a.context)!.ms),
      right: "",
      came: values[i]!.toFixed(4),
      stereotype: a.stereotype!,
      association: { value: values[i]!, side: sideOf(a), p: p.get(a.stereotype!.type!)! },
    }),
  );
  return { items, known, ms: performance.now() - began };
}

/** Errors: as of `evaluateTask`; evaluate/score for vectors of different sizes, and for one without a direction. */
export async function evaluateEmbedding(o: EvaluateTaskOptions): Promise<Evaluated> {
  const { loaded, change } = o;
  if (loaded.task.output === "weat") return evaluateAssociations(o);
  const { corpus } = loaded;
  const asked = taskQuestions(loaded, change);
  // what stands before everything stands before both texts of a pair
  const otherOf = (a: TaskQuestion) => a.pair && a.context.slice(0, a.context.length - a.prompt.length) + a.pair.to;
  const about = aboutItems(loaded, asked);
  const began = performance.now();
  const { vectors, known } = await embedded(textsOf(asked, corpus, otherOf), o);
  const ms = (a: TaskQuestion) => roundedMs(vectors.get(a.context)!.ms + (a.pair ? vectors.get(otherOf(a)!)!.ms : 0));
  const results = corpus
    ? await rankings(asked, corpus, vectors, o)
    : comparedPairs(asked.map(a => ({ cosine: cosines(vectors.get(a.context)!, [vectors.get(otherOf(a)!)!])[0]!, score: a.pair!.score })));
  const items = asked.map((a, i): ItemResult => ({ ...about[i]!, ms: ms(a), ...results[i]! }));
  return { items, known, ms: performance.now() - began };
}
