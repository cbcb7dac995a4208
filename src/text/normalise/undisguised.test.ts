import { expect, test } from "vitest";
import { disguiseNames, disguises } from "../../../bench/moderation/disguises.ts";
import { random } from "../../base/index.ts";
import { foldedString } from "./normalise.ts";
import { undisguisedReadings } from "./undisguised.ts";

const words = ["threaten", "bastard", "strangle", "moron", "vermin"];
/** Nothing in the text tells that they are words at all, or which. */
const unreadable = ["stars", "ROT13"];

test.each(disguiseNames.filter(name => !unreadable.includes(name)))("a word in disguise is read as the word: %s", name => {
  const draw = random(`undisguised/${name}`);
  for (let round = 0; round < 10; round++)
    for (const word of words) {
      const text = `I say ${disguises[name]!(word, draw)} to you`;
      const all = [text, ...undisguisedReadings(text)].map(foldedString);
      expect(
        all.some(t => t.includes(word)),
        JSON.stringify([text, all]),
      ).toBe(true);
    }
});

test.each([
  "They met at half past four, for 3.50 dollars a head, in room B2.",
  "Ein Gruß aus Österreich: schöne Straße, 20 Jahre später.",
  "Привет, это обычное предложение на русском языке.",
  "यह एक साधारण वाक्य है।",
  "これは普通の文です。",
  "if (a < b && c > d) return x[0];",
  "See https://example.com/a?b=c for more!",
  "Call me at 555-1234, ext. 5.",
])("a text without a disguise has no other reading: %s", text => {
  expect(undisguisedReadings(text)).toEqual([]);
});

test("a sentence in ROT13 is read", () => {
  expect(undisguisedReadings("V jvyy xvyy lbh naq lbhe qbt")).toContain("I will kill you and your dog");
});

test("one token of 50,000 characters has few readings, none longer than it", () => {
  for (const one of ["a", "aaab", "4$", "<b", "&#9", "%61", "YWJj", "a.", "\u0430a", "\u200b", "🅰"]) {
    const text = one.repeat(Math.ceil(50_000 / one.length));
    const readings = undisguisedReadings(text);
    expect(readings.length).toBeLessThanOrEqual(5);
    for (const r of readings) expect(r.length).toBeLessThanOrEqual(2 * text.length);
  }
});
