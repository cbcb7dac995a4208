/**
 * Task files of lm-evaluation-harness (0.4.x): the keys that plain tasks use, read into Loam's shape with the same prompts, answers and draws of
 * examples. What would need Python (`!function`, a custom task class) or a download is refused by name.
 */
import { z } from "zod";
import { check, defined } from "../../base/index.ts";
import { evaluateErrors } from "../errors.ts";
import { type FilteredReading, filteredReading, filterListSchema } from "./harness-filters.ts";
import { isKeys } from "./harness-include.ts";
import { outputTypes, type Task, taskSchema } from "./schema.ts";

const text = z.string();
const split = text.min(1);
const field = z.union([text, z.int().nonnegative()]);

const harnessSchema = z.strictObject({
  task: text,
  task_alias: text.nullish(),
  tag: z.union([text, z.array(text)]).optional(),
  group: z.union([text, z.array(text)]).optional(),
  dataset_path: text,
  dataset_name: text.nullish(),
  dataset_kwargs: z
    .strictObject({
      data_files: z.union([text, z.record(z.string(), text)]),
      data_dir: text.optional(),
      trust_remote_code: z.boolean().optional(),
    })
    .optional(),
  training_split: split.nullish(),
  validation_split: split.nullish(),
  test_split: split.nullish(),
  fewshot_split: split.nullish(),
  description: text.default(""),
  doc_to_text: field.optional(),
  doc_to_target: field.optional(),
  doc_to_choice: z.union([text, z.array(text), z.record(z.string(), text)]).optional(),
  target_delimiter: text.default(" "),
  fewshot_delimiter: text.default("\n\n"),
  fewshot_config: z.strictObject({ sampler: z.enum(["default", "first_n"]).default("default") }).optional(),
  num_fewshot: z.int().nonnegative().nullish(),
  /** What the harness is told on its command line, with `apply_chat_template`. */
  fewshot_as_multiturn: z.boolean().optional(),
  output_type: z
    .enum(outputTypes.filter(t => t !== "classify" && t !== "code") as [Exclude<Task["output"], "classify" | "code">])
    .default("generate_until"),
  generation_kwargs: z
    .strictObject({
      until: z.union([text, z.array(text)]).optional(),
      max_gen_toks: z.int().positive().optional(),
      do_sample: z.boolean().optional(),
      temperature: z.number().min(0).optional(),
    })
    .optional(),
  metric_list: z
    .array(
      z.strictObject({
        metric: text,
        aggregation: text.optional(),
        higher_is_better: z.boolean().optional(),
        ignore_case: z.boolean().optional(),
        ignore_punctuation: z.boolean().optional(),
        regexes_to_ignore: z.array(text.min(1)).optional(),
      }),
    )
    .optional(),
  filter_list: filterListSchema.optional(),
  repeats: z.int().min(1).max(1000).default(1),
  should_decontaminate: z.boolean().optional(),
  doc_to_decontamination_query: text.optional(),
  metadata: z.record(z.string(), z.unknown()).optional(),
});

/** The harness's names of measures that have another here. */
export const metricNames: Readonly<Record<string, string>> = { exact_match: "exact-match", brier_score: "brier" };
const harnessSeed = 1234;
/** What the harness stops at where a task says nothing. */
const defaultMost = 256;

/** Whether a file is one of the harness. */
export const isHarness = (value: unknown): boolean =>
  typeof value === "object" &&
  value !== null &&
  Object.keys(value).some(k => ["dataset_path", "doc_to_text", "output_type", "doc_to_target"].includes(k));

type Harness = z.output<typeof harnessSchema>;

function dataOf(h: Harness, place: string): Task["data"] {
  const files = h.dataset_kwargs?.data_files;
  const format = ({ json: "jsonl", csv: "csv" } as const)[h.dataset_path];
  if (format === undefined || files === undefined)
    throw evaluateErrors.fail("task", {
      place: `${place}: dataset_path`,
      expected: "json or csv with dataset_kwargs.data_files (a file for each split)",
      received: `"${h.dataset_path}"`,
      hint: "Save the splits as JSONL beside the task file; nothing is downloaded.",
    });
  const asked = typeof files === "string" ? { [h.test_split ?? h.validation_split ?? "train"]: files } : files;
  // a JSON dataset is JSONL or a list: told by its content where its name says nothing
  return Object.fromEntries(Object.entries(asked).map(([k, file]) => [k, /\.(jsonl?|csv|tsv)$/.test(file) ? file : { file, format }]));
}

/** A task of a file: with several lists of filters there are as many, which ask the same and read it in their own ways. */
export interface HarnessTask {
  readonly task: Task;
  /** The name in the file, and that of the list of filters (`none` where there is no list). */
  readonly named: string;
  readonly filter: string;
}

/** Letters that a task's name may have. */
const plainName = (name: string): string => name.replace(/[^\w.-]+/g, "-");

/** Keys that name a function in Python, and what does without it. */
const pythonKeys: Readonly<Record<string, string>> = {
  process_docs: "Run it once and save the items that it gives as JSONL beside the task file, then leave the key out.",
  process_results: "Leave the key out and name measures under metric_list: what is right is `doc_to_target`.",
  custom_dataset: "Run it once and save each split as JSONL beside the task file: dataset_path json, with data_files.",
  class: "Write what it does as a plain task: doc_to_text, doc_to_target, metric_list.",
};

/** Errors: base/unknownKey, base/config, evaluate/task for what cannot be done without Python or a download. */
export function harnessTasks(value: unknown, place: string): HarnessTask[] {
  const python = isKeys(value) ? Object.keys(pythonKeys).find(k => value[k] !== undefined) : undefined;
  if (python !== undefined)
    throw evaluateErrors.fail("task", {
      place: `${place}: ${python}`,
      expected: "a task that needs no Python",
      received: "a function or class in Python",
      hint: pythonKeys[python],
    });
  const h = check(harnessSchema, value, place);
  if (h.repeats > 1 && h.output_type !== "generate_until")
    throw evaluateErrors.fail("task", {
      place: `${place}: repeats`,
      expected: "1, or output_type generate_until: a likelihood is the same each time",
      received: String(h.repeats),
    });
  const lists = h.filter_list ?? [{ name: "none", filter: [] }];
  return lists.map(({ name = "none", filter }, i) => {
    const reading = filteredReading(filter, h.filter_list ? h.repeats : 1, `${place}: filter_list[${i}]`);
    const task = lists.length === 1 ? h.task : `${h.task}-${plainName(name)}`;
    return { task: taskOf(h, task, reading, place), named: h.task, filter: name };
  });
}

function taskOf(h: Harness, name: string, reading: FilteredReading, place: string): Task {
  const shots = h.num_fewshot ?? 0;
  const tested = h.test_split ?? h.validation_split ?? h.training_split ?? "train";
  const stop = h.generation_kwargs?.until;
  const metrics = h.metric_list?.map(m => metricNames[m.metric] ?? m.metric);
  const exact = h.metric_list?.find(m => m.metric === "exact_match");
  const isLoose = exact && (exact.ignore_case || exact.ignore_punctuation || exact.regexes_to_ignore?.length);
  const own = {
    task: name,
    data: dataOf(h, place),
    split: tested,
    description: h.description,
    output: h.output_type,
    ...(h.doc_to_text === undefined || h.output_type === "loglikelihood_rolling" ? {} : { prompt: String(h.doc_to_text) }),
    ...(h.doc_to_choice === undefined
      ? {}
      : {
          choices:
            typeof h.doc_to_choice === "object" && !Array.isArray(h.doc_to_choice) ? Object.values(h.doc_to_choice) : h.doc_to_choice,
        }),
    ...defined({ target: h.doc_to_target }),
    // the harness puts nothing before a text whose likelihood is asked
    between: h.output_type === "loglikelihood" ? "" : h.target_delimiter,
    ...(shots > 0 && h.fewshot_as_multiturn ? { chat: true } : {}),
    ...(shots > 0
      ? {
          fewShot: {
            count: shots,
            from: h.fewshot_split ?? h.training_split ?? h.validation_split ?? tested,
            seed: harnessSeed,
            sampler: h.fewshot_config?.sampler === "first_n" ? ("first" as const) : ("harness" as const),
            separator: h.fewshot_delimiter,
            between: h.target_delimiter,
            ...(h.fewshot_as_multiturn ? { multiturn: true } : {}),
            // two that are not said count as the same
            spare: (h.fewshot_split ?? undefined) === (h.test_split ?? undefined),
          },
        }
      : {}),
    ...(h.output_type === "generate_until"
      ? {
          generate: {
            stop: stop === undefined ? [h.fewshot_delimiter] : [stop].flat(),
            maxTokens: h.generation_kwargs?.max_gen_toks ?? defaultMost,
            temperature: h.generation_kwargs?.do_sample ? (h.generation_kwargs.temperature ?? 1) : 0,
            samples: h.repeats,
            ...reading,
          },
        }
      : {}),
    ...(isLoose && h.output_type === "generate_until"
      ? {
          match: {
            ignore: exact.regexes_to_ignore ?? [],
            ignoreCase: exact.ignore_case ?? false,
            ignorePunctuation: exact.ignore_punctuation ?? false,
          },
        }
      : {}),
    ...(metrics?.length ? { metrics } : {}),
  };
  return check(taskSchema, own, place);
}
