/** A model tuned to answer, judged on the held-out side of the data set that its examples are made of: nats of each document's answer. */
import { z } from "zod";
import { documentsOf, recordOf } from "../../data/index.ts";
import { disposeTree } from "../../nn/index.ts";
import { type Stage, stage } from "../../store/index.ts";
import { compile } from "../../tensor/index.ts";
import { tuneErrors } from "../errors.ts";
import { encodeExamples } from "../instruct/encode.ts";
import { columnOptions, formatNames } from "../instruct/formats.ts";
import { exampleOptions } from "../instruct/options.ts";
import { type PlacedExample, readRecord, throwProblems } from "../instruct/read.ts";
import { decoderOf, type InstructSurroundings } from "../instruct/stage.ts";
import { layRows, membersOnce } from "../preference/rows.ts";
import { answerScores, type RowTensors, rowArrays } from "../preference/scores.ts";
import { groupOf } from "./halves.ts";
import { type Judgement, judgementFile, meanLoss } from "./judge.ts";

const stageOptions = z.strictObject({
  /** What the data set is called in complaints. */
  name: z.string(),
  format: z.enum(formatNames).optional(),
  columns: columnOptions.optional(),
  bad: exampleOptions.shape.bad,
  answers: exampleOptions.shape.answers,
  /** Tokens that are read of an example; what is beyond is not judged. */
  length: exampleOptions.shape.length,
});

/** Rows a batch. */
const rows = 4;

/** Errors: tune/example with the document's id, tune/halves where nothing is held out, tune/base (no decoder). */
export const judgeAnswersStage = (
  around: Pick<InstructSurroundings, "device" | "textOf">,
): Stage<"model" | "documents", typeof stageOptions> =>
  stage({
    name: "judge-answers",
    version: 1,
    inputs: { model: "model", documents: "documents" },
    options: stageOptions,
    output: "judgement",
    async run({ inputs, options: o, output, progress, signal }) {
      const groups = new Map<string, { readonly id: string; readonly group: string }>();
      const placed: PlacedExample[] = [];
      for await (const document of documentsOf(inputs.documents, "held-out")) {
        const place = `${o.name}/held-out: ${document.id}`;
        groups.set(place, { id: document.id, group: groupOf(document) });
        placed.push(readRecord({ fields: recordOf(document), place }, o.format, o.columns ?? {}).placed);
      }
      const text = await around.textOf(inputs.model);
      const device = around.device();
      const { config, parameters } = await decoderOf(inputs.model, device);
      try {
        const length = Math.min(o.length, config.context);
        const { encoded, problems } = encodeExamples(text, placed, { length, long: "cut", answers: o.answers });
        if (o.bad === "refuse") throwProblems(problems, `${o.name}/held-out`);
        if (encoded.length === 0)
          throw tuneErrors.fail("halves", {
            place: `${o.name}/held-out`,
            expected: "documents that chose nothing",
            received: "none",
            hint: "Give the data set a split with heldOut.",
          });
        const program = compile((p: unknown, b: RowTensors) => answerScores(config, p, b, { isMean: false }), { device, name: "answers" });
        const nats: number[] = [];
        try {
          for (const members of membersOnce(encoded.length, rows)) {
            const laid = Array.from({ length: rows }, (_, i) => encoded[members[i]!]);
            const arrays = await rowArrays(device, layRows(laid, length), length);
            const out = await program.with({ signal }, parameters as never, arrays as never);
            nats.push(...(await out.numbers()).subarray(0, members.length));
            for (const a of [out, ...Object.values(arrays)]) a.dispose();
            progress({ stage: "evaluate", done: nats.length / encoded.length, message: "held-out answers" });
          }
        } finally {
          program.dispose();
        }
        const judgement: Judgement = {
          half: "test",
          model: inputs.model.id,
          ids: encoded.map(e => groups.get(e.place)!.id),
          groups: encoded.map(e => groups.get(e.place)!.group),
          // a first token is never a target
          bytes: encoded.map(e => e.trained.subarray(1).reduce((n, t) => n + t, 0)),
          bits: nats.map(n => -n),
        };
        await output.write(judgementFile, `${JSON.stringify(judgement)}\n`);
        const loss = meanLoss(judgement);
        return { half: "test", loss: Number.isFinite(loss) ? loss : null, documents: encoded.length };
      } finally {
        disposeTree(parameters as never);
      }
    },
  });
