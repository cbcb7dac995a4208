import fc from "fast-check";
import { expect, test } from "vitest";
import { scanStops, stopPatterns, stopStart } from "./stop-strings.ts";

/** All text that comes out of a list of pieces, and the stop; in the first `free` pieces no stop counts. */
function stream(stops: readonly string[], pieces: readonly string[], free = 0): { text: string; stop: string | undefined; held: string } {
  const patterns = stopPatterns(stops);
  let state = stopStart(patterns);
  let text = "";
  for (const [i, piece] of pieces.entries()) {
    const scan = scanStops(patterns, state, piece, i >= free);
    text += scan.text;
    if (scan.stop !== undefined) return { text, stop: scan.stop, held: "" };
    state = scan.state;
  }
  return { text, stop: undefined, held: state.held };
}

/** Judge: the first end of any stop behind `from`, the longest of those that end there. */
function bruteForce(stops: readonly string[], whole: string, from = 0): { text: string; stop: string | undefined } {
  for (let end = from + 1; end <= whole.length; end++) {
    const found = stops.filter(s => s !== "" && whole.slice(0, end).endsWith(s)).sort((a, b) => b.length - a.length)[0];
    if (found !== undefined) return { text: whole.slice(0, end - found.length), stop: found };
  }
  return { text: whole, stop: undefined };
}

const letters = fc.string({ unit: fc.constantFrom("a", "b", "c"), maxLength: 5 });
test("however the text is cut, what comes out is what lies before the first complete stop", () => {
  fc.assert(
    fc.property(fc.array(letters, { maxLength: 4 }), fc.array(letters, { maxLength: 12 }), (stops, pieces) => {
      const got = stream(stops, pieces);
      const want = bruteForce(stops, pieces.join(""));
      expect({ text: got.text + got.held, stop: got.stop }).toEqual(want);
    }),
    { seed: 3, numRuns: 2000 },
  );
});

test("only what may still become a stop is held back", () => {
  fc.assert(
    fc.property(
      fc.array(
        letters.filter(s => s !== ""),
        { minLength: 1, maxLength: 3 },
      ),
      fc.array(letters, { maxLength: 8 }),
      (stops, pieces) => {
        const { held, stop } = stream(stops, pieces);
        fc.pre(stop === undefined);
        expect(held === "" || stops.some(s => s.length > held.length && s.startsWith(held))).toBe(true);
      },
    ),
    { seed: 4, numRuns: 1000 },
  );
});

test("a stop across three pieces never comes out", () => {
  expect(stream(["\n\nUser:"], ["Hello", "\n", "\nUs", "er:", " more"])).toEqual({ text: "Hello", stop: "\n\nUser:", held: "" });
  expect(stream(["\n\nUser:"], ["Hello", "\n", "\nUs"])).toEqual({ text: "Hello", stop: undefined, held: "\n\nUs" });
});

/** Two letters make stops that overlap themselves: what a broken failure table gets wrong. */
const twoLetters = fc.string({ unit: fc.constantFrom("a", "b"), maxLength: 6 });
test("stops that overlap themselves are found where they are, after pieces in which none counts", () => {
  fc.assert(
    fc.property(
      fc.array(twoLetters, { minLength: 1, maxLength: 2 }),
      fc.array(twoLetters, { maxLength: 8 }),
      fc.nat(3),
      (stops, pieces, free) => {
        const got = stream(stops, pieces, free);
        const want = bruteForce(stops, pieces.join(""), pieces.slice(0, free).join("").length);
        expect({ text: got.text + got.held, stop: got.stop }).toEqual(want);
      },
    ),
    { seed: 5, numRuns: 2000 },
  );
});

test("a stop that does not count yet is given out at once, but for an end that may begin the next", () => {
  expect(stream(["end"], ["end"], 1)).toEqual({ text: "end", stop: undefined, held: "" });
  expect(stream(["aba"], ["xaba"], 1)).toEqual({ text: "xab", stop: undefined, held: "a" });
  expect(stream(["aba"], ["xaba", "ba"], 1)).toEqual({ text: "xab", stop: "aba", held: "" });
});
