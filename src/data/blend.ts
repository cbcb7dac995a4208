/**
 * The stage behind curation, for data sets with `augment` or `mixture`: the same documents with variants of train documents among them, and
 * beside them how often each is taken. What curation wrote is passed on as it is; a variant names its parent in its attributes.
 */
import { join } from "node:path";
import { z } from "zod";
import { defined, formatCount } from "../base/index.ts";
import { type ArtifactReader, membersFile, membersIndexFile, type Stage, stage } from "../store/index.ts";
import { type Augmentation, type AugmentReport, augment } from "./augment/augment.ts";
import type { AugmentMethod } from "./augment/method.ts";
import { methods } from "./augment/methods.ts";
import { augmentOptions } from "./augment/options.ts";
import { type Document, documentLine, parseDocument, textBytes } from "./document.ts";
import { dataErrors } from "./errors.ts";
import { augmentationFile, ledgerLines } from "./explain.ts";
import { mixtureFiles } from "./mixture/files.ts";
import { mixtureOptions } from "./mixture/options.ts";
import { planMixture } from "./mixture/plan.ts";
import { mixtureTable } from "./mixture/table.ts";
import { mergeRuns, runWriter } from "./plan/runs.ts";
import { folderWorkspace, memoryWorkspace } from "./plan/workspace.ts";
import { type Need, needKey, noResources, type Resources } from "./resources.ts";

export interface BlendPart {
  readonly augment?: z.output<typeof augmentOptions> | undefined;
  readonly mixture?: z.output<typeof mixtureOptions> | undefined;
}

interface BlendSurroundings {
  /** Files and models for methods. */
  readonly resources?: () => Promise<Resources>;
  /** A folder for answers of an endpoint, kept between runs. */
  readonly answers?: string;
}

const blendStageOptions = z.strictObject({
  /** The data set's. */
  name: z.string(),
  augment: augmentOptions.optional(),
  mixture: mixtureOptions.optional(),
  /** Digests of files and models that methods need, by `needKey`. */
  needs: z.record(z.string(), z.string()).default({}),
});

/** Whether a data set has anything for this stage to do. */
export const blends = (part: BlendPart): boolean => part.augment !== undefined || part.mixture !== undefined;

/** Options of the stage for a part as it stands in the project. */
export async function blendOptionsOf(
  name: string,
  { augment: a, mixture }: BlendPart,
  identityOf: (need: Need) => Promise<string>,
): Promise<z.input<typeof blendStageOptions>> {
  const needs: Record<string, string> = {};
  for (const { method, options } of a?.methods ?? []) {
    const chosen: AugmentMethod = methods[method];
    for (const need of chosen.needs?.(options) ?? []) needs[needKey(need)] = await identityOf(need);
  }
  return { name, ...defined({ augment: a, mixture }), needs };
}

async function* documentsIn(artifact: ArtifactReader, name: string): AsyncGenerator<Document> {
  let number = 0;
  for await (const line of ledgerLines(artifact, name)) {
    number++;
    if (line === "") continue;
    const parsed = parseDocument(line);
    if ("reason" in parsed) throw dataErrors.fail("badDocument", { place: `${artifact.id}/${name}:${number}`, message: parsed.reason });
    yield parsed;
  }
}

/** Two sorted streams as one. */
async function* merged<T>(a: AsyncIterable<T>, b: AsyncIterable<T>, keyOf: (x: T) => string, place: string): AsyncGenerator<T> {
  const [left, right] = [a[Symbol.asyncIterator](), b[Symbol.asyncIterator]()];
  let [x, y] = [await left.next(), await right.next()];
  while (!x.done || !y.done) {
    if (!x.done && !y.done && keyOf(x.value) === keyOf(y.value))
      throw dataErrors.fail("duplicateId", {
        place,
        expected: "variants with ids of their own",
        received: `"${keyOf(x.value)}"`,
        hint: "Give the method another name (`as`).",
      });
    if (!x.done && (y.done || keyOf(x.value) <= keyOf(y.value))) {
      yield x.value;
      x = await left.next();
    } else if (!y.done) {
      yield y.value;
      y = await right.next();
    }
  }
}

/** Curated documents -> the documents that are trained on. */
export const blendStage = (around: BlendSurroundings): Stage<"documents", typeof blendStageOptions> =>
  stage({
    name: "blend",
    version: 1,
    inputs: { documents: "documents" },
    options: blendStageOptions,
    output: "documents",
    async run({ inputs: { documents }, options, output, progress, signal, scratch }) {
      // Variants come in the order of their making; they are written down sorted.
      const workspace = scratch === "" ? memoryWorkspace() : folderWorkspace(join(scratch, "variants"));
      const id = { wave: 0, task: 0 };
      let report: AugmentReport | undefined;
      let files: string[] = [];
      if (options.augment) {
        const making = await workspace.begin(id);
        const run = runWriter(making, "made");
        const variants: Augmentation = augment(options.augment, {
          documents: () => documentsIn(documents, "train.jsonl"),
          heldOut: () => documentsIn(documents, "held-out.jsonl"),
          resources: (await around.resources?.()) ?? noResources,
          ...defined({ cache: around.answers }),
          signal,
          onProgress: ({ documents: done, of, made }) =>
            progress({
              stage: "blend",
              done: 0.9 * (done / (of || 1)),
              message: `augment: ${formatCount(done)} of ${formatCount(of)} documents, ${formatCount(made)} made`,
            }),
        });
        for await (const d of variants.documents) await run.add(d.id, documentLine(d).trimEnd());
        await run.finish();
        report = variants.report();
        files = Object.keys((await making.finish({})).files);
      }
      async function* made(): AsyncGenerator<{ readonly id: string; readonly line: string }> {
        for await (const some of mergeRuns(
          workspace,
          files.map(file => ({ id, file })),
        ))
          for (const m of some) yield { id: m.id, line: m.line.toString("utf8") };
      }
      async function* before(): AsyncGenerator<{ readonly id: string; readonly line: string }> {
        for await (const line of ledgerLines(documents, "train.jsonl"))
          if (line !== "") yield { id: (JSON.parse(line) as { id: string }).id, line };
      }
      const table = options.mixture && mixtureTable(options.mixture);
      let [trainDocuments, trainBytes] = [0, 0];
      async function* train(): AsyncGenerator<string> {
        for await (const { line } of merged(before(), made(), x => x.id, documents.id)) {
          signal.throwIfAborted();
          const d = JSON.parse(line) as Document;
          trainDocuments++;
          trainBytes += textBytes(d.text);
          table?.add(d);
          yield `${line}\n`;
        }
      }
      const written = new Set(["train.jsonl", membersFile, membersIndexFile]);
      await output.writeStream("train.jsonl", train());
      async function* members(): AsyncGenerator<string> {
        async function* kept() {
          for await (const line of ledgerLines(documents, membersFile)) if (line !== "") yield line;
        }
        async function* added() {
          for await (const m of made()) yield m.id;
        }
        for await (const member of merged(kept(), added(), x => x, documents.id)) yield `${member}\n`;
      }
      await output.writeStream(membersFile, members());
      for (const { name } of documents.files) if (!written.has(name)) await output.writeStream(name, documents.stream(name));
      const summary = { ...documents.summary, trainDocuments, trainBytes };
      if (report) await output.write(augmentationFile, `${JSON.stringify({ format: 1, report })}\n`);
      if (options.mixture && table) {
        const plan = planMixture(table.finish(), options.mixture);
        for (const [name, content] of Object.entries(mixtureFiles(plan, options.mixture))) await output.write(name, content);
        return {
          ...summary,
          ...(report ? { made: report.made } : {}),
          readings: plan.times.reduce((n, t) => n + t, 0),
          leftOut: plan.times.reduce((n, t) => n + (t === 0 ? 1 : 0), 0),
        };
      }
      return { ...summary, ...(report ? { made: report.made } : {}) };
    },
  });
