/** A question before something is changed: --yes answers it, a terminal is asked, and where nobody can answer the command ends. */
import { createInterface } from "node:readline/promises";
import { baseErrors } from "../../base/index.ts";
import { cliErrors } from "../errors.ts";
import { type Context, type Options, streamsOf } from "../verb.ts";

/** Returns when the answer is yes. Errors: cli/usage where nobody can be asked; base/interrupted where the answer is no. */
export async function askYes(context: Context, options: Options, place: string, question: string): Promise<void> {
  const { out, signal } = context;
  const { stdin, stderr } = streamsOf(context);
  if (options.yes === true) return;
  if (out.json || !stdin.isTTY)
    throw cliErrors.fail("usage", {
      place,
      expected: "--yes, since nobody can be asked here",
      received: "no --yes",
      hint: "Nothing was changed.",
    });
  const terminal = createInterface({ input: stdin, output: stderr });
  try {
    const answer = await terminal.question(`${question} [y/N] `, { signal });
    if (/^\s*(y|yes)\s*$/i.test(answer)) return;
  } finally {
    terminal.close();
  }
  throw baseErrors.fail("interrupted", { place, message: "not done", hint: "Nothing was changed." });
}
