/** What a membership attack finds of a classifier's training texts: an artifact of figures, with no text and no id. */
import { z } from "zod";
import { disposeTree, loadModel } from "../../nn/index.ts";
import { stage } from "../../store/index.ts";
import { tuneErrors } from "../errors.ts";
import type { TuneSurroundings } from "../text-head/open-base.ts";
import { predictorOf, probabilitiesOf } from "../text-head/predict.ts";
import { type LabelledExample, readExamples, readTest } from "./examples.ts";
import { type ClassLoss, classMembership } from "./membership.ts";
import { labelOptions } from "./options.ts";
import { classTexts } from "./stage.ts";

/** A probability of 0 is one that rounding has taken. */
const leastProbability = 1e-300;
const round = (x: number): number => Math.round(x * 1e4) / 1e4;

/** At most so many, evenly spaced. */
const evenly = <T>(all: readonly T[], most: number): readonly T[] => {
  const step = Math.max(1, all.length / most);
  return Array.from({ length: Math.min(most, all.length) }, (_, i) => all[Math.floor(i * step)]!);
};

export const membershipStage = (around: Pick<TuneSurroundings, "device" | "tokenizerOf">) =>
  stage({
    name: "measure-membership",
    version: 1,
    inputs: { model: "model", documents: "documents" },
    options: z.strictObject({ name: z.string(), labels: labelOptions, texts: z.number().int() }),
    output: "membership-measurement",
    async run({ inputs: { model: artifact, documents }, options: { labels, texts: most }, output, progress, signal }) {
      const device = around.device();
      const tokenizer = await around.tokenizerOf(artifact);
      const { train, classes } = await readExamples(documents, labels);
      const held = await readTest(documents, labels, classes);
      const model = await loadModel(artifact, device);
      try {
        const classifier = model.family === "encoder-decoder" ? undefined : model.config.classifier;
        if (!classifier || model.family === "encoder-decoder")
          throw tuneErrors.fail("base", { place: artifact.id, expected: "a classifier", received: `a model of family "${model.family}"` });
        const longest = classifier.longest ?? model.config.context;
        const predictor = predictorOf({ device, model, longest, parameters: (p: unknown) => p });
        const lossesOf = async (examples: readonly LabelledExample[], message: string): Promise<ClassLoss[]> => {
          const { tokens } = await classTexts(tokenizer, examples, longest, signal);
          const onProgress = (done: number) => progress({ stage: "membership", done, message });
          const logits = await predictor.predict([model.parameters], tokens, { signal, onProgress });
          return examples.map((e, i) => {
            const loss = -Math.log(Math.max(leastProbability, probabilitiesOf(logits[i]!)[e.label]!));
            return { group: e.group, label: e.label, loss };
          });
        };
        try {
          const trained = await lossesOf(
            evenly(
              train.filter(e => !e.isMade),
              most,
            ),
            "training texts",
          );
          const heldOut = await lossesOf(evenly(held, most), "held-out texts");
          const { value, low, high, foundAtTenth, erased, neverSeen } = classMembership(trained, heldOut);
          const figures = {
            membershipAuc: round(value),
            membershipAucLow: round(low),
            membershipAucHigh: round(high),
            membershipFoundAtTenth: round(foundAtTenth),
          };
          await output.write("membership.json", `${JSON.stringify({ ...figures, trained: erased, neverSeen }, null, 2)}\n`);
          return { ...figures, trained: erased, neverSeen };
        } finally {
          predictor.dispose();
        }
      } finally {
        disposeTree(model.parameters);
      }
    },
  });
