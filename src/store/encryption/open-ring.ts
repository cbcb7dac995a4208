/** The key ring that a project's settings name: `file:PATH`, `env:NAME`, `aws-kms:KEY?region=...&endpoint=...`, or a command. */
import { homedir } from "node:os";
import { isAbsolute, join } from "node:path";
import { storeErrors } from "../errors.ts";
import { awsKms } from "./aws-kms.ts";
import { commandKeys } from "./command-keys.ts";
import { type KeyRing, openKeyRing } from "./key-ring.ts";
import type { KeyService } from "./key-service.ts";
import { environmentKeys, fileKeys } from "./local-keys.ts";

/** Encryption at rest, as `store.encrypt` of loam.yaml says it. */
export interface EncryptOptions {
  /** Place of the key encryption keys: a URL, or a command with its arguments. */
  readonly key: string | { readonly command: readonly string[] };
  /** Folder of the wrapped data keys. Default: `.loam/keys`. */
  readonly ring?: string | undefined;
  /** Where runs and caches work: in memory, or on the disk in the clear. Default: memory. */
  readonly work?: "memory" | "disk" | undefined;
}

export const defaultRing = ".loam/keys";

const inFolder = (root: string, path: string): string =>
  path.startsWith("~/") ? join(homedir(), path.slice(2)) : isAbsolute(path) ? path : join(root, path);

const unknownPlace = (received: string) =>
  storeErrors.fail("url", {
    place: "store.encrypt.key",
    expected: "file:PATH, env:NAME, aws-kms:KEY?region=REGION, or command: [PROGRAM, ...]",
    received: `"${received}"`,
    hint: 'Try "file:~/.loam-keys/NAME.json".',
  });

/** The key service that the settings name; asks it nothing yet. Errors: url. */
export function keyServiceOf(
  { key }: EncryptOptions,
  root: string,
  environment: Readonly<Record<string, string | undefined>> = process.env,
): KeyService {
  if (typeof key !== "string") return commandKeys(key.command);
  const [, scheme = "", rest = ""] = /^([a-z-]+):(.+)$/s.exec(key) ?? [];
  if (scheme === "file") return fileKeys(inFolder(root, rest));
  if (scheme === "env" && /^[A-Za-z_][A-Za-z0-9_]*$/.test(rest)) return environmentKeys(rest, environment);
  if (scheme === "aws-kms") {
    const [name = "", query = ""] = rest.split(/\?(.*)/s);
    const parameters = new URLSearchParams(query);
    const region = parameters.get("region") ?? /^arn:aws[a-z-]*:kms:([a-z0-9-]+):/.exec(name)?.[1] ?? environment.AWS_REGION;
    const endpoint = parameters.get("endpoint") ?? undefined;
    if (!region || name === "" || (endpoint !== undefined && !URL.canParse(endpoint))) throw unknownPlace(key);
    return awsKms({ key: name, region, endpoint }, environment);
  }
  throw unknownPlace(key);
}

/** The key ring of a project whose folder is `root`. Errors: url, keyMissing, those of files. */
export const ringOfProject = (options: EncryptOptions, root: string, now: () => number = Date.now): KeyRing =>
  openKeyRing(inFolder(root, options.ring ?? defaultRing), keyServiceOf(options, root), now);
