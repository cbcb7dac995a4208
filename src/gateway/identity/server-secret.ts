/** The server's secret under which keys are hashed: given, or in a file of its own beside the state, readable by its owner alone. */
import { randomBytes, randomUUID } from "node:crypto";
import { closeSync, existsSync, fsyncSync, linkSync, openSync, readFileSync, rmSync, writeSync } from "node:fs";
import { fileError } from "../../base/index.ts";
import { gatewayErrors } from "../errors.ts";

const leastLength = 32;

const bad = (received: string, expected: string, hint: string) =>
  gatewayErrors.fail("secret", { place: "secret of the server", expected, received, hint });

/** Made whole under another name and linked, so that of processes that begin at once all read the same. */
function makeFile(path: string): void {
  const part = `${path}.${randomUUID()}`;
  try {
    const fd = openSync(part, "wx", 0o600);
    try {
      writeSync(fd, `${randomBytes(48).toString("base64url")}\n`);
      fsyncSync(fd);
    } finally {
      closeSync(fd);
    }
    linkSync(part, path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
  } finally {
    rmSync(part, { force: true });
  }
}

/** Errors: secret; readOnly, diskFull, io (base). */
export function serverSecrets(
  given: readonly string[] | undefined,
  state: { readonly kind: "memory" | "sqlite" | "postgres"; readonly place: string },
): readonly string[] {
  const make = "Make one: openssl rand -base64 48.";
  for (const secret of given ?? [])
    if (secret.length < leastLength) throw bad(`${secret.length}`, `at least ${leastLength} characters`, make);
  if (given && given.length > 0) return given;
  if (state.kind === "memory") return [randomBytes(48).toString("base64url")];
  if (state.kind === "postgres") throw bad("none", "a secret that all processes of this gateway share", `${make} Give it to each of them.`);
  const path = `${state.place}.secret`;
  let text: string;
  try {
    if (!existsSync(path)) makeFile(path);
    text = readFileSync(path, "utf8").trim();
  } catch (error) {
    throw fileError(error, path);
  }
  if (text.length < leastLength)
    throw bad(
      `a file ${path} with ${text.length} characters`,
      `at least ${leastLength} characters`,
      "Restore it: keys were hashed under it.",
    );
  return [text];
}
