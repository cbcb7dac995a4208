/**
 * A tokenizer put together: added tokens are cut out, what lies between is normalized, cut into pieces and encoded piece by piece.
 * Byte-level tokenizers take the fast way over bytes for everything between added tokens.
 */
import type { Json } from "../base/index.ts";
import { AddedFinder, type AddedToken } from "./added.ts";
import { type Aligned, aligned, originOf, sliceAligned } from "./aligned.ts";
import { startDecoding, type TokenDecoder } from "./decode/table.ts";
import { textErrors } from "./errors.ts";
import { Ids } from "./ids.ts";
import type { ModelVocabulary } from "./models/model.ts";
import { type Normalizer, normalize } from "./normalize/step.ts";
import type { PostProcessor } from "./post-process.ts";
import { TokenBytes } from "./token-bytes.ts";
import type { DecodeOptions, EncodeOptions, Encoding, Tokenizer, TokenStream } from "./tokenizer.ts";

/** Longer texts are refused: buffers of several times the text's length must fit memory. Cut such a text at paragraphs. */
export const MAX_TEXT = 1 << 28;
/** A buffer of more ids than this is not kept for the next call. */
const KEPT_IDS = 1 << 22;

const loneSurrogate = /\p{Cs}/u;

/** Encodes a normalized stretch of text between added tokens. */
export type StretchEncoder = (stretch: Aligned, out: Ids) => void;

interface PipelineParts {
  readonly added: readonly AddedToken[];
  readonly normalizer: Normalizer;
  readonly encodeStretch: StretchEncoder;
  /** The stretch encoder reads text as UTF-8, in which lone surrogates cannot be; otherwise they are replaced first. */
  readonly readsUtf8: boolean;
  readonly vocabulary: ModelVocabulary;
  readonly postProcessor: PostProcessor;
  readonly decoder: readonly TokenDecoder[];
  readonly json: Json;
}

export class PipelineTokenizer implements Tokenizer {
  readonly vocabSize: number;
  readonly specials: ReadonlyMap<string, number>;
  private readonly parts: PipelineParts;
  private readonly tokens: (string | undefined)[];
  /** What decoders see of added tokens that are found in normalized text: their normalized form, as in the Rust library. */
  private readonly normalizedForms = new Map<number, string>();
  private readonly idsByToken: Map<string, number>;
  private readonly addedById: ReadonlyMap<number, AddedToken>;
  /** Added tokens found in the text as it is, and those found in the normalized text. */
  private readonly rawFinder: AddedFinder;
  private readonly normalizedFinder: AddedFinder;
  private readonly bytes: TokenBytes | undefined;
  private out = new Ids(false);
  /** Some token that has text of its own; -1 where none has. */
  private ordinary: number | undefined;

  constructor(parts: PipelineParts) {
    this.parts = parts;
    this.tokens = [...parts.vocabulary.tokens];
    this.idsByToken = new Map(parts.vocabulary.ids);
    for (const token of parts.added) {
      this.tokens[token.id] = token.content;
      this.idsByToken.set(token.content, token.id);
    }
    this.vocabSize = this.tokens.length;
    this.addedById = new Map(parts.added.map(t => [t.id, t]));
    this.specials = new Map(parts.added.filter(t => t.special).map(t => [t.content, t.id]));
    const normalized = (content: string): string => parts.normalizer.reduce((text, step) => step.apply(text), content);
    this.rawFinder = new AddedFinder(parts.added.filter(t => !t.normalized).map(t => [t.content, t]));
    const inNormalized = parts.added.filter(t => t.normalized).map(t => [normalized(t.content), t] as const);
    this.normalizedFinder = new AddedFinder(inNormalized);
    for (const [form, token] of inNormalized) if (form !== token.content) this.normalizedForms.set(token.id, form);
    const isByteLevel = parts.decoder.length === 1 && parts.decoder[0]!.isByteLevel;
    this.bytes = isByteLevel && this.normalizedForms.size === 0 ? new TokenBytes(this.tokens, id => this.addedById.has(id)) : undefined;
  }

  encode(text: string, options: EncodeOptions = {}): Uint32Array {
    const { out } = this;
    out.clear();
    this.run(text, options, out);
    if (out.ids.length > KEPT_IDS) this.out = new Ids(false);
    return out.ids.slice(0, out.size);
  }

  encodeWithOffsets(text: string, options: EncodeOptions = {}): Encoding {
    const out = new Ids(true);
    this.run(text, options, out);
    if (this.parts.postProcessor.trimsPlaces) this.trim(text, out);
    return { ids: out.ids.slice(0, out.size), starts: out.starts.slice(0, out.size), ends: out.ends.slice(0, out.size) };
  }

  private run(raw: string, options: EncodeOptions, out: Ids): void {
    const text = this.parts.readsUtf8 || !loneSurrogate.test(raw) ? raw : raw.replace(new RegExp(loneSurrogate, "gu"), "\uFFFD");
    if (text.length > MAX_TEXT)
      throw textErrors.fail("tooLong", {
        place: "encode",
        expected: `a text of at most ${MAX_TEXT} UTF-16 units`,
        received: `${text.length}`,
        hint: "Cut it at paragraphs.",
      });
    const { before, after } = options.addSpecialTokens === false ? { before: [], after: [] } : this.parts.postProcessor;
    const readSpecial = options.readSpecialTokens ?? true;
    for (const id of before) out.push(id, 0, 0);
    const stretches = this.rawFinder.split(text, readSpecial);
    if (!stretches) this.between(aligned(text, 0, text.length, out.track), readSpecial, out);
    else
      for (const { from, to, token } of stretches) {
        if (token) out.push(token.id, from, to);
        else this.between(aligned(text, from, to, out.track), readSpecial, out);
      }
    for (const id of after) out.push(id, 0, 0);
  }

  /** Encodes what lies between tokens that are found in the raw text. */
  private between(stretch: Aligned, readSpecial: boolean, out: Ids): void {
    const { normalizer, encodeStretch } = this.parts;
    const text = normalizer.length > 0 ? normalize(normalizer, stretch) : stretch;
    const inner = this.normalizedFinder.split(text.text, readSpecial);
    if (!inner) {
      if (text.text !== "") encodeStretch(text, out);
      return;
    }
    for (const { from, to, token } of inner) {
      if (token) out.push(token.id, ...originOf(text, from, to));
      else encodeStretch(sliceAligned(text, from, to), out);
    }
  }

  /** Leaves the spaces at the ends of tokens out of their places; only U+0020, as in the Rust library. */
  private trim(text: string, out: Ids): void {
    for (let i = 0; i < out.size; i++) {
      let start = out.starts[i]!;
      let end = out.ends[i]!;
      while (start < end && text[start] === " ") start++;
      while (end > start && text[end - 1] === " ") end--;
      out.starts[i] = start;
      out.ends[i] = end;
    }
  }

  private known(id: number): string {
    const token = this.tokens[id];
    if (token === undefined)
      throw textErrors.fail("unknownId", {
        place: "decode",
        expected: `an id of the vocabulary, 0 to ${this.vocabSize - 1}`,
        received: String(id),
      });
    return token;
  }

  decode(ids: ArrayLike<number>, options: DecodeOptions = {}): string {
    const skips = options.skipSpecialTokens ?? false;
    if (this.bytes) {
      const kept = skips ? Array.from(ids).filter(id => !this.addedById.get(id)?.special) : ids;
      for (let i = 0; i < kept.length; i++) if (this.tokens[kept[i]!] === undefined) this.known(kept[i]!);
      return this.bytes.text(kept);
    }
    const stream = this.stream(options);
    let text = "";
    for (let i = 0; i < ids.length; i++) text += stream.push(ids[i]!);
    return text + stream.end();
  }

  stream(options: DecodeOptions = {}): TokenStream {
    const decoding = startDecoding(this.parts.decoder);
    const skips = options.skipSpecialTokens ?? false;
    // decoders treat the first token in a way of its own, and this text's first is none
    if (options.isContinuation && !this.bytes && this.#ordinaryToken >= 0) decoding.push(this.tokens[this.#ordinaryToken]!, false);
    return {
      push: id => {
        const token = this.known(id);
        const added = this.addedById.get(id);
        if (skips && added?.special) return "";
        const form = this.normalizedForms.get(id);
        return decoding.push(form ?? token, added !== undefined && form === undefined);
      },
      end: () => decoding.end(),
    };
  }

  bytesOf(id: number): Uint8Array | undefined {
    const token = this.tokens[id];
    const added = this.addedById.get(id);
    if (token === undefined || added?.special) return undefined;
    if (this.bytes) return this.bytes.of(id);
    const byte = added ? undefined : this.parts.decoder.map(d => d.byteOf?.(token)).find(b => b !== undefined);
    if (byte !== undefined) return Uint8Array.of(byte);
    // behind another token, for decoders treat the first one in a way of its own
    return this.#ordinaryToken >= 0 ? Buffer.from(this.stream({ isContinuation: true }).push(id)) : undefined;
  }

  /** A token that has a text of its own; -1 where there is none. */
  get #ordinaryToken(): number {
    this.ordinary ??= this.tokens.findIndex((t, i) => t !== undefined && !this.addedById.has(i) && this.stream().push(i) !== "");
    return this.ordinary;
  }

  idOf(token: string): number | undefined {
    return this.idsByToken.get(token);
  }

  tokenOf(id: number): string | undefined {
    return this.tokens[id];
  }

  toJSON(): Json {
    return this.parts.json;
  }
}
