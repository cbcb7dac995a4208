/**
 * Texts of a data set for people to label, and what they gave: votes in a log, and beside it the texts with the class that most gave, as JSON Lines
 * with `text` and `label` that a data set of the project reads for `loam tune`.
 */
import { writeFileAtomic } from "../../base/index.ts";
import { type Document, documentsOf } from "../../data/index.ts";
import { type ConsoleSource, serveErrors } from "../../serve/index.ts";
import type { Store } from "../../store/index.ts";
import { findDataSet } from "../data/data-set.ts";
import type { Project } from "../project.ts";
import { type LabelPart, labelledFile, votesFile } from "./label-part.ts";
import { agreementOf, appendVote, majority, newestVotes, readVotes, type Vote } from "./votes.ts";

type LabelSource = NonNullable<ConsoleSource["labels"]>;

/** Texts of a set that are labelled at most, and characters of one that a page shows. */
const mostTexts = 5_000;
const shownCharacters = 20_000;
/** Texts that a page gets at once: it asks the model about them all. */
const batchSize = 64;

interface OpenSet {
  readonly part: LabelPart;
  readonly texts: ReadonlyMap<string, string>;
  votes: Vote[];
}

export function labelSource(project: Project, store: Store): LabelSource {
  const { folder, config } = project;
  const texts = new Map<string, Promise<Map<string, string>>>();

  async function textsOf(on: string): Promise<ReadonlyMap<string, string>> {
    const found = await findDataSet(project, store, on);
    if (!found) return new Map();
    const { artifact } = found;
    const known = texts.get(artifact.id);
    if (known) return known;
    const read = (async () => {
      const all = new Map<string, string>();
      for await (const d of documentsOf(artifact, "train") as AsyncIterable<Document>) {
        all.set(d.id, d.text);
        if (all.size >= mostTexts) break;
      }
      return all;
    })();
    texts.set(artifact.id, read);
    read.catch(() => texts.delete(artifact.id));
    for (const oldest of texts.keys()) if (texts.size > 2) texts.delete(oldest);
    return read;
  }

  async function open(name: string): Promise<OpenSet | undefined> {
    const part = Object.hasOwn(config.labels, name) ? config.labels[name] : undefined;
    return part && { part, texts: await textsOf(part.on), votes: readVotes(votesFile(folder, name)) };
  }

  const stateOf = (name: string, { part, texts: all, votes }: OpenSet) => {
    const newest = newestVotes(votes);
    const decided = [...newest].filter(([id, own]) => all.has(id) && majority(own.values()) !== undefined).length;
    return {
      name,
      on: part.on,
      classes: part.classes,
      model: part.model ?? null,
      texts: all.size,
      decided,
      file: `labels/${name}/labelled.jsonl`,
      agreement: agreementOf(newest, part.classes),
    };
  };

  function writeLabelled(name: string, { texts: all, votes }: OpenSet): void {
    const lines = [...newestVotes(votes)].flatMap(([id, own]) => {
      const [text, label] = [all.get(id), majority(own.values())];
      return text === undefined || label === undefined ? [] : [`${JSON.stringify({ id, text, label })}\n`];
    });
    writeFileAtomic(labelledFile(folder, name), lines.join(""));
  }

  return {
    sets: async () => Promise.all(Object.keys(config.labels).map(async name => stateOf(name, (await open(name))!))),
    async batch(name, by) {
      const set = await open(name);
      if (!set) return undefined;
      const newest = newestVotes(set.votes);
      const open_ = [...set.texts].filter(([id]) => !newest.get(id)?.has(by));
      // what others have labelled first: agreement is of texts that several saw
      open_.sort(([a], [b]) => (newest.get(b)?.size ?? 0) - (newest.get(a)?.size ?? 0));
      const items = open_.slice(0, batchSize).map(([id, text]) => ({ id, text: text.slice(0, shownCharacters) }));
      return { ...stateOf(name, set), left: open_.length, items };
    },
    async give(name, { id, label, by }) {
      const set = await open(name);
      if (!set) return undefined;
      if (!set.texts.has(id))
        throw serveErrors.fail("parameter", { place: "id", expected: `a text of ${set.part.on}`, received: JSON.stringify(id) });
      if (label !== null && !set.part.classes.includes(label))
        throw serveErrors.fail("parameter", {
          place: "label",
          expected: `one of ${set.part.classes.join(", ")}`,
          received: JSON.stringify(label),
        });
      const vote: Vote = { id, by, label, atMs: store.clock.now() };
      appendVote(votesFile(folder, name), vote);
      set.votes.push(vote);
      writeLabelled(name, set);
      return stateOf(name, set);
    },
  };
}
