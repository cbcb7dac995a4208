/**
 * Which tokens an answer may go on with so that a list never finds anything in it, wherever it ends. Each token is judged by the very finders that
 * the gateway's guard `blocklist` has, so both always agree, on disguises, encodings and patterns too. A state is a value; only the text since
 * nothing was under way is kept, and read again where an answer, a beam or a guess goes on from an older state.
 *
 * A token is refused where a finding lies in it, and where one would if the text ended behind it. So every end is possible: by the end token, by
 * length, and at a stop string. The price: a longer word is written past the end of a blocked one (`class` before `classic`) in one token or
 * not at all.
 */
import type { Blocklist } from "./read-blocklist.ts";
import { BlocklistScan, type ScanStart } from "./scan.ts";

const backslash = 92;
/** Characters that are read again at most: encodings and patterns are found within fewer. */
const mostContext = 4_096;
/** Texts that are followed side by side: of the answer alone, with the prompt before it, behind special tokens. */
const mostLines = 4;

interface Line extends ScanStart {
  /** Since nothing was under way. */
  readonly text: string;
  /** Bytes of a character that is not over. */
  readonly pending: Uint8Array;
}

/** A scan that has read a line's text, which begins `base` characters behind its own beginning. */
interface LineScan {
  readonly scan: BlocklistScan;
  readonly base: number;
}

interface GuardParts {
  readonly list: Pick<Blocklist, "finders">;
  /** Undefined or empty for tokens without text. */
  readonly bytesOf: (token: number) => Uint8Array | undefined;
  /** Texts that end the answer and are cut off. */
  readonly stops: readonly string[];
}

/** How many bytes at the end belong to a character that is not over. */
function unfinished(bytes: Uint8Array): number {
  for (let back = 1; back <= Math.min(3, bytes.length); back++) {
    const byte = bytes[bytes.length - back]!;
    if (byte < 0x80) return 0;
    if (byte >= 0xc0) return back < (byte < 0xe0 ? 2 : byte < 0xf0 ? 3 : byte < 0xf8 ? 4 : 1) ? back : 0;
  }
  return 0;
}

const decoder = new TextDecoder("utf-8", { ignoreBOM: true });
const none = new Uint8Array(0);

/** The characters of a line's bytes and these, and what is left of the last. */
function read(pending: Uint8Array, bytes: Uint8Array): { readonly piece: string; readonly pending: Uint8Array } {
  const all = pending.length === 0 ? bytes : Buffer.concat([pending, bytes]);
  const rest = unfinished(all);
  return { piece: decoder.decode(all.subarray(0, all.length - rest)), pending: rest === 0 ? none : all.slice(all.length - rest) };
}

const freshLine: Line = { text: "", pending: none, behind: undefined, ignored: 0, form: "text" };
const lineKey = ({ text, pending, behind, ignored, form }: Line): string =>
  `${text.includes("\\") ? form : "text"} ${behind ?? ""} ${ignored} ${pending.join()} ${text}`;

export class PhraseGuard {
  readonly #parts: GuardParts;
  readonly #lines: readonly Line[];
  /** Of each line; taken by the first state that goes on from here. */
  #scans: readonly (LineScan | undefined)[];

  constructor(parts: GuardParts, lines: readonly Line[], scans: readonly (LineScan | undefined)[] = []) {
    this.#parts = parts;
    this.#lines = lines;
    this.#scans = scans;
  }

  /** After one more token; undefined where it may not come. */
  next(token: number): PhraseGuard | undefined {
    const bytes = this.#parts.bytesOf(token) ?? none;
    if (bytes.length === 0) return this.#cut();
    const scans = this.#scans;
    this.#scans = [];
    const lines: Line[] = [];
    const kept: (LineScan | undefined)[] = [];
    for (const [i, line] of this.#withEscapes(bytes).entries()) {
      const after = this.#advance(line, bytes, scans[i]);
      if (!after) return undefined;
      lines.push(after.line);
      kept.push(after.scan);
    }
    if (lines.length === 1) return new PhraseGuard(this.#parts, lines, kept);
    const keys = lines.map(lineKey);
    const isFirst = (_: unknown, i: number): boolean => keys.indexOf(keys[i]!) === i;
    return new PhraseGuard(this.#parts, lines.filter(isFirst), kept.filter(isFirst));
  }

  /** A token without text: what follows may be shown by itself, or together with what was before. */
  #cut(): PhraseGuard {
    if (this.#lines.some(l => lineKey(l) === lineKey(freshLine))) return this;
    return new PhraseGuard(this.#parts, [...this.#lines, freshLine].slice(-mostLines));
  }

  /** Where escapes of JSON begin, the text is read with them too, as the arguments of a tool are. */
  #withEscapes(bytes: Uint8Array): readonly Line[] {
    const lines = this.#lines;
    if (!bytes.includes(backslash) || lines.some(l => l.form === "json")) return lines;
    return [...lines, { ...lines[0]!, form: "json" }];
  }

  #endsFound(line: Line, text: string): boolean {
    const scan = new BlocklistScan(this.#parts.list.finders, line);
    scan.push(text);
    return scan.end();
  }

  #advance(line: Line, bytes: Uint8Array, known: LineScan | undefined): { readonly line: Line; readonly scan: LineScan } | undefined {
    const { piece, pending } = read(line.pending, bytes);
    const scan = known?.scan ?? new BlocklistScan(this.#parts.list.finders, line);
    const base = known?.base ?? 0;
    if (!known) scan.push(line.text);
    scan.push(piece);
    if (scan.isFound) return undefined;
    const text = line.text + piece;
    // a character that is not over becomes U+FFFD where the text ends
    const ended = pending.length > 0 ? text + decoder.decode(pending) : text;
    if ((scan.isHolding || pending.length > 0) && this.#endsFound(line, ended)) return undefined;
    if (this.#stopsFound(line, piece)) return undefined;
    const restart = scan.restart && { at: scan.restart.at - base, behind: scan.restart.behind };
    const from = Math.max(restart?.at ?? 0, text.length - mostContext);
    if (from === 0) return { line: { ...line, text, pending }, scan: { scan, base } };
    const behind = from === restart?.at ? restart.behind : text.codePointAt(from - 1);
    const ignored = Math.max(0, line.ignored - from);
    return { line: { text: text.slice(from), pending, behind, ignored, form: line.form }, scan: { scan, base: base + from } };
  }

  /** A stop string that may begin inside of the piece ends the answer there. */
  #stopsFound(line: Line, piece: string): boolean {
    for (let at = 1; this.#parts.stops.length > 0 && at < piece.length; at++) {
      const rest = piece.slice(at);
      const mayStop = this.#parts.stops.some(stop => rest.startsWith(stop) || stop.startsWith(rest));
      if (mayStop && this.#endsFound(line, line.text + piece.slice(0, at))) return true;
    }
    return false;
  }
}

/** Characters of a prompt that its answer may go on from. */
const promptCharacters = 512;

interface GuardStart extends GuardParts {
  /** The prompt's tokens; a word that begins in it is not ended by the answer. */
  readonly prompt: readonly number[];
}

/** The state before the first token of an answer. */
export function phraseGuard({ prompt, ...parts }: GuardStart): PhraseGuard {
  const last: Uint8Array[] = [];
  let size = 0;
  for (let i = prompt.length - 1; i >= 0 && size < promptCharacters; i--) {
    const bytes = parts.bytesOf(prompt[i]!) ?? none;
    if (bytes.length === 0) break;
    last.unshift(bytes);
    size += bytes.length;
  }
  const { piece, pending } = read(none, Buffer.concat(last));
  if (piece === "" && pending.length === 0) return new PhraseGuard(parts, [freshLine]);
  const scan = new BlocklistScan(parts.list.finders, { ...freshLine, ignored: piece.length });
  scan.push(piece);
  const { at, behind } = scan.restart ?? { at: 0, behind: undefined };
  const line: Line = { text: piece.slice(at), pending, behind, ignored: piece.length - at, form: "text" };
  return new PhraseGuard(parts, [freshLine, line]);
}
