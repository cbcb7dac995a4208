/** Names of a job's copies of its files, in its folder. */
export const fileNames = { training_file: "training_file.jsonl", validation_file: "validation_file.jsonl" } as const;
