/**
 * Answers of a model kept in a file, a line each as it comes: an evaluation that is killed goes on where it stopped, and a task that shares items with
 * another asks once. A line that was torn by a kill is passed over. Deleting the file costs time only.
 */
import { appendFileSync, closeSync, existsSync, fstatSync, openSync, readSync } from "node:fs";
import { join } from "node:path";
import { fileError, hashOf, makeFolder, privateFileMode } from "../../base/index.ts";
import type { AnswerOf, EvaluatedModel, RequestKind, RequestOf } from "./model.ts";

export interface KeptAnswers {
  get<K extends RequestKind>(kind: K, request: RequestOf<K>): AnswerOf<K> | undefined;
  put<K extends RequestKind>(kind: K, request: RequestOf<K>, answer: AnswerOf<K>): void;
}

/** Raise it when the same request would get another answer of the same model. */
const version = 1;

const keyOf = (kind: RequestKind, request: object): string => hashOf({ version, kind, request }).slice(0, 32);

/** A vector as it is kept: float32 in base64, a fifth of its digits and of the memory. */
interface Packed {
  readonly float32: string;
  readonly ms: number;
}
const isPacked = (kept: object): kept is Packed => "float32" in kept;

function packed(answer: object): object {
  if (!("vector" in answer)) return answer;
  const { vector, ...rest } = answer as AnswerOf<"embed">;
  return { ...rest, float32: Buffer.from(Float32Array.from(vector).buffer).toString("base64") };
}

function unpacked(kept: object | undefined): object | undefined {
  if (!kept || !isPacked(kept)) return kept;
  const { float32, ...rest } = kept;
  // a copy: the pool's bytes need not lie where float32 may begin
  return { ...rest, vector: Array.from(new Float32Array(Uint8Array.from(Buffer.from(float32, "base64")).buffer)) };
}

/** Bytes of a file that are read at once. */
const blockBytes = 2 ** 20;

/** Answers of this process alone. */
export function rememberedAnswers(): KeptAnswers {
  const known = new Map<string, unknown>();
  return {
    get: (kind, request) => known.get(keyOf(kind, request)) as AnswerOf<typeof kind> | undefined,
    put: (kind, request, answer) => void known.set(keyOf(kind, request), answer),
  };
}

/** Answers in `folder`, a file a model. Errors of the disk: base/io, base/readOnly, base/diskFull. */
export function keptAnswers(folder: string, model: Pick<EvaluatedModel, "fingerprint">): KeptAnswers {
  makeFolder(folder);
  const path = join(folder, `${hashOf(model.fingerprint).slice(0, 32)}.jsonl`);
  const known = new Map<string, object>();
  let isTorn = false;
  if (existsSync(path)) {
    for (const line of linesOf(path))
      try {
        const [key, answer] = JSON.parse(line) as [unknown, unknown];
        if (typeof key === "string" && typeof answer === "object" && answer !== null) known.set(key, answer);
      } catch {}
    isTorn = !endsWithLine(path);
  }
  return {
    get: (kind, request) => unpacked(known.get(keyOf(kind, request))) as AnswerOf<typeof kind> | undefined,
    put(kind, request, given) {
      const key = keyOf(kind, request);
      const answer = packed(given);
      known.set(key, answer);
      try {
        // one write of a whole line: lines of two processes do not mix
        appendFileSync(path, `${isTorn ? "\n" : ""}${JSON.stringify([key, answer])}\n`, { mode: privateFileMode });
        isTorn = false;
      } catch (error) {
        throw fileError(error, path);
      }
    },
  };
}

/** Lines of a file that may be longer than a text can be: vectors of a corpus are. */
function* linesOf(path: string): Generator<string> {
  const file = openSync(path, "r");
  const block = Buffer.alloc(blockBytes);
  let rest: Buffer[] = [];
  try {
    for (;;) {
      const size = readSync(file, block);
      if (size === 0) break;
      let from = 0;
      for (let end = block.indexOf(10); end >= 0 && end < size; end = block.indexOf(10, from)) {
        yield Buffer.concat([...rest, block.subarray(from, end)]).toString("utf8");
        rest = [];
        from = end + 1;
      }
      rest.push(Buffer.from(block.subarray(from, size)));
    }
    yield Buffer.concat(rest).toString("utf8");
  } finally {
    closeSync(file);
  }
}

function endsWithLine(path: string): boolean {
  const file = openSync(path, "r");
  try {
    const { size } = fstatSync(file);
    const last = Buffer.alloc(1);
    return size === 0 || (readSync(file, last, 0, 1, size - 1) === 1 && last[0] === 10);
  } finally {
    closeSync(file);
  }
}
