/**
 * Which items of a task a model has seen in training. Data sets say so where their recipe has the step `decontaminate` with the very file of the task (by its
 * SHA-256), or with a set that the task names: those that the model was made from, found by lineage, and where one of them was never searched, another of the
 * record that holds the same texts (`marked-since.ts`). What only a tokenizer was made of was not learnt. A model without lineage has no answer.
 */
import { type Cleanness, cleannessOf, type EvaluatedModel, evaluateErrors, type LoadedTask, markKey } from "../../evaluate/index.ts";
import { type ArtifactReader, openArtifact, type Store, type TraceNode, traceArtifact } from "../../store/index.ts";
import { marksOf, type SearchedSet, searchedSets } from "./data-marks.ts";
import { markedSince } from "./marked-since.ts";

/** What was held beside what. */
export interface ContaminationCheck {
  /** The data set in whose recipe the set is. */
  readonly data: string;
  readonly set: string;
  readonly file: string;
  /** The set's file is the task's, byte by byte. */
  readonly isSameFile: boolean;
  /** What became of documents that hold an item. */
  readonly action: string;
  /** The model's own data set, never searched itself: all that it trains on stands in `data`, word for word. */
  readonly of?: string;
}

export interface SeenItems {
  readonly checks: readonly ContaminationCheck[];
  /** Data sets that the model was trained on and nobody searched for the items: none of the others is called clean. */
  readonly unchecked: readonly string[];
  /** In the order of the task's items. */
  readonly cleanness: readonly Cleanness[];
}

/** The data sets whose texts a model was trained on. */
async function trainedOn(store: Store, model: string): Promise<TraceNode[]> {
  const { subject, nodes, edges } = await traceArtifact(store, model, { first: 0 });
  const byId = new Map(nodes.map(n => [n.id, n]));
  const reached = new Set(subject.artifacts);
  for (const id of reached)
    for (const { from, to, sameContent } of edges) if (to === id && !sameContent && byId.get(from)?.kind !== "tokenizer") reached.add(from);
  return nodes.filter(n => reached.has(n.id) && n.kind === "documents" && n.stage === "data");
}

/** Undefined where no data set of the model's was checked against the task's items. Errors: evaluate/task for a set that is none. */
export async function seenItems(store: Store, model: EvaluatedModel, loaded: LoadedTask): Promise<SeenItems | undefined> {
  const named = loaded.task.contamination?.set;
  const isMeant = (set: SearchedSet): boolean => (named === undefined ? set.digest === loaded.fileDigest : set.name === named);
  const checks: ContaminationCheck[] = [];
  const marks: ReadonlyMap<string, string>[] = [];
  const keys: { readonly name: string; readonly id?: string | undefined }[] = [];
  const known: string[] = [];
  const unchecked: string[] = [];
  const nodes = model.artifact === undefined ? [] : await trainedOn(store, model.artifact);
  for (const node of nodes) {
    const sets = searchedSets(node.options);
    known.push(...sets.map(s => s.name));
    const own = sets.filter(isMeant);
    const found: { readonly data: ArtifactReader; readonly sets: readonly SearchedSet[]; readonly held?: ReadonlySet<string> } | undefined =
      own.length > 0 ? { data: await openArtifact(store, node.id), sets: own } : await markedSince(store, node.id, isMeant);
    if (!found) {
      unchecked.push(node.id);
      continue;
    }
    for (const set of found.sets) {
      marks.push(await marksOf(found.data, found.held));
      keys.push({ name: set.name, id: loaded.task.contamination?.id ?? set.id });
      const { name, file, action, digest } = set;
      const isSameFile = digest === loaded.fileDigest;
      checks.push({ data: found.data.id, set: name, file, isSameFile, action, ...(found.held ? { of: node.id } : {}) });
    }
  }
  if (checks.length === 0) {
    if (named === undefined) return undefined;
    throw evaluateErrors.fail("task", {
      place: `${loaded.task.task}: contamination.set`,
      expected: known.length
        ? `a set that the data of ${model.id} was checked against: ${[...new Set(known)].join(", ")}`
        : `a model whose data was made with the step decontaminate`,
      received: `"${named}"`,
      hint: "Leave `contamination` out where the data was not checked; docs/data-decontamination.md shows how it is.",
    });
  }
  return {
    checks,
    unchecked,
    // data that nobody searched has no mark of any item
    cleanness: loaded.items.map(item =>
      cleannessOf([...keys.map((key, i) => marks[i]!.get(markKey(item, key))), ...unchecked.map(() => undefined)]),
    ),
  };
}
