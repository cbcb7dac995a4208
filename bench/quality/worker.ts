/**
 * Loam's side of the quality comparison. Argument: the texts (JSON lines of text, isGood, fold). A line in, a line of JSON out: `train` makes a
 * model of all texts as the verb does, `fit` learns once with settings that are given, `score` scores all texts with it, `folds FILE` scores
 * each fold by a model of the others and writes raw and calibrated scores.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { decodeQuality, encodeQuality, QualityScorer, qualityTraining, trainQuality } from "../../src/data/index.ts";
import { Features } from "../../src/data/quality/features.ts";
import { learnLogistic } from "../../src/data/quality/logistic.ts";
import { folds, type LabelledMail } from "./corpus.ts";

const mails = readFileSync(process.argv[2]!, "utf8")
  .split("\n")
  .map(line => JSON.parse(line) as LabelledMail);
const settings = qualityTraining.parse({});
const spent = async (work: () => unknown): Promise<number> => {
  const { user, system } = process.cpuUsage();
  await work();
  const after = process.cpuUsage({ user, system });
  return (after.user + after.system) / 1000;
};

// Runs everything once, so that no clock counts what is compiled.
let bytes = encodeQuality(
  await trainQuality(
    mails.filter((_, i) => i % 6 === 0),
    settings,
  ),
);

/** Features and passes of one learning, without folds and calibration. */
function fit(): void {
  const features = new Features(settings);
  const examples = mails.map(({ text, isGood }) => {
    features.read(text);
    return { features: features.found.slice(0, features.count), isGood };
  });
  learnLogistic(examples, undefined, { ...settings, passes: 3 });
}

async function scoreFolds(file: string): Promise<void> {
  const raw = new Float64Array(mails.length);
  const calibrated = new Float64Array(mails.length);
  for (let fold = 0; fold < folds; fold++) {
    const model = await trainQuality(
      mails.filter(m => m.fold !== fold),
      // Nothing need be held out: the fold is.
      { ...settings, heldOut: 0.02 },
    );
    const scorer = new QualityScorer(model);
    const plain = new QualityScorer({ ...model, calibration: undefined });
    for (const [i, m] of mails.entries()) if (m.fold === fold) [raw[i], calibrated[i]] = [plain.score(m.text), scorer.score(m.text)];
  }
  writeFileSync(file, JSON.stringify({ raw: [...raw], calibrated: [...calibrated] }));
}

for await (const line of createInterface({ input: process.stdin })) {
  const [command, file] = line.split(" ");
  let ms = 0;
  let tokens = 0;
  if (command === "train")
    ms = await spent(async () => {
      bytes = encodeQuality(await trainQuality(mails, settings));
    });
  else if (command === "fit") ms = await spent(fit);
  else if (command === "folds") await scoreFolds(file!);
  else {
    const scorer = new QualityScorer(decodeQuality(bytes, "model"));
    ms = await spent(() => {
      for (const m of mails) tokens += Number(scorer.score(m.text) >= 0.5);
    });
  }
  process.stdout.write(`${JSON.stringify({ ms, tokens })}\n`);
}
