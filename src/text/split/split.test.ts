/** The scanners hold to the patterns they stand for, by JavaScript's own matcher. */
import { expect, test } from "vitest";
import { rounds } from "../../../test/support/deep.ts";
import { random } from "../../base/index.ts";
import { toRegExp } from "../pattern.ts";
import { type ByteSplitter, END } from "./bytes.ts";
import { cl100kPattern, splitCl100k } from "./cl100k.ts";
import { cut } from "./cut.ts";
import { gpt2Pattern, splitGpt2 } from "./gpt2.ts";

const seed = 20251125;
const scraps = [
  ..."ab stLLrevemd'' \n\t.!-0٣½漢😀é\u0301ſ",
  "  ",
  "\r\n",
  "\u00a0",
  "\u3000",
  "\u0085",
  "\ufeff",
  "\u2028",
  "'s",
  "'RE",
  "'ll",
  "the",
  "123",
  "\0",
  "שלום",
  "한국",
];

function pieces(split: ByteSplitter, text: string, room: number): string[] {
  const bytes = new Uint8Array(text.length * 3 + 16);
  const n = new TextEncoder().encodeInto(text, bytes).written;
  bytes[n] = END;
  const ends = new Int32Array(room);
  const found: string[] = [];
  for (let from = 0; from < n; ) {
    const count = split(bytes, from, n, ends);
    for (const end of ends.subarray(0, count)) {
      found.push(Buffer.from(bytes.subarray(from, end)).toString());
      from = end;
    }
  }
  return found;
}

test.each([
  ["GPT-2's", gpt2Pattern, splitGpt2],
  ["cl100k's with three digits", cl100kPattern(3), splitCl100k(3)],
  ["cl100k's with one digit", cl100kPattern(1), splitCl100k(1)],
] as const)(`%s scanner cuts random texts as its pattern does (seed ${seed})`, (_, pattern, split) => {
  const draw = random(seed);
  const expression = toRegExp(pattern, "test");
  for (let i = 0; i < rounds(20_000); i++) {
    const text = Array.from({ length: draw.below(16) }, () => scraps[draw.below(scraps.length)]!).join("");
    // A small room for ends makes the scanner go on in the middle.
    const [found, wanted] = [pieces(split, text, 1 + draw.below(9)), text.match(expression) ?? []];
    if (found.join("|") !== wanted.join("|")) expect(found, JSON.stringify(text)).toEqual(wanted);
  }
});

test("cutting at matches has the five ways of the Rust library", () => {
  const of = (behavior: Parameters<typeof cut>[2], invert: boolean) => {
    const at = cut("-the-final--cut-", /-/gu, behavior, invert);
    return at.flatMap((from, i) => (i % 2 === 0 ? ["-the-final--cut-".slice(from, at[i + 1])] : [])).join(" ");
  };
  // Printed by tokenizers 0.23.3: pre_tokenizers.Split("-", behavior, invert).pre_tokenize_str(...)
  expect(of("Removed", false)).toBe("the final cut");
  expect(of("Isolated", false)).toBe("- the - final - - cut -");
  expect(of("MergedWithPrevious", false)).toBe("- the- final- - cut-");
  expect(of("MergedWithNext", false)).toBe("-the -final - -cut -");
  expect(of("Contiguous", false)).toBe("- the - final -- cut -");
  expect(of("Removed", true)).toBe("- - - - -");
  expect(of("MergedWithPrevious", true)).toBe("-the -final - -cut -");
  expect(of("MergedWithNext", true)).toBe("- the- final- - cut-");
});
