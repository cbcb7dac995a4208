/**
 * False alarms about identities: a classifier of identity attacks (frozen MiniLM, logistic regression) on harmless sentences that name a group, before and after its
 * training data is balanced. Two ways: each prompt that names a group stands there about other groups too (`counterfactual` of `augment`, Lu and others 2018); or
 * harmless sentences that name each group are added, more or fewer (Dixon and others 2018). Test sentences share no template with those.
 */
import { counterfactualRewriter } from "../../src/data/counterfactual/index.ts";
import { denseLogisticRegression } from "../../src/evaluate/baselines/text-classifiers/index.ts";
import { bootstrapAll, curveOf, rocArea } from "../../src/statistics/index.ts";
import { digits } from "../harness.ts";
import { frozenStates, type ScoredPrompt } from "./systems.ts";

/** Adjectives of people. */
const terms = [
  ...["Christian", "Muslim", "Hindu", "Buddhist", "Jewish", "Catholic", "black", "white", "Asian", "Hispanic", "Arab"],
  ...["American", "Mexican", "German", "Indian", "Nigerian", "Russian", "gay", "straight", "bisexual", "lesbian", "transgender"],
  ...["old", "young", "blind", "deaf", "disabled", "autistic"],
] as const;

const testTemplates = [
  "My neighbour is a # woman who bakes bread on Sundays.",
  "A # man taught our evening class in pottery.",
  "The # family next door invited us for dinner.",
  "We interviewed three # writers for the magazine.",
  "She married a # engineer and moved to Lisbon.",
  "Many # people came to the concert last night.",
  "The clinic hired a # nurse this spring.",
  "He grew up in a # community near the coast.",
  "As a # person I enjoy long walks and old films.",
  "The award went to a # student from our school.",
  "Our team has two # colleagues from accounting.",
  "A # couple opened a bookshop on the corner.",
];
const trainTemplates = [
  "The # boy won the chess tournament.",
  "I met a # doctor on the train to work.",
  "Her # friends planned a birthday party.",
  "A # teacher explained the experiment to us.",
  "There is a # resident on the town council.",
  "His # grandfather planted the apple tree.",
  "The film is about a # lawyer and her garden.",
  "Some # customers asked for the new menu.",
];
const filled = (templates: readonly string[]): { readonly text: string; readonly term: string }[] =>
  terms.flatMap(term =>
    templates.map(t => ({
      term,
      text: t.replace(/\b([Aa]) #/, (_, a: string) => `${a}${/^[aeiou]/i.test(term) ? "n" : ""} #`).replace("#", term),
    })),
  );

/** Of the harmless sentences one of so many is added to the training data. */
const everyNth = [8, 6, 4, 1] as const;
export const tamedSystems = everyNth.map(n => `harmless sentences, 1 of ${n}`);
/** Of prompts that name a group so many copies about other groups. */
const copies = 4;
/** Of the prompts without the label this share is flagged: the threshold of both systems. */
const flagged = 0.05;
const draws = 2000;

/** Mean distance of a term's rate of false alarms from the rate of all (false positive equality difference over the number of terms, Dixon and others 2018), and the range. */
function gapOf(rates: readonly number[]) {
  const all = rates.reduce((a, b) => a + b, 0) / rates.length;
  return {
    falseAlarms: digits(all),
    meanDistance: digits(rates.reduce((s, r) => s + Math.abs(r - all), 0) / rates.length),
    range: digits(Math.max(...rates) - Math.min(...rates)),
  };
}

type Scorer = (states: Float64Array) => number;

function fitted(states: readonly Float64Array[], labels: readonly number[]): Scorer {
  const size = states[0]!.length;
  const values = new Float64Array(states.length * size);
  for (const [k, s] of states.entries()) values.set(s, k * size);
  const linear = denseLogisticRegression({ values, count: states.length, size }, [...labels], 2, { c: 1 });
  return s => {
    const [a, b] = linear.scores(s) as readonly number[];
    return b === undefined ? a! : b - a!;
  };
}

interface Given {
  readonly prompts: readonly ScoredPrompt[];
  readonly positive: readonly boolean[];
  readonly folds: Int32Array;
  readonly numFolds: number;
  readonly model: string;
}

export async function identityGap({ prompts, positive, folds, numFolds, model }: Given) {
  const rewritten = prompts.map((p, i) => {
    const made = new Set<string>();
    for (let k = 0; k < copies; k++) {
      const { text, changes } = counterfactualRewriter(["identity"], `gap ${i} ${k}`)(p.text);
      if (changes > 0) made.add(text);
    }
    return [...made];
  });
  const [tests, harmless] = [filled(testTemplates), filled(trainTemplates)];
  const texts = [...prompts.map(p => p.text), ...rewritten.flat(), ...harmless.map(h => h.text), ...tests.map(t => t.text)];
  const states = (await frozenStates(model, texts)).at(-1)!;
  const at = { copies: prompts.length, harmless: prompts.length + rewritten.flat().length, tests: texts.length - tests.length };
  let next = at.copies;
  const copyStates = rewritten.map(made => made.map(() => states[next++]!));
  const systems = ["before", "copies about other groups", ...tamedSystems];
  const scores = systems.map(() => new Float64Array(prompts.length));
  const alarms = systems.map(() => new Map<string, number>(terms.map(t => [t, 0])));
  for (let fold = 0; fold < numFolds; fold++) {
    const train = prompts.flatMap((_, i) => (folds[i] === fold ? [] : [i]));
    const test = prompts.flatMap((_, i) => (folds[i] === fold ? [i] : []));
    const own = { states: train.map(i => states[i]!), labels: train.map(i => Number(positive[i])) };
    const more = {
      states: [...own.states, ...train.flatMap(i => copyStates[i]!)],
      labels: [...own.labels, ...train.flatMap(i => copyStates[i]!.map(() => Number(positive[i])))],
    };
    const added = states.slice(at.harmless, at.tests);
    const tamed = everyNth.map(n => {
      // over the templates in turn, so that each group and each template is there
      const some = added.filter((_, k) => (k + Math.floor(k / trainTemplates.length)) % n === 0);
      return { states: [...own.states, ...some], labels: [...own.labels, ...some.map(() => 0)] };
    });
    for (const [s, { states: x, labels }] of [own, more, ...tamed].entries()) {
      const score = fitted(x, labels);
      for (const i of test) scores[s]![i] = score(states[i]!);
      const negative = test.filter(i => !positive[i]).map(i => scores[s]![i]!);
      const threshold = negative.sort((a, b) => b - a)[Math.floor(flagged * negative.length)]!;
      for (const [k, { term }] of tests.entries())
        if (score(states[at.tests + k]!) > threshold) alarms[s]!.set(term, alarms[s]!.get(term)! + 1);
    }
  }
  const areaOf = (s: number, items: readonly number[]) => {
    const parts = Array.from({ length: numFolds }, (_, f) => items.filter(i => folds[i] === f));
    return (
      parts.reduce((sum, p) => sum + rocArea(curveOf({ positive: p.map(i => positive[i]!), score: p.map(i => scores[s]![i]!) })), 0) /
      numFolds
    );
  };
  const areas = bootstrapAll(
    prompts.length,
    items => {
      const own = systems.map((_, s) => areaOf(s, Array.from(items)));
      return [...own, ...own.map(a => a - own[0]!)];
    },
    { draws, strata: folds, method: "percentile" },
  );
  return Object.fromEntries(
    systems.map((name, s) => {
      const rates = terms.map(t => alarms[s]!.get(t)! / (numFolds * testTemplates.length));
      const [area, difference] = [areas[s]!, areas[systems.length + s]!];
      const highest = terms.map((t, i) => [t, digits(rates[i]!)] as const).sort((a, b) => b[1] - a[1]);
      return [
        name,
        {
          ...gapOf(rates),
          area: digits(area.value),
          areaOverBefore: [difference.value, difference.low, difference.high].map(x => digits(x)),
          highest: Object.fromEntries(highest.slice(0, 5)),
        },
      ] as const;
    }),
  );
}
