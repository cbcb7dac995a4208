/**
 * Models on Hugging Face's hub or a server that speaks as it does (HF_ENDPOINT): what a repository holds, with the digest of each file, and
 * the files themselves, resumed where they broke off and checked when they are whole. The token (HF_TOKEN) goes to the hub alone, never to
 * where it redirects. Nothing that a server says is believed further than these digests.
 */
import { createHash } from "node:crypto";
import { createReadStream, existsSync, statSync } from "node:fs";
import { mkdir, open, rm } from "node:fs/promises";
import { dirname } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { z } from "zod";
import { check, defined, formatBytes, type Progress } from "../../base/index.ts";
import { ggufModels } from "../../nn/index.ts";
import { projectErrors, wrongArgument } from "../errors.ts";
import { isGguf, isModelFile } from "./paths.ts";

interface HubPlace {
  readonly owner: string;
  readonly name: string;
  readonly revision: string;
  /** One file that is meant, where a repository holds several. */
  readonly file?: string;
}
interface HubFile {
  readonly name: string;
  readonly sizeBytes: number;
  /** `sha256:...` of the content, or `git:...`, the SHA-1 that git gives a file. */
  readonly digest: string;
}
export interface HubModel {
  readonly place: HubPlace;
  /** The commit. */
  readonly commit: string;
  readonly files: readonly HubFile[];
}
export interface HubOptions {
  readonly endpoint?: string | undefined;
  readonly token?: string | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly progress?: Progress | undefined;
  /** Waits after a failure, ms; doubled each time. */
  readonly pauseMs?: number;
  /** Without a byte for so long a connection is given up. */
  readonly idleMs?: number;
}

const defaultEndpoint = "https://huggingface.co";
/** 32 MiB of a repository's list; the largest have some thousand files at 300 bytes. */
const maxListBytes = 32 * 1024 * 1024;
const maxRedirects = 5;
/** Tries without a new byte. */
const tries = 5;

const fail = (place: string, expected: string, received: string, hint?: string, cause?: unknown) =>
  projectErrors.fail("download", { place, expected, received, ...(hint ? { hint } : {}) }, cause);

/** `hf:OWNER/NAME`, `hf:OWNER/NAME@REVISION`, `hf:OWNER/NAME:FILE`. Errors: project/argument. */
export function parseHub(text: string): HubPlace {
  const match = /^hf:([\w.-]+)\/([\w.-]+)(?:@([\w./-]+))?(?::([\w.-]+(?:\/[\w.-]+)*))?$/.exec(text);
  const [, owner = "", name = "", revision = "main", file] = match ?? [];
  if (!match || [owner, name, ...revision.split("/"), ...(file?.split("/") ?? [])].some(part => /^\.*$/.test(part)))
    throw wrongArgument(
      "loam models import",
      "hf:OWNER/NAME, with @REVISION or :FILE where they matter",
      JSON.stringify(text.slice(0, 100)),
    );
  return { owner, name, revision, ...defined({ file }) };
}

export const isHub = (text: string): boolean => text.startsWith("hf:");

function endpointOf(o: HubOptions): string {
  const given = o.endpoint || defaultEndpoint;
  if (!/^https?:\/\//.test(given)) throw fail("HF_ENDPOINT", "a URL that begins with http:// or https://", JSON.stringify(given));
  return given.replace(/\/+$/, "");
}

/** A request whose token stays with the hub. Answers of 3xx are followed here, so that what is sent where is decided here. */
async function request(url: string, o: HubOptions, headers: Record<string, string>, signal: AbortSignal): Promise<Response> {
  const home = new URL(endpointOf(o)).origin;
  let at = new URL(url);
  for (let i = 0; i <= maxRedirects; i++) {
    const authorization: Record<string, string> = o.token && at.origin === home ? { authorization: `Bearer ${o.token}` } : {};
    const response = await fetch(at, { headers: { ...headers, ...authorization }, redirect: "manual", signal });
    const location = response.status >= 300 && response.status < 400 ? response.headers.get("location") : null;
    if (location === null) return response;
    await response.body?.cancel();
    at = new URL(location, at);
    if (at.protocol !== "https:" && at.protocol !== "http:") throw fail(url, "a redirection to http or https", at.protocol);
  }
  throw fail(url, `at most ${maxRedirects} redirections`, "more");
}

/** What an answer of the hub means to who asked. */
function refusal(place: string, status: number, o: HubOptions) {
  if (status === 401 || status === 403)
    return fail(
      place,
      "a model that may be read",
      `${status}, ${o.token ? "no access with this token" : "no access without a token"}`,
      o.token
        ? "Ask for access on the model's page, or use the token of who has it."
        : "Set HF_TOKEN to a token that may read it; the hub answers so too where there is no such model.",
    );
  if (status === 404)
    return fail(place, "a model, revision and file that the hub has", "404, not found", "Check owner, name and revision.");
  return fail(place, "an answer of 200", String(status), "Try again later.");
}

const listSchema = z.looseObject({
  sha: z.string().regex(/^[0-9a-f]{40}$/),
  siblings: z.array(
    z.looseObject({
      rfilename: z.string(),
      size: z.int().nonnegative().nullish(),
      blobId: z.string().nullish(),
      lfs: z.looseObject({ sha256: z.string().regex(/^[0-9a-f]{64}$/), size: z.int().nonnegative().optional() }).nullish(),
    }),
  ),
});

const placeText = (p: HubPlace): string => `hf:${p.owner}/${p.name}${p.revision === "main" ? "" : `@${p.revision}`}`;

/** The files of a repository that are a model: safetensors and what belongs to them, else the one GGUF file, else the one that was named. */
function chosen(names: readonly string[], place: HubPlace): string[] {
  const { file } = place;
  if (file !== undefined) {
    if (!names.includes(file)) throw fail(placeText(place), `the file ${file}`, `none of ${names.length} files is`, "Check its name.");
    if (!isGguf(file)) throw fail(placeText(place), "a GGUF file after the colon", file);
    return ggufModels(names).find(parts => parts.includes(file)) as string[];
  }
  const model = names.filter(isModelFile);
  if (model.some(name => name.endsWith(".safetensors"))) return model;
  const safe = names.filter(
    name => isGguf(name) && /^[\w.-]+(\/[\w.-]+)*$/.test(name) && !name.split("/").some(part => /^\.+$/.test(part)),
  );
  const ggufs = ggufModels(safe);
  if (ggufs.length === 1) return [...ggufs[0]!];
  throw fail(
    placeText(place),
    "safetensors, or one GGUF model",
    ggufs.length > 1
      ? `${ggufs.length} GGUF models: ${ggufs
          .slice(0, 6)
          .map(([first]) => first)
          .join(", ")}`
      : "neither",
    ggufs.length > 1 ? `Name one: ${placeText(place)}:${ggufs[0]![0]}` : "Pickled weights are not read: they can run code.",
  );
}

/** What a repository holds at a revision. Errors: project/download. */
export async function hubModel(place: HubPlace, o: HubOptions = {}): Promise<HubModel> {
  const what = placeText(place);
  const url = `${endpointOf(o)}/api/models/${place.owner}/${place.name}/revision/${encodeURIComponent(place.revision)}?blobs=true`;
  const signal = AbortSignal.any([AbortSignal.timeout(o.idleMs ?? 30_000), ...(o.signal ? [o.signal] : [])]);
  let text = "";
  try {
    const response = await request(url, o, { accept: "application/json" }, signal);
    if (response.status !== 200) throw refusal(what, response.status, o);
    const decoder = new TextDecoder();
    for await (const piece of response.body ?? []) {
      text += decoder.decode(piece as Uint8Array, { stream: true });
      if (text.length > maxListBytes) throw fail(what, `a list of at most ${maxListBytes} bytes`, "more");
    }
  } catch (error) {
    throw unreachable(error, what, o);
  }
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw fail(what, "JSON", JSON.stringify(text.slice(0, 60)), "Is HF_ENDPOINT a hub?", error);
  }
  const { sha, siblings } = check(listSchema, value, what);
  const byName = new Map(siblings.map(s => [s.rfilename, s]));
  const files = chosen([...byName.keys()], place).map((name): HubFile => {
    const s = byName.get(name)!;
    const size = s.lfs?.size ?? s.size;
    const digest = s.lfs ? `sha256:${s.lfs.sha256}` : /^[0-9a-f]{40}$/.test(s.blobId ?? "") ? `git:${s.blobId}` : undefined;
    if (size == null || digest === undefined) throw fail(`${what}: ${name}`, "a size and a digest in the list", "none");
    return { name, sizeBytes: size, digest };
  });
  return { place, commit: sha, files };
}

/** A failure of the network as ours; Loam's own pass, and so does being stopped. */
function unreachable(error: unknown, what: string, o: HubOptions): unknown {
  if (o.signal?.aborted) return o.signal.reason;
  if (error instanceof Error && error.name === "LoamError") return error;
  const cause = (error as { cause?: { code?: string; message?: string } })?.cause;
  const reason = cause?.code ?? cause?.message ?? (error instanceof Error ? error.message : String(error));
  return fail(
    what,
    `an answer of ${endpointOf(o)}`,
    reason.slice(0, 120),
    "Check the network; what has come is kept, and the same command goes on.",
    error,
  );
}

const sizeAt = (path: string): number => (existsSync(path) ? statSync(path).size : 0);

/** The digest of a file in the form that the list has it. */
async function digestAs(kind: string, path: string): Promise<string> {
  const hash = createHash(kind === "git" ? "sha1" : "sha256");
  if (kind === "git") hash.update(`blob ${sizeAt(path)}\0`);
  for await (const piece of createReadStream(path, { highWaterMark: 1 << 20 })) hash.update(piece as Buffer);
  return `${kind}:${hash.digest("hex")}`;
}

/** Appends what is missing; gives back whether any byte came. */
async function fetchRest(
  url: string,
  path: string,
  file: HubFile,
  what: string,
  o: HubOptions,
  onBytes: (n: number) => void,
): Promise<void> {
  const idle = new AbortController();
  let timer: NodeJS.Timeout | undefined;
  const alive = () => {
    clearTimeout(timer);
    timer = setTimeout(() => idle.abort(new Error("no byte came for too long")), o.idleMs ?? 30_000);
  };
  alive();
  const signal = o.signal ? AbortSignal.any([idle.signal, o.signal]) : idle.signal;
  try {
    const have = sizeAt(path);
    const response = await request(url, o, have > 0 ? { range: `bytes=${have}-` } : {}, signal);
    const { status } = response;
    const from = /^bytes (\d+)-/.exec(response.headers.get("content-range") ?? "")?.[1];
    if (status !== 200 && status !== 206) {
      await response.body?.cancel();
      if (status === 416) await rm(path, { force: true });
      else throw refusal(what, status, o);
      return;
    }
    // a server that does not know ranges sends the whole again
    const goesOn = status === 206 && Number(from) === have;
    const handle = await open(path, goesOn ? "a" : "w");
    try {
      let size = goesOn ? have : 0;
      for await (const piece of response.body ?? []) {
        alive();
        size += (piece as Uint8Array).length;
        if (size > file.sizeBytes)
          throw fail(what, `${file.sizeBytes} bytes`, "more", "The file has changed on the hub; run the command again.");
        await handle.write(piece as Uint8Array);
        onBytes(size);
      }
      await handle.sync();
    } finally {
      await handle.close();
    }
  } finally {
    clearTimeout(timer);
  }
}

/**
 * Fetches a file of a model to `path`, or what is missing of it, and checks its digest; a file that is there whole is not fetched again.
 * Errors: project/download; a file with another digest is removed.
 */
export async function fetchHubFile(model: HubModel, file: HubFile, path: string, o: HubOptions = {}): Promise<void> {
  const { owner, name } = model.place;
  const what = `${placeText(model.place)}: ${file.name}`;
  const url = `${endpointOf(o)}/${owner}/${name}/resolve/${model.commit}/${file.name.split("/").map(encodeURIComponent).join("/")}`;
  await mkdir(dirname(path), { recursive: true });
  if (sizeAt(path) > file.sizeBytes) await rm(path);
  if (file.sizeBytes === 0) await (await open(path, "w")).close();
  for (let failures = 0; sizeAt(path) < file.sizeBytes; ) {
    const before = sizeAt(path);
    let problem: unknown = fail(
      what,
      `${file.sizeBytes} bytes`,
      "an end before",
      "Run the command again: it goes on where this one stopped.",
    );
    try {
      await fetchRest(url, path, file, what, o, size => {
        o.progress?.({
          stage: "fetch",
          done: size / file.sizeBytes,
          message: `${file.name}  ${formatBytes(size)} of ${formatBytes(file.sizeBytes)}`,
        });
      });
    } catch (error) {
      problem = unreachable(error, what, o);
      const cause = (problem as { cause?: unknown }).cause;
      // what the hub or we refuse will not change by asking again
      if (o.signal?.aborted || cause === undefined) throw problem;
    }
    failures = sizeAt(path) > before ? 0 : failures + 1;
    if (failures >= tries) throw problem;
    if (sizeAt(path) < file.sizeBytes) await wait((o.pauseMs ?? 500) * 2 ** failures, undefined, o.signal ? { signal: o.signal } : {});
  }
  const kind = file.digest.split(":")[0]!;
  const got = await digestAs(kind, path);
  if (got !== file.digest) {
    await rm(path, { force: true });
    throw fail(what, file.digest, got, "Other bytes came than the hub has announced; run the command again.");
  }
}
