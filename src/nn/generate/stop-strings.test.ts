import fc from "fast-check";
import { expect, test } from "vitest";
import { scanStops, stopPatterns, stopStart } from "./stop-strings.ts";

/** All text that comes out of a list of pieces, and the stop. */
function stream(stops: readonly string[], pieces: readonly string[]): { text: string; stop: string | undefined; held: string } {
  const patterns = stopPatterns(stops);
  let state = stopStart(patterns);
  let text = "";
  for (const piece of pieces) {
    const scan = scanStops(patterns, state, piece);
    text += scan.text;
    if (scan.stop !== undefined) return { text, stop: scan.stop, held: "" };
    state = scan.state;
  }
  return { text, stop: undefined, held: state.held };
}

/** Judge: the first end of any stop, the longest of those that end there. */
function bruteForce(stops: readonly string[], whole: string): { text: string; stop: string | undefined } {
  for (let end = 1; end <= whole.length; end++) {
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
