/** A made-up classifier's answers, and what is told of them: the figures are computed, the answers are not a model's. */
import { random } from "../../src/base/index.ts";
import { classificationScores, classPicture, confusion, thresholdReport } from "../../src/evaluate/classification/index.ts";
import { groupThresholdReport } from "../../src/tune/classify/group-thresholds.ts";

const classes = ["adverts", "friends", "work"];
const said = ["win a voucher today", "see you on Thursday?", "the minutes of the meeting are attached"];

/** Sure and mostly right; less so of what friends write. */
function answersOf(seed: string, items = 400) {
  const draw = random(seed);
  const truth = Int32Array.from({ length: items }, () => [0, 1, 1, 2, 2, 2][draw.below(6)]!);
  const probabilities = Array.from(truth, t => {
    const powers = classes.map((_, c) => Math.exp((c === t ? (t === 1 ? 2.6 : 4.4) : 0) + 1.7 * draw.normal()));
    const sum = powers.reduce((a, b) => a + b, 0);
    return powers.map(p => p / sum);
  });
  return { classes, truth, probabilities };
}

export const madeUpPicture = (seed: string) => classPicture(answersOf(seed));

/** Adverts by the language of a letter: English ones are taken from a higher probability on. */
const groupThresholds = {
  attribute: "language",
  label: "adverts",
  goal: "equalisedOdds",
  bound: 0.02,
  groups: [
    { group: "de", at: 0.94 },
    { group: "en", at: 0.97 },
  ],
};
const languages = ["de", "en", "en", undefined] as const;

function madeUpThresholds({ truth, probabilities }: ReturnType<typeof answersOf>, at: number | null) {
  const test = probabilities.map((_, i) => {
    const language = languages[i % languages.length];
    return {
      id: `d${i}`,
      text: "",
      label: truth[i]!,
      group: `d${i}`,
      isMade: false,
      attributes: language === undefined ? {} : { language },
    };
  });
  return groupThresholdReport(
    { labels: classes, kind: "one", threshold: { label: "adverts", at }, groupThresholds },
    30,
    test,
    probabilities,
  );
}

export function madeUpClasses(name: string): object {
  const answers = answersOf(name);
  const { truth, probabilities } = answers;
  const picture = classPicture(answers);
  const predicted = Int32Array.from(probabilities, p => p.indexOf(Math.max(...p)));
  const range = (value: number, half: number) => ({ value, low: value - half, high: Math.min(1, value + half) });
  const scored = (a: typeof answers) => ({ positive: Array.from(a.truth, t => t === 0), score: a.probabilities.map(p => p[0]!) });
  const system = (called: string, kind: string, taken: Int32Array) => {
    const s = classificationScores(confusion({ classes, truth, predicted: taken }));
    return {
      name: called,
      kind,
      accuracy: range(s.accuracy, 0.029),
      balancedAccuracy: s.balancedAccuracy,
      macro: s.macro,
      macroF1: range(s.macro.f1, 0.031),
      mcc: s.mcc,
      classes: s.classes.map(c => ({ ...c, f1Range: range(c.f1, 0.04) })),
    };
  };
  const draw = random("baseline");
  const weaker = predicted.map(p => (draw.uniform() < 0.12 ? draw.below(3) : p));
  const wrong = [...predicted.keys()].filter(i => predicted[i] !== truth[i]);
  const threshold = thresholdReport(
    { positive: "adverts", falsePositive: 10, falseNegative: 1 },
    scored(answersOf("validation", 200)),
    scored(answers),
  );
  return {
    task: "classification",
    label: "folder",
    classes,
    test: { documents: 400, groups: 391, counts: {} },
    confidence: 0.95,
    scores: [system(name, "model", predicted), system("word + character n-gram SVM", "baseline", weaker)],
    comparisons: [{ against: "word + character n-gram SVM", difference: range(0.06, 0.03), verdict: "better" }],
    confusion: picture.confusion,
    calibration: {
      ...picture.reliability,
      logLoss: 0.31,
      temperature: { value: 1.42, error: picture.reliability.error / 3, logLoss: 0.28 },
    },
    threshold,
    groupThresholds: madeUpThresholds(answers, threshold.rows.find(r => r.by === "cheapest")!.threshold),
    wrongest: wrong
      .sort((a, b) => Math.max(...probabilities[b]!) - Math.max(...probabilities[a]!))
      .slice(0, 10)
      .map(i => ({
        id: `d${i}`,
        text: said[truth[i]!]!,
        truth: classes[truth[i]!],
        predicted: classes[predicted[i]!],
        probability: Math.max(...probabilities[i]!),
      })),
  };
}
