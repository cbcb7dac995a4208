/**
 * FineWeb's own rules (Penedo et al. 2024, section 3.6): lines that end in no sentence mark, short lines, repeated lines, lists. The
 * threshold for repeated characters is that of the paper's table 2 and of datatrove 0.10, 0.01; the paper's text prints 0.1.
 */
import { judgeByRules, type Rules } from "../../rules.ts";
import { documentStep } from "../../step.ts";
import { ratio } from "../thresholds.ts";
import { bitsBefore, TERMINAL } from "../words/characters.ts";
import { filledLinesOf } from "../words/lines.ts";
import { repeatsOf } from "../words/repeats.ts";
import { viewOf } from "../words/text-view.ts";
import { finewebOptions } from "./options.ts";

const rules = {
  lines: { option: "minLines", keep: "atLeast" },
  "lines-with-end-mark": { option: "minLinesWithEndMark", keep: "atLeast" },
  "short-lines": { option: "maxShortLines", keep: "atMost" },
  "repeated-line-characters": { option: "maxRepeatedLineCharacters", keep: "atMost" },
  "line-feeds": { option: "maxLineFeedRatio", keep: "atMost" },
} as const satisfies Rules;

export const fineweb = documentStep({
  name: "fineweb",
  version: 1,
  options: finewebOptions,
  rules,
  apply({ text }, o) {
    const view = viewOf(text);
    const lines = filledLinesOf(view);
    const numLines = lines.length / 2;
    let marked = 0;
    let short = 0;
    for (let k = 0; k < lines.length; k += 2) {
      const begin = lines[k]!;
      const end = lines[k + 1]!;
      if (bitsBefore(view.units, end, begin) & TERMINAL) marked++;
      // A character is at most two units.
      if (end - begin <= o.shortLineLength || (view.hasPairs && view.charactersOf(begin, end) <= o.shortLineLength)) short++;
    }
    const values = {
      lines: numLines,
      "lines-with-end-mark": ratio(marked, numLines),
      "short-lines": ratio(short, numLines),
      "repeated-line-characters": ratio(repeatsOf(view, lines).characters, view.numCharacters - view.numNewlines),
      "line-feeds": ratio(view.numNewlines, view.numWords),
    };
    return { verdicts: judgeByRules(rules, values, o) };
  },
});
