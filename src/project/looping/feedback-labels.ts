/**
 * What people said of requests, as labels of documents: a new document that bears the id of a request gets the class that trusted sources gave to that request.
 * No text comes from feedback, so the data set decides what is learnt; a document's own label stands before it. Who said it goes into the document's attributes.
 */
import { z } from "zod";
import { sha256 } from "../../base/index.ts";
import type { Document } from "../../data/index.ts";
import { type ArtifactReader, runStage, stage } from "../../store/index.ts";
import { type LabelledRequest, labelledSince } from "../watching/feedback/index.ts";
import { rowReader } from "./loop-rows.ts";
import type { RoundPlace } from "./round-work.ts";

const file = "loop-feedback.json";
const labelRows = z.record(
  z.string(),
  z.strictObject({
    label: z.string(),
    /** Of the trusted sources that said it. */
    sources: z.array(z.string()),
    atMs: z.number(),
  }),
);
type LabelRows = z.output<typeof labelRows>;

const sourcesOf = ({ labels, truth }: LabelledRequest): string[] =>
  [...new Set(labels.filter(l => l.isTrusted && l.label === truth.label).map(l => l.source))].sort();

/** Trusted labels of whole requests, of classes that the model has. */
async function trustedRows({ store, model, rows }: RoundPlace, classes: ReadonlySet<string>): Promise<LabelRows> {
  if (rows.says !== "class") return {};
  const { label: attribute } = rows.labels;
  const classIn = rowReader(rows);
  const found = await labelledSince(store, model, 0);
  return Object.fromEntries(
    found.flatMap(each => {
      const { requestId, index, truth } = each;
      if (index !== 0 || !truth.isTrusted || truth.label === null) return [];
      const asDocument: Document = { id: requestId, source: "feedback", text: "", attributes: { [attribute]: truth.label } };
      const own = classIn(asDocument);
      if (own === undefined || !classes.has(own)) return [];
      return [[requestId, { label: truth.label, sources: sourcesOf(each), atMs: truth.atMs }] as const];
    }),
  );
}

/** The labels that there are now, as an artifact: what a round learnt from is kept with who said it. `classes`: those of the model's own data. */
export async function feedbackLabels(at: RoundPlace, classes: () => Promise<ReadonlySet<string>>): Promise<ArtifactReader> {
  const labels = at.policy.data.feedback === undefined ? {} : await trustedRows(at, await classes());
  const text = JSON.stringify(labels);
  const labelsStage = stage({
    name: "loop-feedback",
    version: 1,
    inputs: {},
    options: z.strictObject({ digest: z.string() }),
    output: "loop-feedback",
    async run({ output }) {
      await output.write(file, text);
      return { labels: Object.keys(labels).length };
    },
  });
  return (await runStage(at.store, labelsStage, { inputs: {}, options: { digest: sha256(text) }, signal: at.watch.signal })).artifact;
}

/** Gives documents what was said of their requests; documents that have a label keep it. */
export async function feedbackReader(
  artifact: ArtifactReader,
  { request, label }: { readonly request: string; readonly label: string },
): Promise<(document: Document) => Document> {
  const rows = labelRows.parse(JSON.parse((await artifact.read(file)).toString("utf8")));
  return document => {
    const { attributes } = document;
    const id = attributes[request];
    const own = attributes[label];
    if (typeof id !== "string" || !Object.hasOwn(rows, id) || (own !== undefined && own !== null)) return document;
    const said = rows[id]!;
    const by = { labelledBy: said.sources.map(s => `feedback:${s}`).join(" "), labelledAt: new Date(said.atMs).toISOString() };
    return { ...document, attributes: { ...attributes, [label]: said.label, ...by } };
  };
}
