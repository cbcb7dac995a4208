/** Where a secret is read from; its text never stands in the file. */
import { z } from "zod";

export const secretSource = z.union(
  [
    z.strictObject({ env: z.string().min(1).describe("Environment variable.") }),
    z.strictObject({ file: z.string().min(1).describe("File.") }),
    z.strictObject({ command: z.array(z.string().min(1)).min(1).describe("Program and arguments; its output is the secret.") }),
  ],
  { error: "where the secret is kept: { env: NAME }, { file: PATH } or { command: [PROGRAM, ARGUMENT] }" },
);
export type SecretSource = z.output<typeof secretSource>;

/** The files of all secrets that a configuration names, wherever in it. */
export function* secretFilesOf(part: unknown): Generator<string> {
  if (typeof part !== "object" || part === null) return;
  const entries = Object.entries(part);
  const [first] = entries;
  if (entries.length === 1 && first![0] === "file" && typeof first![1] === "string") yield first![1];
  else for (const [, value] of entries) yield* secretFilesOf(value);
}
