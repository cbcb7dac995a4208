/**
 * Everything that a project holds of a person, as one document (GDPR Articles 15 and 20): where, since when, for which purpose, and the contents. A person is
 * the value of a document's attribute (`subject`), and the owner of requests, files and acts (`user:NAME`). Places that are not searched are named.
 */
import { type Document, readDocuments } from "../../data/index.ts";
import { listActs, listModels, recordAct, type ShownAct, type Store } from "../../store/index.ts";
import { findDataSet } from "../data/data-set.ts";
import { type ModelWith, whereabouts } from "../data/whereabouts.ts";
import { namedVotes, votesOf } from "../labelling/erase-votes.ts";
import { votesFiles } from "../labelling/label-files.ts";
import type { ShownValue } from "../labelling/label-source.ts";
import { thisUser } from "../person.ts";
import { feedbackOfOwner, type RequestSample, samplesOfOwner } from "../watching/index.ts";
import type { Workspace } from "../workspace.ts";
import { filesOfOwner, type OwnedFile } from "./served-files.ts";

export interface SubjectOptions {
  /** Attribute of documents that names their person. Default: `subject`. */
  readonly attribute?: string | undefined;
}

export interface SubjectDocument {
  readonly set: string;
  readonly id: string;
  readonly artifact: string;
  readonly side: "train" | "held-out" | "dropped";
  readonly source: string;
  readonly text: string;
  readonly attributes: Document["attributes"];
  /** Attribute `purpose` of the document. */
  readonly purpose: string | null;
  /** Attribute `consent` of the document. */
  readonly consent: string | null;
  readonly since: string;
  readonly trainedOnIt: readonly ModelWith[];
}

/** A label that the person gave to a text, or a decision. */
export interface SubjectVote {
  /** Entry of `labels:`. */
  readonly labels: string;
  readonly id: string;
  /** Null: it was taken back. */
  readonly label: ShownValue | null;
  readonly at: string;
}

export interface SubjectData {
  readonly subject: string;
  readonly at: string;
  readonly documents: readonly SubjectDocument[];
  /** Requests that are remembered for feedback, labelled or not. */
  readonly feedback: number;
  /** Redacted examples of requests that monitoring kept. */
  readonly samples: readonly RequestSample[];
  readonly files: readonly OwnedFile[];
  /** Label votes and decisions under the person's name. */
  readonly votes: readonly SubjectVote[];
  readonly acts: readonly ShownAct[];
  /** Objects are encrypted with a key of this person. */
  readonly hasKey: boolean;
  /** Model versions trained on the documents. */
  readonly models: readonly string[];
  /** Places that were not searched, each with why and what to do. */
  readonly notSearched: readonly string[];
}

/** Places that no call looks into. */
const notSearched = [
  "The gateway's state (usage, journal, review cases, cached responses) is not listed by `loam data subject`; `loam data forget --everywhere` names each place there.",
  "Sources (files, tables, buckets), exported folders and images: they are not Loam's to change.",
  "Backups and copies of the project.",
];

/** The last time that has a date. */
const latestMs = 8.64e15;

const sides = ["train", "held-out", "dropped"] as const;
const textOf = (value: Document["attributes"][string] | undefined): string | null => (typeof value === "string" ? value : null);

/** Documents of one data set whose attribute names the person. */
async function* documentsOf(at: Workspace, store: Store, set: string, subject: string, attribute: string): AsyncGenerator<SubjectDocument> {
  const found = await findDataSet(at.file, store, set);
  if (!found) return;
  const { artifact } = found;
  const row = await store.records.read.selectFrom("artifacts").select("created_ms").where("id", "=", artifact.id).executeTakeFirst();
  const since = new Date(row?.created_ms ?? 0).toISOString();
  for (const side of sides) {
    const file = `${side}.jsonl`;
    if (!artifact.files.some(f => f.name === file)) continue;
    for await (const document of readDocuments(artifact.stream(file), { place: `${artifact.id}/${file}`, onBad: () => {} })) {
      const named = document.attributes[attribute];
      if (named !== subject && !(Array.isArray(named) && named.includes(subject))) continue;
      const { id, source, text, attributes } = document;
      yield {
        set,
        id,
        artifact: artifact.id,
        side,
        source,
        text,
        attributes,
        purpose: textOf(attributes.purpose),
        consent: textOf(attributes.consent),
        since,
        trainedOnIt: (await whereabouts(store, id)).trainedOnIt,
      };
    }
  }
}

/** Everything that is held of a person. Changes nothing and writes no act. Errors: those of the store. */
export async function gatherSubject(at: Workspace, subject: string, { attribute = "subject" }: SubjectOptions = {}): Promise<SubjectData> {
  const store = await at.store();
  const documents: SubjectDocument[] = [];
  for (const set of Object.keys(at.file.config.data))
    for await (const document of documentsOf(at, store, set, subject, attribute)) documents.push(document);
  const artifacts = new Set(documents.flatMap(d => d.trainedOnIt.map(m => m.artifact)));
  const versions = (await listModels(store)).flatMap(m =>
    m.versions.flatMap(v => (artifacts.has(v.artifact) ? [`${m.model}@${v.number}`] : [])),
  );
  const acts = new Map(
    [
      ...(await listActs(store.records.read, { who: subject, most: 10_000 })),
      ...(await listActs(store.records.read, { on: subject, most: 10_000 })),
    ].map(act => [act.id, act]),
  );
  return {
    subject,
    at: new Date(store.clock.now()).toISOString(),
    documents,
    feedback: await feedbackOfOwner(store, subject),
    samples: await samplesOfOwner(store, subject),
    files: filesOfOwner(at.folder, subject),
    votes: votesFiles(at.folder).flatMap(({ name, path }) =>
      namedVotes(path, votesOf(subject)).map(({ id, label, atMs }) => ({
        labels: name,
        id,
        label,
        at: new Date(Math.min(Math.max(atMs, 0), latestMs)).toISOString(),
      })),
    ),
    acts: [...acts.values()],
    hasKey: store.ring?.hasSubject(subject) ?? false,
    models: versions,
    notSearched,
  };
}

/**
 * Everything that is held of a person, for whoever asks: an act `access` says who read it. None is written where nothing is held, so that a person
 * who was erased is not named again, nor in a record that is only read. Errors: those of the store.
 */
export async function subjectData(at: Workspace, subject: string, options: SubjectOptions = {}): Promise<SubjectData> {
  const store = await at.store();
  const data = await gatherSubject(at, subject, options);
  const held = data.documents.length + data.feedback + data.samples.length + data.files.length + data.votes.length + data.acts.length;
  if (held > 0 && !store.isReadOnly)
    await recordAct(store, {
      kind: "access",
      who: thisUser(),
      what: "data.subject",
      on: subject,
      purpose: "access of the person to their data",
    });
  return data;
}
