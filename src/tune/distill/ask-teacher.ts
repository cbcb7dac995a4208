/**
 * A teacher asked about all texts of a tuning, each once: what it told is kept in a file by the text's content, a line as it comes, so a tuning that was
 * killed, or another one on the same texts, asks only what is open. A line that was torn by a kill is asked again. Deleting the file costs time only.
 */
import { appendFileSync, existsSync, readFileSync } from "node:fs";
import { dirname } from "node:path";
import { fileError, formatCount, hashOf, makeFolder, type Progress, privateFileMode } from "../../base/index.ts";
import { tuneErrors } from "../errors.ts";
import type { Encoded, TuneText } from "../instruct/encode.ts";
import { nothing, type SparseTargets } from "./sparse.ts";
import type { TeacherAnswer, TeacherAt, TokenOutcome } from "./teacher-endpoint.ts";

interface AskTeacherOptions {
  readonly teacher: TeacherAt;
  /** Where its answers are kept. */
  readonly file: string;
  readonly examples: readonly Encoded[];
  /** The student's. */
  readonly vocab: number;
  readonly tokenizer: TuneText["tokenizer"];
  readonly progress: Progress;
  readonly signal?: AbortSignal | undefined;
}

/** Raise it when lines mean something else. */
const version = 1;
interface Line extends SparseTargets {
  readonly fingerprint: string | null;
}
const placesOf = ({ trained }: Encoded): number[] => Array.from(trained, (t, at) => (t && at > 0 ? at : -1)).filter(at => at > 0);
const keyOf = (e: Encoded, topLogprobs: number): string =>
  hashOf({ version, ids: [...e.ids], places: placesOf(e), topLogprobs }).slice(0, 32);

const base64 = (a: Int32Array | Float32Array): string => Buffer.from(a.buffer, a.byteOffset, a.byteLength).toString("base64");
/** A copy, aligned. */
const bytes = (text: string): ArrayBuffer => new Uint8Array(Buffer.from(text, "base64")).buffer;

function readKept(file: string): { readonly lines: Map<string, Line>; readonly isTorn: boolean } {
  const lines = new Map<string, Line>();
  if (!existsSync(file)) return { lines, isTorn: false };
  const text = readFileSync(file, "utf8");
  for (const line of text.split("\n"))
    try {
      const [key, fingerprint, width, ids, logs] = JSON.parse(line) as [string, string | null, number, string, string];
      const read = { fingerprint, width, ids: new Int32Array(bytes(ids)), logs: new Float32Array(bytes(logs)) };
      if (read.ids.length % width === 0 && read.ids.length === read.logs.length) lines.set(key, read);
    } catch {}
  return { lines, isTorn: text !== "" && !text.endsWith("\n") };
}

/** Outcomes as rows of equal width, each token once, the likeliest first. Errors: tune/base for a token that the student lacks. */
function rowsOf({ outcomes }: TeacherAnswer, vocab: number, place: string): SparseTargets {
  const rows = outcomes.map(list => [...new Map<number, number>(list as TokenOutcome[])].sort((a, b) => b[1] - a[1]));
  const width = Math.max(1, ...rows.map(r => r.length));
  const ids = new Int32Array(rows.length * width);
  const logs = new Float32Array(rows.length * width).fill(nothing);
  for (const [r, row] of rows.entries())
    for (let k = 0; k < width; k++) {
      const [id, log] = row[k] ?? [row[0]![0], nothing];
      if (!Number.isInteger(id) || id < 0 || id >= vocab)
        throw tuneErrors.fail("base", {
          place: `teacher ${place}`,
          expected: `the student's tokens, ids 0 to ${vocab - 1}`,
          received: String(id),
        });
      ids[r * width + k] = id;
      logs[r * width + k] = Math.max(nothing, log);
    }
  return { width, ids, logs };
}

/** Errors: tune/teacher, tune/base for other tokens than the student's, those of the disk; the signal's reason. */
export async function askTeacher(o: AskTeacherOptions): Promise<Map<Encoded, SparseTargets>> {
  const { teacher, file, examples, vocab, progress, signal } = o;
  makeFolder(dirname(file));
  const kept = readKept(file);
  let { isTorn } = kept;
  const keys = examples.map(e => keyOf(e, teacher.topLogprobs));
  // a text that comes twice is asked about once
  const first = new Map([...keys.entries()].reverse().map(([i, key]) => [key, i]));
  const each = examples.flatMap((_, i) => (first.get(keys[i]!) === i ? [i] : []));
  let open = each.filter(i => !kept.lines.has(keys[i]!));
  const began = performance.now();
  let done = 0;
  const tell = () =>
    progress({
      stage: "tune",
      message: `teacher ${teacher.place}: ${formatCount(each.length - open.length + done)} of ${formatCount(each.length)} texts`,
      ...(done > 0 ? { leftMs: ((performance.now() - began) / done) * (open.length - done) } : {}),
    });
  // one request that fails stops the others
  const stop = new AbortController();
  const both = signal ? AbortSignal.any([signal, stop.signal]) : stop.signal;
  async function one(i: number): Promise<TeacherAnswer> {
    const e = examples[i]!;
    const answer = await teacher.ask([...e.ids], placesOf(e), both);
    const line: Line = { ...rowsOf(answer, vocab, teacher.place), fingerprint: answer.fingerprint ?? null };
    kept.lines.set(keys[i]!, line);
    try {
      // one write of a whole line: lines of two processes do not mix
      appendFileSync(
        file,
        `${isTorn ? "\n" : ""}${JSON.stringify([keys[i], line.fingerprint, line.width, base64(line.ids), base64(line.logs)])}\n`,
        { mode: privateFileMode },
      );
      isTorn = false;
    } catch (error) {
      throw fileError(error, file);
    }
    done++;
    tell();
    return answer;
  }
  if (open.length > 0) {
    tell();
    await checkTokens(o, both);
    const { fingerprint } = await one(open[0]!);
    // what other weights told under the same name counts for nothing
    const isOf = (i: number) => kept.lines.get(keys[i]!)?.fingerprint === (fingerprint ?? null);
    open = each.filter(i => !isOf(i));
    done = 0;
    let next = 0;
    const work = async () => {
      while (next < open.length) await one(open[next++]!);
    };
    try {
      await Promise.all(Array.from({ length: Math.min(teacher.concurrency, open.length) }, work));
    } finally {
      stop.abort();
    }
  }
  return new Map(examples.map((e, i) => [e, kept.lines.get(keys[i]!)!]));
}

/** Tokens whose texts are compared in one request. */
const checkedAtOnce = 2048;

/** Compares the texts of all tokens, a separator before each so that no cut goes unnoticed. Errors: tune/base with the first that differs; tune/teacher. */
async function checkTokens({ teacher, vocab, tokenizer, progress }: AskTeacherOptions, signal: AbortSignal): Promise<void> {
  const special = new Set(tokenizer.specials.values());
  const ids = Array.from({ length: vocab }, (_, id) => id).filter(id => tokenizer.tokenOf(id) !== undefined && !special.has(id));
  const separator = ids.find(id => /^[!-/:-@]$/.test(tokenizer.decode([id]))) ?? ids[0]!;
  const withMarks = (list: readonly number[]) => list.flatMap(id => [separator, id]);
  const differs = async (list: readonly number[]) => (await teacher.textOf(withMarks(list), signal)) !== tokenizer.decode(withMarks(list));
  for (let at = 0; at < ids.length; at += checkedAtOnce) {
    progress({ stage: "tune", message: `teacher ${teacher.place}: comparing tokens, ${formatCount(at)} of ${formatCount(ids.length)}` });
    let part = ids.slice(at, at + checkedAtOnce);
    if (!(await differs(part))) continue;
    while (part.length > 1) {
      const half = part.slice(0, part.length >> 1);
      part = (await differs(half)) ? half : part.slice(half.length);
    }
    const [id] = part as [number];
    const theirs = (await teacher.textOf([separator, id], signal))?.slice(tokenizer.decode([separator]).length);
    throw tuneErrors.fail("base", {
      place: `teacher ${teacher.place}`,
      expected: "the student's tokens",
      received: `token ${id} is ${JSON.stringify(theirs ?? null)}, the student's ${JSON.stringify(tokenizer.decode([id]))}`,
      hint: "Distil from a model of the same family, or train on its answers (task: instruct).",
    });
  }
}
