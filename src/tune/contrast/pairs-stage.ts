/** Files of what belongs together as an artifact: read, checked, and divided into what trains and what selects; scored pairs beside them. */
import { basename, resolve } from "node:path";
import { z } from "zod";
import { defined } from "../../base/index.ts";
import { type ArtifactReader, type Stage, stage } from "../../store/index.ts";
import { tuneErrors } from "../errors.ts";
import { examplesFile } from "../instruct/examples-stage.ts";
import { embedColumns, embedOptions } from "./options.ts";
import { divideRelated, type Related, readRelatedRecords, readScored, type ScoredPair, trainedAmong } from "./pairs.ts";

const file = z.strictObject({ name: z.string(), digest: z.string() });
const pairsStageOptions = z.strictObject({
  file,
  /** Pairs with scores; nothing is trained on them, and nothing chosen. */
  scored: file.optional(),
  columns: embedColumns.optional(),
  validation: embedOptions.shape.validation,
  heldOut: embedOptions.shape.heldOut,
  allowCrossing: z.boolean().optional(),
  seed: embedOptions.shape.seed,
});

/** Parts of the artifact. */
const parts = ["train", "validation", "scored"] as const;

/** `folder` is what paths begin at. */
export const pairsStage = ({ folder }: { readonly folder: string }): Stage<never, typeof pairsStageOptions> =>
  stage({
    name: "pairs",
    version: 1,
    inputs: {},
    options: pairsStageOptions,
    output: "pairs",
    async run({ options: o, output, progress }) {
      progress({ stage: "examples", message: o.file.name });
      const all = await readRelatedRecords(resolve(folder, o.file.name), o.file.name, o.columns);
      const scored = o.scored ? await readScored(resolve(folder, o.scored.name), o.scored.name) : [];
      for (const { name, digest } of [o.file, o.scored].filter(f => f !== undefined)) {
        const now = (await examplesFile(folder, name)).digest;
        if (now !== digest)
          throw tuneErrors.fail("example", { place: name, expected: digest, received: now, hint: "The file changed while it was read." });
      }
      const { train, validation, heldOut } = await divideRelated(all, o, o.file.name);
      for (const [part, records] of Object.entries({ train, validation, scored, ...defined({ "held-out": heldOut }) }))
        await output.writeStream(
          `${part}.jsonl`,
          records.map(r => `${JSON.stringify(r)}\n`),
        );
      const known = trainedAmong(scored, train);
      return {
        file: basename(o.file.name),
        train: train.length,
        validation: validation.length,
        scored: scored.length,
        ...(heldOut ? { heldOut: heldOut.length } : {}),
        ...(known > 0 ? { scoredTrained: known } : {}),
      };
    },
  });

/** All parts of such an artifact. */
export async function readPairs(
  artifact: ArtifactReader,
): Promise<{ readonly train: Related[]; readonly validation: Related[]; readonly scored: ScoredPair[] }> {
  const read = async (part: (typeof parts)[number]): Promise<unknown[]> =>
    (await artifact.read(`${part}.jsonl`))
      .toString("utf8")
      .split("\n")
      .filter(line => line !== "")
      .map(line => JSON.parse(line));
  const [train, validation, scored] = await Promise.all(parts.map(read));
  return { train: train as Related[], validation: validation as Related[], scored: scored as ScoredPair[] };
}
