/**
 * Key encryption keys behind a command (a client of a hardware module or of any key service): it reads one JSON object from standard input and writes one to
 * standard output. `{op: "current"}` -> `{kek}`; `{op: "wrap", plaintext, context}` -> `{kek, wrapped}`; `{op: "unwrap", kek, wrapped, context}` ->
 * `{plaintext}`; bytes are base64. A command that fails says why on standard error.
 */
import { spawn } from "node:child_process";
import { z } from "zod";
import { storeErrors } from "../errors.ts";
import type { KeyService } from "./key-service.ts";

/** Longest that a command may take, in milliseconds. */
const commandTimeoutMs = 30_000;
/** Most bytes of an answer: a wrapped key is below a kilobyte. */
const maxAnswerBytes = 64 * 1024;

function answerOf(
  command: readonly string[],
  input: object,
  signal: AbortSignal,
): Promise<{ readonly out: string; readonly error: string; readonly code: number | null }> {
  return new Promise((resolve, reject) => {
    const child = spawn(command[0]!, command.slice(1), { stdio: ["pipe", "pipe", "pipe"], signal });
    let [out, error] = ["", ""];
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      out += text;
      if (out.length > maxAnswerBytes) child.kill();
    });
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      error = (error + text).slice(-500);
    });
    child.on("error", reject);
    // a command that reads nothing closes its input: its exit code tells
    child.stdin.on("error", () => {});
    child.on("close", code => resolve({ out, error, code }));
    child.stdin.end(`${JSON.stringify(input)}\n`);
  });
}

/** Keys that a command wraps and unwraps. Errors: keyService. */
export function commandKeys(command: readonly string[]): KeyService {
  const place = `command ${command[0]}`;
  const ask = async <T>(input: { readonly op: string }, schema: z.ZodType<T>): Promise<T> => {
    const failed = (received: string, cause?: unknown) =>
      storeErrors.fail(
        "keyService",
        { place, expected: `an answer to "${input.op}"`, received, hint: "Run the command by hand; docs/encryption.md has its protocol." },
        cause,
      );
    let answer: Awaited<ReturnType<typeof answerOf>>;
    try {
      answer = await answerOf(command, input, AbortSignal.timeout(commandTimeoutMs));
    } catch (error) {
      throw failed((error as Error).message, error);
    }
    if (answer.code !== 0) throw failed(`exit code ${answer.code}: ${answer.error.trim() || "no message"}`);
    let parsed: unknown;
    try {
      parsed = JSON.parse(answer.out);
    } catch {
      parsed = undefined;
    }
    const result = schema.safeParse(parsed);
    if (!result.success) throw failed("no JSON object of the expected form");
    return result.data;
  };
  const current = async () => (await ask({ op: "current" }, z.object({ kek: z.string().min(1) }))).kek;
  return {
    place,
    current,
    list: async () => [await current()],
    wrap: (key, context) =>
      ask(
        { op: "wrap", plaintext: Buffer.from(key).toString("base64"), context } as { op: string },
        z.object({ kek: z.string().min(1), wrapped: z.base64() }),
      ),
    async unwrap(wrapped, context) {
      const { plaintext } = await ask({ op: "unwrap", ...wrapped, context } as { op: string }, z.object({ plaintext: z.base64() }));
      return Buffer.from(plaintext, "base64");
    },
  };
}
