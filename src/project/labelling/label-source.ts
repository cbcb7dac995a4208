/**
 * Texts of a data set for people to label, and what they gave: votes in a log, and beside it the texts with the class that most gave, as JSON Lines
 * with `text` and `label` that a data set of the project reads for `loam tune`. Where a classifier is asked, what it is least sure of comes first.
 */
import { statSync } from "node:fs";
import { isLoamError, privateFileMode, writeFileAtomic } from "../../base/index.ts";
import { type AskedClassifier, type ConsoleSource, type LabelGiven, serveErrors } from "../../serve/index.ts";
import type { Store } from "../../store/index.ts";
import type { ProjectFile } from "../project-file.ts";
import { checkGiven } from "./given-value.ts";
import { labelledFile, votesFile } from "./label-files.ts";
import type { LabelPart } from "./label-part.ts";
import { type LabelPool, type PooledText, poolReader } from "./pool.ts";
import { marginOf, poolOrder } from "./pool-order.ts";
import { PoolScores } from "./pool-scores.ts";
import {
  type Agreement,
  agreementOf,
  alphaOf,
  appendVote,
  isErasedPerson,
  majority,
  newestDecisions,
  newestVotes,
  personKey,
  personOfKey,
  readVotes,
  type Vote,
  valuesOfKey,
  votesInKind,
} from "./votes.ts";

/** Characters of a text that a page shows, and the model is asked about. */
const shownCharacters = 20_000;
/** Texts that a page gets at once; fewer while the model is being asked about the rest, so that the order is soon a better one. */
const roundTexts = { settled: 64, underWay: 16 } as const;

interface OpenSet {
  readonly part: LabelPart;
  readonly pool: LabelPool;
  votes: Vote[];
}

/** Gives `use` the version that a name means now. */
export type AskModel = <T>(model: string, signal: AbortSignal, use: (classifier: AskedClassifier) => Promise<T>) => Promise<T>;

/** An entry of `labels:`, and how much of it is labelled. */
export interface LabelledSet {
  readonly name: string;
  /** The data set whose texts are labelled. */
  readonly on: string;
  readonly classes: readonly string[];
  /** What a person gives a text: one class, several, or ranges of characters (UTF-16 code units). */
  readonly kind: LabelPart["kind"];
  /** The classifier that is asked which texts come first. */
  readonly model: string | null;
  readonly texts: number;
  /** Texts that most people gave the same, or that were decided where they differ. */
  readonly decided: number;
  /** Texts on which people differ, without a decision. */
  readonly disagreements: number;
  /** The texts with their classes, as JSON Lines that a data set reads. */
  readonly file: string;
  readonly agreement: Agreement;
}

export interface LabelBatch extends LabelledSet {
  /** Texts that the person has not labelled. */
  readonly left: number;
  readonly items: readonly { readonly id: string; readonly text: string; readonly guess: Readonly<Record<string, number>> | null }[];
  /** How far the classifier has been asked; null where none is. */
  readonly asked: {
    readonly version: string | null;
    readonly failure: string | null;
    readonly of: number;
    readonly texts: number;
  } | null;
}

/** What somebody gave, in the form of the set's kind. */
export type ShownValue = string | readonly string[] | readonly { readonly start: number; readonly end: number; readonly label: string }[];

export interface GivenBy {
  readonly by: string;
  /** `by` is an account that the server has checked; false: a name that somebody typed. */
  readonly isVerified: boolean;
  readonly label: ShownValue;
}

export interface LabelDisagreements extends LabelledSet {
  /** Who may decide; null: everybody who may label. */
  readonly adjudicators: readonly string[] | null;
  /** The open ones first; some at once. */
  readonly items: readonly {
    readonly id: string;
    readonly text: string;
    readonly votes: readonly GivenBy[];
    readonly decision: GivenBy | null;
  }[];
}

export interface ProjectLabels extends NonNullable<ConsoleSource["labels"]> {
  sets(): Promise<LabelledSet[]>;
  batch(name: string, by: string, isVerified?: boolean): Promise<LabelBatch | undefined>;
  give(name: string, given: LabelGiven): Promise<LabelledSet | undefined>;
  disagreements(name: string): Promise<LabelDisagreements | undefined>;
  /** Asks no model any more. */
  close(): Promise<void>;
}

/** Of a model that is not served: how it comes to be. */
const unserved = (model: string) => (error: unknown) => {
  if (!isLoamError(error, "serve/unknownModel")) throw error;
  const hint = `Until then texts come as they were drawn: \`loam tune ${model}\` makes it of the labels, \`loam serve ${model}\` serves it.`;
  throw serveErrors.fail("unknownModel", { ...error.problem, hint }, error);
};

/** Without `ask` no model is asked, and texts come as they were drawn. */
export function labelSource(project: ProjectFile, store: Store, ask?: AskModel): ProjectLabels {
  const { folder, config } = project;
  const poolOf = poolReader(project, store);
  const scores = new Map<string, PoolScores>();

  function scoresOf(name: string, { model }: LabelPart): PoolScores | undefined {
    if (!ask || model === undefined) return undefined;
    const known =
      scores.get(name) ??
      new PoolScores({ ask: (signal, use) => ask(model, signal, use).catch(unserved(model)), now: () => store.clock.monotonic() });
    scores.set(name, known);
    return known;
  }

  async function open(name: string): Promise<OpenSet | undefined> {
    const part = Object.hasOwn(config.labels, name) ? config.labels[name] : undefined;
    return part && { part, pool: await poolOf(part.on), votes: votesInKind(readVotes(votesFile(folder, name)), part.kind) };
  }

  const textOf = ({ text }: PooledText): string => text.slice(0, shownCharacters);

  const stateOf = (name: string, { part, pool: { texts: all }, votes }: OpenSet): LabelledSet => {
    const newest = newestVotes(votes);
    const decisions = newestDecisions(votes);
    const known = [...newest].filter(([id]) => all.has(id));
    const decided = known.filter(([id, own]) => decisions.has(id) || majority(own.values()) !== undefined).length;
    const disagreements = known.filter(([id, own]) => !decisions.has(id) && new Set(own.values()).size > 1).length;
    return {
      name,
      on: part.on,
      classes: part.classes,
      kind: part.kind,
      model: part.model ?? null,
      texts: all.size,
      decided,
      disagreements,
      file: `labels/${name}/labelled.jsonl`,
      agreement:
        part.kind === "one"
          ? agreementOf(newest, part.classes)
          : alphaOf(newest, part.classes, part.kind === "spans" ? id => all.get(id)?.text.length ?? 0 : undefined),
    };
  };

  const shownValue = ({ kind }: LabelPart, key: string): ShownValue => {
    if (kind === "one") return key;
    const values = valuesOfKey(key);
    return kind === "several"
      ? values.filter(v => typeof v === "string")
      : values
          .filter(v => typeof v !== "string")
          .map(([start, end, label]) => ({ start, end, label }))
          .sort((a, b) => a.start - b.start || a.end - b.end);
  };

  /** The field of a labelled text that holds what was given. */
  const field = { one: "label", several: "labels", spans: "spans" } as const;

  function writeLabelled(name: string, { part, pool, votes }: OpenSet): void {
    const decisions = newestDecisions(votes);
    const newest = newestVotes(votes);
    const ids = new Set([...newest.keys(), ...decisions.keys()]);
    const lines = [...ids].flatMap(id => {
      const [found, key] = [pool.texts.get(id), decisions.get(id)?.key ?? majority(newest.get(id)?.values() ?? [])];
      // the document's own attributes too, so that a label finds its row again; a class that was there before gives way
      return found === undefined || key === undefined
        ? []
        : [`${JSON.stringify({ ...found.attributes, id, text: found.text, [field[part.kind]]: shownValue(part, key) })}\n`];
    });
    writeFileAtomic(labelledFile(folder, name), lines.join(""), { mode: privateFileMode });
  }

  return {
    sets: async () => Promise.all(Object.keys(config.labels).map(async name => stateOf(name, (await open(name))!))),
    revision: () =>
      JSON.stringify(Object.keys(config.labels).map(name => statSync(votesFile(folder, name), { throwIfNoEntry: false })?.size ?? 0)),
    async batch(name, by, isVerified) {
      const set = await open(name);
      if (!set) return undefined;
      const newest = newestVotes(set.votes);
      const votesOf = (id: string): number => newest.get(id)?.size ?? 0;
      const all = [...set.pool.texts.values()];
      const unlabelled = all.filter(t => votesOf(t.id) === 0);
      const known = scoresOf(name, set.part);
      await known?.look({ id: set.pool.id, texts: unlabelled.map(t => ({ id: t.id, text: textOf(t) })) });
      // whose name was erased may be who asks: such a text is not asked for twice
      const isDone = (own: ReadonlyMap<string, string> | undefined) =>
        own !== undefined && (own.has(personKey(by, isVerified)) || [...own.keys()].some(isErasedPerson));
      const open_ = all.filter(t => !isDone(newest.get(t.id)));
      const ordered = poolOrder(
        open_,
        all.filter(t => votesOf(t.id) > 0),
        {
          votesOf,
          marginOf: id => {
            const own = known?.of(id);
            return own && marginOf(Object.values(own));
          },
        },
      );
      const asked = known && {
        version: known.version,
        failure: known.failure,
        of: unlabelled.length,
        texts: unlabelled.filter(t => known.of(t.id)).length,
      };
      const isSettled = !asked || asked.texts === asked.of || !known.isUnderWay;
      const items = ordered
        .slice(0, isSettled ? roundTexts.settled : roundTexts.underWay)
        .map(t => ({ id: t.id, text: textOf(t), guess: known?.of(t.id) ?? null }));
      return { ...stateOf(name, set), left: open_.length, items, asked: asked ?? null };
    },
    async disagreements(name) {
      const set = await open(name);
      if (!set) return undefined;
      const decisions = newestDecisions(set.votes);
      const items = [...newestVotes(set.votes)].flatMap(([id, own]) => {
        const [found, decision] = [set.pool.texts.get(id), decisions.get(id)];
        if (found === undefined || new Set(own.values()).size < 2) return [];
        const votes = [...own].map(([person, key]) => ({ ...personOfKey(person), label: shownValue(set.part, key) }));
        return [
          {
            id,
            text: textOf(found),
            votes,
            decision: decision ? { by: decision.by, isVerified: decision.isVerified, label: shownValue(set.part, decision.key) } : null,
          },
        ];
      });
      items.sort((a, b) => Number(a.decision !== null) - Number(b.decision !== null));
      return { ...stateOf(name, set), adjudicators: set.part.adjudicators ?? null, items: items.slice(0, roundTexts.settled) };
    },
    async give(name, { id, label, by, isVerified = false, adjudicated }) {
      const set = await open(name);
      if (!set) return undefined;
      const text = set.pool.texts.get(id)?.text;
      if (text === undefined)
        throw serveErrors.fail("parameter", { place: "id", expected: `a text of ${set.part.on}`, received: JSON.stringify(id) });
      checkGiven(set.part, label, text);
      const { adjudicators } = set.part;
      if (adjudicated && adjudicators && !adjudicators.includes(by))
        throw serveErrors.fail("parameter", {
          place: "by",
          expected: `one of the adjudicators ${adjudicators.join(", ")}`,
          received: JSON.stringify(by),
        });
      const vote: Vote = { id, by, isVerified, label, ...(adjudicated ? { adjudicated } : {}), atMs: store.clock.now() };
      appendVote(votesFile(folder, name), vote);
      set.votes.push(vote);
      writeLabelled(name, set);
      return stateOf(name, set);
    },
    async close() {
      await Promise.all([...scores.values()].map(s => s.close()));
    },
  };
}
