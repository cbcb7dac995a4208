/**
 * Decoders of tokenizer files, a row each, as steps that take one token at a time: so a stream of tokens and a list of them are decoded
 * by the same code, and a stream gives text as soon as it is certain. Meanings are those of Hugging Face's Rust library; where bytes are
 * no UTF-8, both byte decoders put U+FFFD in place of the broken part only. Left out: CTC.
 */
import { z } from "zod";
import { fromByteChars } from "../byte-chars.ts";
import { patternOf } from "../pattern.ts";
import { metaspaceShape } from "../pretokenize/table.ts";
import { fromTable, patternSchema, readRow, type Table } from "../rows.ts";

/** Hands a token, or a part of the one token that all have become, to the next step. */
type Give = (token: string, isAdded: boolean) => void;

interface DecodeStep {
  push(token: string, isAdded: boolean, give: Give): void;
  /** Gives what was held back. */
  end?(give: Give): void;
}

/** A decoder makes fresh steps for every stream. */
export interface TokenDecoder {
  /** Makes one token of all: what it gives are parts of that token. */
  readonly joins?: boolean;
  /** `isOne`: what comes in are parts of one token. Only decoders that `takesParts` are asked so; for others the whole is collected. */
  start(isOne: boolean): DecodeStep;
  readonly takesParts?: boolean;
  /** Undoes byte characters and nothing else: whole lists can then be decoded byte by byte. */
  readonly isByteLevel?: boolean;
  /** The byte that a token stands for, where some stand for single bytes. */
  byteOf?(token: string): number | undefined;
}

/** A step without memory. */
const each = (f: (token: string) => string): TokenDecoder => ({
  start: () => ({ push: (token, isAdded, give) => give(f(token), isAdded) }),
});

/** Collects parts into the one token that a step expects. */
function collected(step: DecodeStep): DecodeStep {
  let whole = "";
  return {
    push: part => {
      whole += part;
    },
    end: give => {
      step.push(whole, false, give);
      step.end?.(give);
    },
  };
}

const encoder = new TextEncoder();
const utf8 = () => new TextDecoder("utf-8", { ignoreBOM: true });
const byteToken = /^<0x([0-9A-Fa-f]{2})>$/;

/** Removes up to `start` leading and `stop` trailing `content` from a token, or from the whole where all is one token. */
function stripper(content: string, start: number, stop: number, isOne: boolean): DecodeStep {
  const cut = (token: string, first: number, last: number): string => {
    let from = 0;
    let to = token.length;
    for (let i = 0; i < first && token.startsWith(content, from); i++) from += content.length;
    for (let i = 0; i < last && to - content.length >= from && token.endsWith(content, to); i++) to -= content.length;
    return token.slice(from, to);
  };
  if (!isOne) return { push: (token, isAdded, give) => give(cut(token, start, stop), isAdded) };
  let left = start;
  let tail = "";
  return {
    push: (part, _, give) => {
      let text = part;
      while (left > 0 && text !== "") {
        if (!text.startsWith(content)) left = 0;
        else {
          text = text.slice(content.length);
          left--;
        }
      }
      tail += text;
      let to = tail.length;
      for (let i = 0; i < stop && tail.endsWith(content, to); i++) to -= content.length;
      if (to > 0) give(tail.slice(0, to), false);
      tail = tail.slice(to);
    },
    end: give => give(cut(tail, 0, stop), false),
  };
}

/** The tidying of BERT's decoder, written as plain replacements. */
const tidy = (text: string): string =>
  [
    [" .", "."],
    [" ?", "?"],
    [" !", "!"],
    [" ,", ","],
    [" ' ", "'"],
    [" n't", "n't"],
    [" 'm", "'m"],
    [" do not", " don't"],
    [" 's", "'s"],
    [" 've", "'ve"],
    [" 're", "'re"],
  ].reduce((t, [from, to]) => t.replaceAll(from!, to!), text);

const decoders: Table<readonly TokenDecoder[]> = {
  ByteLevel: readRow(
    { add_prefix_space: z.boolean().optional(), trim_offsets: z.boolean().optional(), use_regex: z.boolean().optional() },
    () => [
      {
        joins: true,
        isByteLevel: true,
        start: () => {
          const decoder = utf8();
          return {
            push: (token, isAdded, give) =>
              give(decoder.decode((isAdded ? undefined : fromByteChars(token)) ?? encoder.encode(token), { stream: true }), false),
            end: give => give(decoder.decode(), false),
          };
        },
      },
    ],
  ),
  ByteFallback: readRow({}, () => [
    {
      byteOf: token => {
        const byte = byteToken.exec(token);
        return byte ? Number.parseInt(byte[1]!, 16) : undefined;
      },
      start: () => {
        let decoder = utf8();
        let isOpen = false;
        const close = (give: Give): void => {
          if (isOpen) give(decoder.decode(), false);
          if (isOpen) decoder = utf8();
          isOpen = false;
        };
        return {
          push: (token, isAdded, give) => {
            const byte = byteToken.exec(token);
            if (byte) {
              isOpen = true;
              give(decoder.decode(Uint8Array.of(Number.parseInt(byte[1]!, 16)), { stream: true }), false);
            } else {
              close(give);
              give(token, isAdded);
            }
          },
          end: close,
        };
      },
    },
  ]),
  Fuse: readRow({}, () => [{ joins: true, takesParts: true, start: () => ({ push: (token, _, give) => give(token, false) }) }]),
  Strip: readRow({ content: z.string().min(1), start: z.int().nonnegative(), stop: z.int().nonnegative() }, o => [
    { takesParts: true, start: isOne => stripper(o.content, o.start, o.stop, isOne) },
  ]),
  Replace: readRow({ pattern: patternSchema, content: z.string() }, (o, place) => {
    const pattern = patternOf(o.pattern, `${place}.pattern`);
    return [each(token => token.replace(pattern, () => o.content))];
  }),
  WordPiece: readRow({ prefix: z.string(), cleanup: z.boolean() }, o => {
    return [
      {
        start: () => {
          let isFirst = true;
          return {
            push: (token, isAdded, give) => {
              const spaced = isFirst ? token : token.startsWith(o.prefix) ? token.slice(o.prefix.length) : ` ${token}`;
              isFirst = false;
              give(o.cleanup ? tidy(spaced) : spaced, isAdded);
            },
          };
        },
      },
    ];
  }),
  Metaspace: readRow(metaspaceShape, o => [
    {
      start: () => {
        let isFirst = true;
        return {
          push: (token, isAdded, give) => {
            give(token.replaceAll(o.replacement, isFirst && o.prepend_scheme !== "never" ? "" : " "), isAdded);
            isFirst = false;
          },
        };
      },
    },
  ]),
  BPEDecoder: readRow({ suffix: z.string() }, o => [
    {
      start: () => {
        let held: string | undefined;
        return {
          push: (token, _, give) => {
            if (held !== undefined) give(o.suffix === "" ? held : held.replaceAll(o.suffix, " "), false);
            held = token;
          },
          end: give => {
            if (held !== undefined) give(o.suffix === "" ? held : held.replaceAll(o.suffix, ""), false);
          },
        };
      },
    },
  ]),
  Sequence: readRow({ decoders: z.array(z.unknown()) }, (o, place) =>
    o.decoders.flatMap((entry, i) => fromTable(decoders, "decoder", entry, `${place}.decoders[${i}]`)),
  ),
};

/** Without a decoder tokens are set apart by spaces. */
const spaced: TokenDecoder = {
  start: () => {
    let isFirst = true;
    return {
      push: (token, _, give) => {
        give(isFirst ? token : ` ${token}`, false);
        isFirst = false;
      },
    };
  },
};

/** The decoder of a file's entry, as its steps in order. */
export const makeDecoder = (entry: unknown, place: string): readonly TokenDecoder[] =>
  entry === null || entry === undefined ? [spaced] : fromTable(decoders, "decoder", entry, place);

/** Decoding under way: `push` gives the text that has become certain, `end` the rest. */
export function startDecoding(steps: readonly TokenDecoder[]): { push(token: string, isAdded: boolean): string; end(): string } {
  let isOne = false;
  const chain = (steps.length > 0 ? steps : [each(token => token)]).map(step => {
    const started = isOne && !step.takesParts ? collected(step.start(false)) : step.start(isOne);
    isOne ||= step.joins ?? false;
    return started;
  });
  let text = "";
  const gives: Give[] = [
    token => {
      text += token;
    },
  ];
  for (let i = chain.length - 1; i > 0; i--) {
    const next = gives[0]!;
    const step = chain[i]!;
    gives.unshift((token, isAdded) => step.push(token, isAdded, next));
  }
  const take = (): string => {
    const taken = text;
    text = "";
    return taken;
  };
  return {
    push: (token, isAdded) => {
      chain[0]!.push(token, isAdded, gives[0]!);
      return take();
    },
    end: () => {
      for (const [i, step] of chain.entries()) step.end?.(gives[i]!);
      return take();
    },
  };
}
