/**
 * How byte-level tokenizers encode a stretch of text: through `ByteBpe`, with a scanner for the whole stretch where there is one for the
 * file's pattern, piece by piece otherwise. Places follow from the tokens' bytes, for bytes are cut and never changed.
 */
import { type Aligned, originOf } from "./aligned.ts";
import { ByteBpe } from "./bpe/byte-bpe.ts";
import { fromByteChars } from "./byte-chars.ts";
import { Ids } from "./ids.ts";
import type { BpeModel } from "./models/bpe.ts";
import type { StretchEncoder } from "./pipeline.ts";
import { byteLevelPieces, makePreTokenizer, type PreTokenizer } from "./pretokenize/table.ts";
import type { ByteSplitter } from "./split/bytes.ts";
import { gpt2Pattern } from "./split/gpt2.ts";
import { knownPatterns, onePiece } from "./split/known.ts";

/** How a stretch is cut: into pieces by a pre-tokenizer, and those by a scanner. */
interface Cutting {
  readonly before: PreTokenizer | undefined;
  readonly split: ByteSplitter;
}

const isObject = (v: unknown): v is Record<string, unknown> => v !== null && typeof v === "object" && !Array.isArray(v);

/** The cutting of a pre-tokenizer whose last step is ByteLevel; undefined for others. Entries are already checked. */
function cuttingOf(entry: unknown, place: string): Cutting | undefined {
  if (!isObject(entry)) return undefined;
  if (entry.type === "ByteLevel") {
    const options = { add_prefix_space: entry.add_prefix_space === true, use_regex: entry.use_regex !== false };
    const split = options.use_regex ? knownPatterns.get(gpt2Pattern)! : onePiece;
    return { before: options.add_prefix_space ? byteLevelPieces({ ...options, use_regex: false }) : undefined, split };
  }
  const steps = entry.type === "Sequence" && Array.isArray(entry.pretokenizers) ? (entry.pretokenizers as unknown[]) : [];
  const last = steps.at(-1);
  if (!isObject(last) || last.type !== "ByteLevel") return undefined;
  const inner = cuttingOf(last, place)!;
  const [first] = steps;
  const pattern = isObject(first) && isObject(first.pattern) ? first.pattern.Regex : undefined;
  const known = typeof pattern === "string" ? knownPatterns.get(pattern) : undefined;
  if (
    steps.length === 2 &&
    known &&
    isObject(first) &&
    first.behavior === "Isolated" &&
    first.invert !== true &&
    inner.split === onePiece &&
    !inner.before
  )
    return { before: undefined, split: known };
  const earlier = makePreTokenizer({ type: "Sequence", pretokenizers: steps.slice(0, -1) }, place);
  const { before } = inner;
  return { before: before ? piece => earlier(piece).flatMap(before) : earlier, split: inner.split };
}

/** The encoder for a BPE model under a pre-tokenizer, or undefined where bytes cannot be used. */
export function byteLevelEncoder(model: BpeModel, preTokenizer: unknown, place: string): StretchEncoder | undefined {
  const cutting = model.bytes && cuttingOf(preTokenizer, place);
  if (!cutting || !model.bytes) return undefined;
  const { tokens } = model.vocabulary;
  const whole = new Map<string, number>();
  if (model.bytes.ignoresMerges)
    for (const [token, id] of model.vocabulary.ids) {
      const bytes = fromByteChars(token);
      if (bytes) whole.set(Buffer.from(bytes).toString("latin1"), id);
    }
  const bpe = new ByteBpe({ byteIds: model.bytes.ids, rules: model.rules, whole: whole.size > 0 ? whole : undefined });
  const scratch = new Ids(false);

  /** Ids with places: a token is as long as its byte characters are many. */
  const encodeTracked = (piece: Aligned, out: Ids): void => {
    scratch.clear();
    bpe.encode(piece.text, cutting.split, scratch);
    let unit = 0; // the character looked at: its first unit, its units, and the byte after it
    let units = 0;
    let to = 0;
    const reach = (byte: number): void => {
      while (byte >= to && unit + units < piece.text.length) {
        unit += units;
        const c = piece.text.codePointAt(unit)!;
        units = c > 0xffff ? 2 : 1;
        to += c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
      }
    };
    let at = 0;
    for (let i = 0; i < scratch.size; i++) {
      const id = scratch.ids[i]!;
      const end = at + tokens[id]!.length;
      reach(at);
      const start = unit;
      reach(end - 1);
      out.push(id, ...originOf(piece, start, unit + units));
      at = end;
    }
  };
  const encodePiece = (piece: Aligned, out: Ids): void =>
    out.track ? encodeTracked(piece, out) : bpe.encode(piece.text, cutting.split, out);
  const { before } = cutting;
  return before
    ? (stretch, out) => {
        for (const piece of before(stretch)) encodePiece(piece, out);
      }
    : encodePiece;
}
