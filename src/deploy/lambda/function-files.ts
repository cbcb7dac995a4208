/**
 * The files of a zip archive for Lambda's managed Node: Loam's serving files, the model, and a start script that AWS_LAMBDA_EXEC_WRAPPER names. The script
 * starts Loam's own event loop with the runtime's Node, instead of the runtime's own loop.
 */
import { readFileSync } from "node:fs";
import type { GuardFiles, ModelFile } from "../image/build-image.ts";
import type { ServingBundle } from "../image/serving-packages.ts";
import type { ZipEntry } from "../zip.ts";

/** Where Lambda unpacks the archive. */
const taskRoot = "/var/task";
export const wrapperPath = `${taskRoot}/bootstrap`;
const handlerFile = "index.mjs";
export const handlerName = "index.handler";

/** What the function's Node is started with: collections in one thread (the others wait for processors that a small function does not have). */
const nodeFlags = ["--single-threaded-gc", "--max-semi-space-size=64"];

export interface LambdaArguments {
  readonly mode: "stream" | "buffered";
  readonly slots: number;
  readonly context: number | undefined;
  /** Of `loam serve --quantize`. */
  readonly form: string;
}

interface LambdaServe extends LambdaArguments {
  readonly model: string;
  /** SHA-256 of the model's files as they lie in the archive. */
  readonly servedDigest: string;
  /** What responses are guarded with, in the archive's folder `guards`. */
  readonly guards?: GuardFiles | undefined;
}

export const guardsFolder = "guards";

/** Arguments of `loam serve` that make it a function. */
export const lambdaArguments = ({ mode, slots, context, form }: LambdaArguments): string[] => [
  "--quantize",
  form,
  "--slots",
  String(slots),
  ...(context === undefined ? [] : ["--context", String(context)]),
  "--lambda",
  mode,
];

const serveArguments = (o: LambdaServe): string[] => [
  "--served-model-name",
  o.model,
  "--expect-digest",
  o.servedDigest,
  ...lambdaArguments(o),
];

/** Names of models and forms, numbers and digests need no quotes; anything else gets them. */
const quoted = (word: string): string => (/^[\w@.:/=-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`);

const guardArguments = ({ guards }: LambdaServe): string[] => (guards ? ["--guards", `"$root/${guardsFolder}/${guards.name}"`] : []);

/** The start script. Lambda calls it with the command line of its own runtime, which begins with the path of Node. */
const bootstrapText = (o: LambdaServe): string => `#!/bin/sh
# AWS_LAMBDA_EXEC_WRAPPER=${wrapperPath}: starts Loam with the runtime's Node in place of the runtime's own loop.
root="\${LAMBDA_TASK_ROOT:-${taskRoot}}"
node=node
for word in "$@" /var/lang/bin/node; do
  case "$word" in
  */node) if [ -x "$word" ]; then node="$word" && break; fi ;;
  esac
done
# only /tmp can be written
export HOME=/tmp LOAM_HOME=/tmp NODE_ENV=production
exec "$node" ${nodeFlags.join(" ")} "$root/app/bin/loam.js" serve "$root/model" ${[...guardArguments(o), ...serveArguments(o).map(quoted)].join(" ")}
`;

const handlerText = `// Loaded only where the wrapper is not set: the function's own loop is ${wrapperPath}.
export const handler = async () => {
  throw new Error("AWS_LAMBDA_EXEC_WRAPPER: expected ${wrapperPath}, got " + (process.env.AWS_LAMBDA_EXEC_WRAPPER ?? "none"));
};
`;

/** Entries of files that are read whole; `isStored`: weights do not become smaller. */
export async function folderEntries(folder: string, files: readonly ModelFile[], isStored: boolean): Promise<ZipEntry[]> {
  const entries: ZipEntry[] = [];
  for (const file of files)
    entries.push({ path: `${folder}/${file.name}`, bytes: await bytesOf(file), mode: 0o644, ...(isStored ? { isStored } : {}) });
  return entries;
}

const bytesOf = async (file: ModelFile): Promise<Uint8Array> => {
  const pieces: Uint8Array[] = [];
  for await (const piece of file.open()) pieces.push(piece);
  return Buffer.concat(pieces);
};

/** Bytes of all files beside the weights. */
export const programBytes = (bundle: ServingBundle): number => [...bundle.library, ...bundle.code].reduce((sum, f) => sum + f.sizeBytes, 0);

export async function functionEntries(bundle: ServingBundle, files: readonly ModelFile[], serve: LambdaServe): Promise<ZipEntry[]> {
  return [
    { path: "bootstrap", bytes: Buffer.from(bootstrapText(serve)), mode: 0o755 },
    { path: handlerFile, bytes: Buffer.from(handlerText), mode: 0o644 },
    ...[...bundle.library, ...bundle.code].map(f => ({ path: `app/${f.to}`, bytes: readFileSync(f.from), mode: 0o644 })),
    ...(await folderEntries("model", files, true)),
    ...(await folderEntries(guardsFolder, serve.guards?.files ?? [], false)),
  ];
}
