/**
 * Task files of lm-evaluation-harness (0.4.x): the keys that plain tasks use, read into Loam's shape with the same prompts, answers and draws of
 * examples. What would need Python (`!function`, a custom task class) or a download is refused by name.
 */
import { z } from "zod";
import { check } from "../../base/index.ts";
import { evaluateErrors } from "../errors.ts";
import { outputTypes, type ReadStep, type Task, taskSchema } from "./schema.ts";

const text = z.string();
const split = text.min(1);
const field = z.union([text, z.int().nonnegative()]);

const harnessSchema = z.strictObject({
  task: text,
  task_alias: text.optional(),
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
      }),
    )
    .optional(),
  filter_list: z
    .array(
      z.strictObject({
        name: text.optional(),
        filter: z.array(
          z.strictObject({
            function: z.enum(["regex", "take_first", "remove_whitespace", "lowercase"]),
            regex_pattern: text.optional(),
            group_select: z.int().optional(),
            fallback: text.optional(),
          }),
        ),
      }),
    )
    .optional(),
  repeats: z.literal(1).optional(),
  should_decontaminate: z.boolean().optional(),
  doc_to_decontamination_query: text.optional(),
  metadata: z.record(z.string(), z.unknown()).optional(),
});

/** The harness's names of measures that have another here. */
const metricNames: Readonly<Record<string, string>> = { exact_match: "exact-match", brier_score: "brier" };
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

function readingOf(h: Harness, place: string): ReadStep[] {
  const filters = h.filter_list ?? [];
  if (filters.length > 1)
    throw evaluateErrors.fail("task", {
      place: `${place}: filter_list`,
      expected: "one list of filters",
      received: `${filters.length} lists`,
      hint: "Write a task file for each.",
    });
  return (filters[0]?.filter ?? []).flatMap((f): ReadStep[] => {
    if (f.function === "take_first") return [];
    if (f.function === "lowercase") return ["lower"];
    if (f.function === "remove_whitespace") return ["trim"];
    return [{ regex: f.regex_pattern ?? "#### (\\-?[0-9\\.\\,]+)", group: 1, pick: f.group_select === -1 ? "last" : "first" }];
  });
}

/** Errors: base/unknownKey, base/config, evaluate/task for what cannot be done without Python or a download. */
export function harnessTask(value: unknown, place: string): Task {
  const h = check(harnessSchema, value, place);
  const shots = h.num_fewshot ?? 0;
  const tested = h.test_split ?? h.validation_split ?? h.training_split ?? "train";
  const stop = h.generation_kwargs?.until;
  const metrics = h.metric_list?.map(m => metricNames[m.metric] ?? m.metric);
  if (h.metric_list?.some(m => m.ignore_case || m.ignore_punctuation))
    metrics!.splice(0, metrics!.length, ...metrics!.map(m => (m === "exact-match" ? "normalised-match" : m)));
  const own = {
    task: h.task,
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
    ...(h.doc_to_target === undefined ? {} : { target: h.doc_to_target }),
    // the harness puts nothing before a text whose likelihood is asked
    between: h.output_type === "loglikelihood" ? "" : h.target_delimiter,
    ...(shots > 0
      ? {
          fewShot: {
            count: shots,
            from: h.fewshot_split ?? h.training_split ?? h.validation_split ?? tested,
            seed: harnessSeed,
            sampler: h.fewshot_config?.sampler === "first_n" ? ("first" as const) : ("harness" as const),
            separator: h.fewshot_delimiter,
            between: h.target_delimiter,
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
            read: readingOf(h, place),
          },
        }
      : {}),
    ...(metrics?.length ? { metrics } : {}),
  };
  return check(taskSchema, own, place);
}
