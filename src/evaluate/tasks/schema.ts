/**
 * A task as a plain file: which items, what is asked, how answers are read and measured. Loam's own shape; `harness.ts` reads the one of
 * lm-evaluation-harness into it. A text is a field's name where the items have such a field, else a Jinja template over an item's fields.
 */
import { z } from "zod";
import { groupRule } from "../part.ts";
import { hasStereotypeParts, stereotypeComplaints, stereotypeOutputs } from "../stereotype/index.ts";
import { costComplaints, costRule } from "./cost-rule.ts";
import { embeddingComplaints, rankRule, retrievalRule, similarityRule } from "./embedding-rule.ts";
import { paraphraseRule } from "./paraphrase-rule.ts";
import { writtenScalar } from "./written.ts";

export const outputTypes = [
  "multiple_choice",
  "classify",
  "loglikelihood",
  "loglikelihood_rolling",
  "generate_until",
  "code",
  "retrieval",
  "similarity",
  ...stereotypeOutputs,
  "weat",
] as const;
export type OutputType = (typeof outputTypes)[number];

/** `trec`: judgements as trec_eval reads them, four columns without names (query, anything, document, what it is worth). */
const itemFormats = ["jsonl", "json", "csv", "tsv", "trec"] as const;
export type ItemFormat = (typeof itemFormats)[number];

const name = z.string().regex(/^[a-z0-9][\w.-]*$/i, "a short name of letters, digits, _, . and -");
const text = z.string();
const count = z.int().nonnegative();

/** Only items whose field has this value. */
const where = z.record(z.string(), z.union([z.string(), z.number(), z.boolean()])).optional();

const fileOf = z.union([
  text.min(1),
  z.strictObject({ file: text.min(1), format: z.enum(itemFormats).optional(), where }),
  z.strictObject({
    /** A data set of the project: its documents are items, with attributes, `text` and `id` as fields. */
    documents: name,
    side: z.enum(["train", "held-out"]).default("held-out"),
    /** At most so many of them, drawn by their ids and the seed. */
    sample: z.int().min(1).optional(),
    seed: z.union([z.int(), z.string()]).default(1),
    where,
  }),
]);

/** What answers a generate_until task, or ranks for a retrieval task, without a model, to be told beside one. Adding a way is a row of `baselines`. */
const baselineOf = z.union([
  /** A field or template. */
  text.min(1),
  z.strictObject({
    learn: z.enum(["commonest-forms"]),
    /** The split that it learns from. */
    from: name,
    /** The words to rewrite: a field or template; the prompt where absent. */
    input: text.min(1).optional(),
  }),
  rankRule,
]);
export type BaselineRule = z.output<typeof baselineOf>;

/** A cut of an answer before it is measured, in order. */
const readStep = z.union([
  z.literal("trim"),
  z.literal("lower"),
  z.literal("first-line"),
  z.literal("number"),
  /** What stands in the first fence of an answer in Markdown; the whole answer where it has none. */
  z.literal("code-block"),
  z.strictObject({
    regex: text.min(1),
    /** `any`: the first group that holds something, the whole match where there is none, without blanks around it. */
    group: z.union([count, z.literal("any")]).default(1),
    pick: z.enum(["first", "last"]).default("first"),
    /** What is read where nothing matches; an empty text where absent. */
    fallback: text.optional(),
  }),
]);
export type ReadStep = z.output<typeof readStep>;

const slice = z.union([
  text.min(1),
  /** Parts of equal size by the length of a field's text, or of the prompt. */
  z.strictObject({ length: text.min(1).default("prompt"), parts: z.int().min(2).max(20).default(3) }),
]);
export type SliceRule = z.output<typeof slice>;

/** What does not count when an answer is held beside a reference; taken out of both, in this order. */
const matchSchema = z.strictObject({
  /** Expressions whose matches are taken out. */
  ignore: z.array(text.min(1)).default([]),
  ignoreCase: z.boolean().default(false),
  /** That of ASCII. */
  ignorePunctuation: z.boolean().default(false),
});
export type MatchRule = z.output<typeof matchSchema>;

/** How a judge compares two models' answers to a task. */
export const judgeSchema = z.strictObject({
  /** What was asked: a field or template; the prompt where absent. */
  question: text.min(1).optional(),
  /** A right answer that the judge sees: a field or template. */
  reference: text.min(1).optional(),
  /** What makes an answer better, in a sentence or more. */
  criteria: text.min(1).default("Prefer the one that is correct, does what was asked, and leaves out what was not."),
  maxTokens: z.int().positive().default(512),
  /** Asked through its chat template, or its chat endpoint. */
  chat: z.boolean().default(true),
});
export type JudgeRule = z.output<typeof judgeSchema>;

export const taskSchema = z
  .strictObject({
    task: name,
    /** For people: what it is and where it comes from. */
    about: text.optional(),
    /** Files of items by split, below the task's folder. */
    data: z.record(name, fileOf),
    split: name.default("test"),
    /** Stands before everything. */
    description: text.default(""),
    prompt: text.optional(),
    output: z.enum(outputTypes),
    /** Of multiple_choice: a field or template that gives a list, or templates. */
    choices: z.union([text, z.array(writtenScalar).min(2)]).optional(),
    /** Of classify: label -> what the model would write for it (a template). */
    labels: z.record(z.string().min(1), writtenScalar).optional(),
    /** The right answer: a field or template; for choices their number from 0 or their text, or a list of either. */
    target: z.union([text, count]).optional(),
    /** Between prompt and answer. */
    between: text.default(" "),
    fewShot: z
      .strictObject({
        count,
        /** The split they come from; an item is never its own example. */
        from: name.optional(),
        seed: z.union([z.int(), z.string()]).default(1),
        /** `random`: of its own for each item, whatever the others; `harness`: as lm-evaluation-harness draws. */
        sampler: z.enum(["random", "first", "harness"]).default("random"),
        separator: text.default("\n\n"),
        /** Between an example's prompt and its answer, where that differs from the item's own. */
        between: text.optional(),
        /** Of `chat`: each example is a question of the user's and an answer of the assistant's, not a part of the item's own question. */
        multiturn: z.boolean().optional(),
        /** Of `harness`: one more is drawn than is needed, in case the item itself is among them. */
        spare: z.boolean().default(false),
      })
      .optional(),
    /** Of generate_until and code. */
    generate: z
      .strictObject({
        stop: z.array(text.min(1)).default([]),
        maxTokens: z.int().positive().default(256),
        temperature: z.number().min(0).default(0),
        seed: z.int().default(1),
        /** Answers an item. */
        samples: z.int().min(1).max(1000).default(1),
        read: z.array(readStep).default([]),
        /** Of generate_until: the answer that most of the first so many have, as they were read; the earliest of equals. The first one where absent. */
        vote: z.int().min(1).optional(),
      })
      .optional(),
    /** Of code: JavaScript programs that are run and tested. */
    code: z
      .strictObject({
        /** A script that throws where the answer is wrong, or defines `check(candidate)`: a field or template. */
        tests: text.min(1),
        /** The name of the function that is asked for: a field or template. */
        entryPoint: text.min(1).optional(),
        /** The answer goes on from the prompt, which is then part of the program; by default where it is not a chat. */
        continues: z.boolean().optional(),
        /** Processor time of a program and its tests. */
        timeMs: z.int().min(10).max(600_000).default(5000),
        memoryMb: z.int().min(2).max(2048).default(64),
      })
      .optional(),
    retrieval: retrievalRule.optional(),
    similarity: similarityRule.optional(),
    /** Of generate_until: what `exact-match` passes over. */
    match: matchSchema.optional(),
    /** Of generate_until, with a judge: how it compares. */
    judge: judgeSchema.optional(),
    paraphrases: paraphraseRule.optional(),
    /** Of classify. */
    costs: costRule.optional(),
    /** Of generate_until and retrieval: what needs no model, by name. BM25 beside a retrieval task where absent. */
    baselines: z.record(name, baselineOf).optional(),
    /** The set of the data's step `decontaminate` that holds these items, where its file is not this very one. */
    contamination: z
      .strictObject({
        set: text.min(1),
        /** The field by which the set calls its items; their number in the file where absent. */
        id: text.min(1).optional(),
      })
      .optional(),
    /** Put through the model's chat template, or its chat endpoint. */
    chat: z.boolean().default(false),
    system: text.optional(),
    metrics: z.array(text.min(1)).min(1).optional(),
    /** Of classify: what a trained classifier reads; the prompt where absent. */
    text: text.optional(),
    /** Of classify with two labels: the one that precision, recall and F1 are about; macro means where absent. */
    positive: writtenScalar.optional(),
    slices: z.array(slice).default([]),
    /** Of classify: fields whose values are the groups of fairness figures, each by itself or several together. */
    groups: groupRule.optional(),
    /** A field: items that share it are drawn together in every interval. */
    cluster: text.optional(),
    /** The field that names an item; a hash of its content where absent. */
    id: text.optional(),
    /** Of robustness variants: the field that lists the options, and the one that says which is right. */
    options: text.optional(),
  })
  .superRefine((t, context) => {
    const issue = (path: string, message: string) => context.addIssue({ code: "custom", path: [path], message, input: undefined });
    const need = (key: "prompt" | "choices" | "labels" | "target", expected: string) => {
      if (t[key] === undefined) issue(key, expected);
    };
    if (!Object.hasOwn(t.data, t.split)) issue("split", `one of the splits of data: ${Object.keys(t.data).join(", ")}`);
    const { from } = t.fewShot ?? {};
    if (from !== undefined && !Object.hasOwn(t.data, from))
      context.addIssue({
        code: "custom",
        path: ["fewShot", "from"],
        message: `one of the splits of data: ${Object.keys(t.data).join(", ")}`,
        input: from,
      });
    if (t.fewShot?.multiturn && !t.chat)
      context.addIssue({ code: "custom", path: ["fewShot", "multiturn"], message: "chat: true, whose turns they would be", input: true });
    const hasOwnForm = hasStereotypeParts(t.output);
    if (t.output !== "loglikelihood_rolling" && !hasOwnForm) need("prompt", "a prompt: a field or a template");
    if (t.output !== "code" && t.output !== "retrieval" && !hasOwnForm)
      need(
        "target",
        t.output === "loglikelihood_rolling" ? "the text to score: a field or a template" : "the right answer: a field or a template",
      );
    if (t.output === "code" && t.code === undefined) issue("code", "code.tests: a field or a template with the tests");
    if (t.output !== "code" && t.code !== undefined) issue("code", "the output code, which runs programs");
    if (t.output !== "generate_until" && t.match !== undefined) issue("match", "the output generate_until, whose answers are matched");
    if (t.output !== "generate_until" && t.judge !== undefined) issue("judge", "the output generate_until, whose answers can be compared");
    if (t.output !== "generate_until" && t.output !== "retrieval" && t.baselines !== undefined)
      issue("baselines", "the output generate_until or retrieval, which can be done without a model");
    if (t.output === "loglikelihood_rolling" && t.paraphrases !== undefined)
      issue("paraphrases", "an output with a prompt, which can be put in other words");
    if (t.groups && t.output !== "classify") issue("groups", "the output classify, whose labels are decisions about items");
    const favoured = t.groups && !Array.isArray(t.groups) ? t.groups.positive : undefined;
    if (favoured !== undefined && t.labels && !Object.hasOwn(t.labels, favoured))
      context.addIssue({
        code: "custom",
        path: ["groups", "positive"],
        message: `one of the labels ${Object.keys(t.labels).join(", ")}`,
        input: favoured,
      });
    for (const { path, message, input } of costComplaints(t)) context.addIssue({ code: "custom", path: [...path], message, input });
    for (const [baseline, rule] of Object.entries(t.baselines ?? {}))
      if (typeof rule !== "string" && "learn" in rule && (!Object.hasOwn(t.data, rule.from) || rule.from === t.split))
        context.addIssue({
          code: "custom",
          path: ["baselines", baseline, "from"],
          message: `a split of data beside the one that is asked: ${
            Object.keys(t.data)
              .filter(k => k !== t.split)
              .join(", ") || "none there"
          }`,
          input: rule.from,
        });
    for (const { path, message, input } of [...embeddingComplaints(t), ...stereotypeComplaints(t)])
      context.addIssue({ code: "custom", path: [...path], message, input });
    const samples = t.generate?.samples ?? 1;
    if ((t.generate?.vote ?? 1) > samples)
      context.addIssue({
        code: "custom",
        path: ["generate", "vote"],
        message: `at most generate.samples (${samples})`,
        input: t.generate?.vote,
      });
    if (t.output !== "generate_until" && t.generate?.vote !== undefined) issue("generate.vote", "the output generate_until");
    for (const [i, m] of (t.metrics ?? []).entries()) {
      const k = /^pass@(\d+)$/.exec(m)?.[1];
      if (k !== undefined && Number(k) > samples)
        context.addIssue({
          code: "custom",
          path: ["metrics", i],
          message: `pass@k for k up to generate.samples (${samples})`,
          input: m,
        });
    }
    if (t.output === "multiple_choice") need("choices", "choices: a field, a template that gives a list, or a list of templates");
    if (t.output === "classify") need("labels", "labels: label -> what the model would write for it");
    if (t.positive !== undefined && t.labels && !Object.hasOwn(t.labels, t.positive))
      issue("positive", `one of the labels ${Object.keys(t.labels).join(", ")}`);
  });

/** A checked task. Plain data: with the items' content it is all that decides what is asked. */
export type Task = z.output<typeof taskSchema>;
