/** Secrets of the configuration, read from where it says: a variable, a file, a program's output. An error names the place and never the secret. */
import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import { resolve } from "node:path";
import { promisify } from "node:util";
import { type Environment, environment } from "../../base/index.ts";
import { gatewayErrors } from "../errors.ts";
import type { SecretSource } from "./secret-source.ts";

const run = promisify(execFile);
/** A provider's program that asks a person, or a network that is gone, must not hold a start for ever. */
const commandMs = 30_000;
const secretBytes = 64 * 1024;

const fail = (place: string, message: string, hint: string) => gatewayErrors.fail("secret", { place, message, hint });

/** Errors: gateway/secret. Relative paths are the configuration's. */
export async function readSecret(
  source: SecretSource,
  place: string,
  folder: string,
  variables: Environment = environment(),
): Promise<string> {
  const found = await textOf(source, place, folder, variables);
  const text = found.replace(/\r?\n$/, "");
  if (text === "") throw fail(place, "the secret is empty", "Check where it is kept.");
  if (/[^\x20-\x7e]/.test(text)) throw fail(place, "the secret has characters that a header cannot carry", "Check where it is kept.");
  return text;
}

async function textOf(source: SecretSource, place: string, folder: string, variables: Environment): Promise<string> {
  if ("env" in source) {
    const value = variables[source.env];
    if (value === undefined) throw fail(place, `the variable ${source.env} is not set`, `Set ${source.env} before the gateway starts.`);
    return value;
  }
  if ("file" in source) {
    try {
      return await readFile(resolve(folder, source.file), "utf8");
    } catch (error) {
      throw fail(
        place,
        `${source.file} cannot be read (${(error as NodeJS.ErrnoException).code ?? "error"})`,
        "Check its path and rights.",
      );
    }
  }
  const [program, ...args] = source.command;
  try {
    const { stdout } = await run(program!, args, { cwd: folder, env: variables, timeout: commandMs, maxBuffer: secretBytes });
    return stdout;
  } catch (error) {
    // neither its output nor its arguments: both may hold the secret
    const { code, killed } = error as { readonly code?: string | number; readonly killed?: boolean };
    const why = killed ? `did not end within ${commandMs / 1000} s` : `failed (${code ?? "error"})`;
    throw fail(place, `the program ${program} ${why}`, "Run it by hand to see why.");
  }
}
