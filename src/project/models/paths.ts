/** Model files that lie on this machine: a GGUF file or a folder, as a reader, and what names them. */
import { createHash } from "node:crypto";
import { createReadStream, statSync } from "node:fs";
import { basename, dirname, extname, join, resolve, sep } from "node:path";
import { fileError, hashOf } from "../../base/index.ts";
import { type FilesReader, folderFiles, ggufModels, ggufParts } from "../../nn/index.ts";
import { projectErrors } from "../errors.ts";

/**
 * Files of a folder that make or describe a model, as Hugging Face's libraries name them; others (pickles, pictures, other programs'
 * weights) are none of it.
 */
export const isModelFile = (name: string): boolean =>
  /^(config|generation_config|tokenizer|tokenizer_config|special_tokens_map|added_tokens|modules|sentence_bert_config|config_sentence_transformers)\.json$/.test(
    name,
  ) ||
  /^(model|weights)[\w.-]*\.safetensors(\.index\.json)?$/.test(name) ||
  /^(chat_template\.jinja|chat-template\.jinja|1_Pooling\/config\.json|README\.md|LICENSE[\w.-]*)$/.test(name);

export const isGguf = (name: string): boolean => /\.gguf$/i.test(name);

/** Is a word meant as a place on the disk and not as a model's name? Names have no slashes. */
export const isPath = (word: string): boolean => /[/\\]/.test(word) || word === "." || word === ".." || isGguf(word);

interface LocalModel {
  readonly files: FilesReader;
  /** What to call it where nobody says: the name of the file or folder. */
  readonly name: string;
}

/** A GGUF file or a folder as model files. Errors: base/missingFile, project/model where it is neither. */
export function localModel(path: string): LocalModel {
  let stat: ReturnType<typeof statSync>;
  try {
    stat = statSync(path);
  } catch (error) {
    throw fileError(error, path);
  }
  const full = resolve(path);
  const name = basename(full, isGguf(full) ? extname(full) : "")
    .replace(/-\d{5}-of-\d{5}$/, "")
    .replaceAll(/[^\w.-]/g, "-");
  if (stat?.isDirectory()) return { files: withSubfolders(full), name };
  if (stat?.isFile() && isGguf(full)) {
    const inFolder = folderFiles(dirname(full));
    const beside = new Set(inFolder.files.map(f => f.name));
    const parts = ggufParts(basename(full)).filter(name => beside.has(name));
    return {
      files: {
        id: dirname(path) === "." ? "." : dirname(path),
        files: parts.map(part => ({ name: part })),
        read: inFolder.read,
        localPath: inFolder.localPath,
      },
      name,
    };
  }
  throw projectErrors.fail("model", {
    place: path,
    expected: "a GGUF file, or a folder with config.json and safetensors",
    received: stat?.isFile() ? "another file" : "something else",
    hint: path.endsWith(".safetensors")
      ? "Name the folder that it is in: its config.json and tokenizer.json are needed too."
      : "Check the path.",
  });
}

/** A folder's model files, with the one that sentence encoders have a level below. */
function withSubfolders(folder: string): FilesReader {
  const plain = folderFiles(folder);
  return {
    id: folder.split(sep).slice(-1)[0] ?? folder,
    get files() {
      const top = plain.files;
      const pooling = statSync(join(folder, "1_Pooling", "config.json"), { throwIfNoEntry: false })?.isFile();
      return [...top, ...(pooling ? [{ name: "1_Pooling/config.json" }] : [])];
    },
    read: plain.read,
    localPath: plain.localPath,
  };
}

export interface FileDigest {
  readonly name: string;
  readonly sizeBytes: number;
  /** SHA-256. */
  readonly digest: string;
}

/** SHA-256 of a file, read in pieces. */
export async function fileDigest(path: string, signal?: AbortSignal): Promise<{ readonly sizeBytes: number; readonly digest: string }> {
  const hash = createHash("sha256");
  let sizeBytes = 0;
  try {
    for await (const piece of createReadStream(path, { highWaterMark: 1 << 20 })) {
      signal?.throwIfAborted();
      hash.update(piece as Buffer);
      sizeBytes += (piece as Buffer).length;
    }
  } catch (error) {
    if (signal?.aborted) throw signal.reason;
    throw fileError(error, path);
  }
  return { sizeBytes, digest: hash.digest("hex") };
}

/** The files that a model's digest is over, sorted. */
export function digestedNames({ files }: FilesReader): string[] {
  const names = files.map(f => f.name);
  const ggufs = ggufModels(names);
  const wanted =
    ggufs.length === 1 && !names.some(n => n.endsWith(".safetensors"))
      ? [...ggufs[0]!, ...names.filter(n => /^(README\.md|LICENSE[\w.-]*)$/.test(n))]
      : names.filter(isModelFile);
  return wanted.sort();
}

/** The model's files with their digests, in order of their names. */
export async function modelDigests(files: FilesReader, signal?: AbortSignal): Promise<FileDigest[]> {
  const out: FileDigest[] = [];
  for (const name of digestedNames(files)) out.push({ name, ...(await fileDigest(await files.localPath(name), signal)) });
  return out;
}

/** Identity of a model's files. */
export const digestOf = (files: readonly FileDigest[]): string => hashOf(files.map(f => [f.name, f.digest, f.sizeBytes]));
