/** A file of examples as an artifact: read, checked, and divided into what trains and what selects. */
import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { basename, resolve } from "node:path";
import { z } from "zod";
import { fileError } from "../../base/index.ts";
import { drawn } from "../../data/index.ts";
import { type ArtifactReader, type Stage, stage } from "../../store/index.ts";
import { tuneErrors } from "../errors.ts";
import { columnOptions, formatNames } from "./format-options.ts";
import { exampleOptions, heldOutOptions, splitPartOptions } from "./options.ts";
import { type PlacedExample, readExampleFile, throwProblems } from "./read.ts";
import { checkExampleCrossing, splitByOwn, splitExamples } from "./split.ts";

const file = z.strictObject({ name: z.string(), digest: z.string() });
const examplesStageOptions = z.strictObject({
  file,
  validationFile: file.optional(),
  format: z.enum(formatNames).optional(),
  columns: columnOptions.optional(),
  bad: exampleOptions.shape.bad,
  ...splitPartOptions.shape,
  heldOut: heldOutOptions.optional(),
});

async function digestOfFile(path: string, shown: string): Promise<string> {
  const hash = createHash("sha256");
  try {
    for await (const piece of createReadStream(path)) hash.update(piece as Buffer);
  } catch (error) {
    throw fileError(error, shown);
  }
  return `sha256:${hash.digest("hex")}`;
}

/** A file as options name it. Errors: base/missingFile and the like. */
export const examplesFile = async (folder: string, path: string): Promise<z.output<typeof file>> => ({
  name: path,
  digest: await digestOfFile(resolve(folder, path), path),
});

/** Examples of a file, read, checked and divided. `folder` is what paths begin at. */
export const examplesStage = ({ folder }: { readonly folder: string }): Stage<never, typeof examplesStageOptions> =>
  stage({
    name: "examples",
    version: 2,
    inputs: {},
    options: examplesStageOptions,
    output: "examples",
    async run({ options: o, output, progress }) {
      let skipped = 0;
      const read = async ({ name, digest }: z.output<typeof file>) => {
        progress({ stage: "examples", message: name });
        const found = await readExampleFile(resolve(folder, name), { format: o.format, columns: o.columns, shown: name });
        const now = await digestOfFile(resolve(folder, name), name);
        if (now !== digest)
          throw tuneErrors.fail("example", { place: name, expected: digest, received: now, hint: "The file changed while it was read." });
        if (o.bad === "refuse") throwProblems(found.problems, name);
        skipped += found.problems.length;
        if (found.examples.length === 0) throwProblems(found.problems, name);
        return found;
      };
      const whole = await read(o.file);
      const all = whole.examples.map((example, i) => ({ example, fields: whole.fields[i]! }));
      const main = o.sample === undefined ? all : drawn(all, o.sample, e => JSON.stringify(e.example.example), o.seed);
      const own = o.validationFile && (await read(o.validationFile));
      if (own && !o.allowCrossing)
        checkExampleCrossing(
          main.map(e => e.example),
          own.examples,
        );
      const { rest, validation: selects, heldOut } = await splitByOwn(main, o, o.file.name);
      const { train, validation } = own
        ? { train: rest, validation: own.examples }
        : selects
          ? { train: rest, validation: selects }
          : await splitExamples(rest, { validation: Number(o.validation), seed: o.seed });
      const lines = (examples: readonly PlacedExample[]) => examples.map(e => `${JSON.stringify(e)}\n`);
      await output.writeStream("train.jsonl", lines(train));
      await output.writeStream("validation.jsonl", lines(validation));
      if (heldOut) await output.writeStream("held-out.jsonl", lines(heldOut));
      return {
        file: basename(o.file.name),
        format: whole.format,
        train: train.length,
        validation: validation.length,
        ...(heldOut ? { heldOut: heldOut.length } : {}),
        ...(skipped > 0 ? { skipped } : {}),
      };
    },
  });

/** Examples of one side, as they were placed in their file. */
export async function placedExamples(
  artifact: Pick<ArtifactReader, "read">,
  side: "train" | "validation" | "held-out",
): Promise<PlacedExample[]> {
  const text = (await artifact.read(`${side}.jsonl`)).toString("utf8");
  return text
    .split("\n")
    .filter(line => line !== "")
    .map(line => JSON.parse(line) as PlacedExample);
}
