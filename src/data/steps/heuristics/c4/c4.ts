/**
 * C4's rules (Raffel et al. 2020, section 2.2, and its published code): lines that look like menus and notices go, then documents with too
 * little left, and documents with placeholder text or code. As datatrove 0.10 has them: lines are judged in this order, a line that is gone
 * is not looked at for lorem ipsum and curly brackets, sentences are those of spaCy's rules. Left out: the list of bad words (bring your
 * own as a filter), mC4's paragraph rule.
 */
import type { LedgerEdit } from "../../../ledger.ts";
import { judgeByRules, type Rules } from "../../rules.ts";
import { documentStep } from "../../step.ts";
import { characterTable, SPACE_BIT } from "../words/characters.ts";
import {
  LINE_BITS,
  LINE_FIELDS,
  LINE_LONGEST,
  LINE_RUNS,
  LINE_TEXT_BEGIN,
  LINE_TEXT_END,
  LINE_WORD,
  TextView,
  viewOf,
} from "../words/text-view.ts";
import { HAS_BRACKET, HAS_CURLY, HAS_PHRASE } from "../words/vocabulary.ts";
import { c4Options } from "./options.ts";

const rules = {
  "lorem-ipsum": { option: "maxLoremIpsumLines", keep: "atMost" },
  "curly-brackets": { option: "maxCurlyBracketLines", keep: "atMost" },
  sentences: { option: "minSentences", keep: "atLeast" },
} as const satisfies Rules;

const citation = /\[(?:\p{Nd}*|edit|citation needed)\]/gu;
const policies = ["terms of use", "privacy policy", "cookie policy", "uses cookies", "use of cookies", "use cookies"];
const [STOP, QUESTION, EXCLAMATION, QUOTE, APOSTROPHE] = [46, 63, 33, 34, 39];

const endsWithMark = (line: string): boolean => {
  const c = line.charCodeAt(line.length - 1);
  if (c !== STOP) return c === QUESTION || c === EXCLAMATION || c === QUOTE || c === APOSTROPHE;
  return !line.endsWith("...");
};

/** Without white space at the edges. A line may begin or end with some once a citation is gone. */
function trimmed(text: string): string {
  const table = characterTable();
  let begin = 0;
  let end = text.length;
  while (begin < end && table[text.charCodeAt(begin)]! & SPACE_BIT) begin++;
  while (end > begin && table[text.charCodeAt(end - 1)]! & SPACE_BIT) end--;
  return text.slice(begin, end);
}

/** Lines gone, by the rule that took them. */
type LineRule = "blank-lines" | "long-words" | "no-end-mark" | "few-words" | "javascript" | "policy";

/** For lines that were changed: the shared view goes on being that of the document. */
const aside = new TextView();

export const c4 = documentStep({
  name: "c4",
  version: 1,
  options: c4Options,
  rules,
  apply({ text }, o) {
    const view = viewOf(text);
    const { lines, numLines, numWords, vocabulary } = view;
    const gone: Partial<Record<LineRule, number>> = {};
    let citations = 0;
    let lorem = 0;
    let curly = 0;
    let sentences = 0;
    const stay: string[] = [];
    const drop = (rule: LineRule) => {
      gone[rule] = (gone[rule] ?? 0) + 1;
    };
    for (let at = 0; at < numLines * LINE_FIELDS; at += LINE_FIELDS) {
      const runs = lines[at + LINE_RUNS]!;
      const bits = lines[at + LINE_BITS]!;
      if (o.maxWordLength !== null && lines[at + LINE_LONGEST]! > o.maxWordLength) {
        drop("long-words");
        continue;
      }
      const raw = text.slice(lines[at + LINE_TEXT_BEGIN]!, lines[at + LINE_TEXT_END]!);
      let line = raw;
      let cited = 0;
      if (o.citations && bits & HAS_BRACKET)
        line = raw.replace(citation, () => {
          cited++;
          return "";
        });
      if (o.endMarks && !endsWithMark(line)) {
        drop(runs === 0 ? "blank-lines" : "no-end-mark");
        continue;
      }
      if (o.minWordsPerLine !== null && runs < o.minWordsPerLine) {
        drop(runs === 0 ? "blank-lines" : "few-words");
        continue;
      }
      const lower = bits & HAS_PHRASE ? line.toLowerCase() : "";
      if (lower.includes("lorem ipsum")) lorem++;
      if (o.javascript && lower.includes("javascript")) {
        drop("javascript");
        continue;
      }
      if (bits & HAS_CURLY) curly++;
      if (o.policies && lower !== "" && policies.some(p => lower.includes(p))) {
        drop("policy");
        continue;
      }
      citations += cited;
      stay.push(line);
      if (cited > 0) {
        aside.use(vocabulary).of(line);
        sentences += aside.sentencesOf(0, aside.numWords);
      } else {
        const next = at + LINE_FIELDS;
        sentences += view.sentencesOf(lines[at + LINE_WORD]!, next < numLines * LINE_FIELDS ? lines[next + LINE_WORD]! : numWords);
      }
    }
    const verdicts = judgeByRules(rules, { "lorem-ipsum": lorem, "curly-brackets": curly, sentences }, o);
    // What goes is kept as it was.
    if (verdicts.some(v => !v.keep)) return { verdicts };
    const edited = trimmed(stay.join("\n"));
    if (edited === text) return { verdicts };
    const edits: LedgerEdit[] = Object.entries(gone).map(([rule, value]) => ({ rule, value }));
    if (citations > 0) edits.push({ rule: "citations", value: citations });
    if (edits.length === 0) edits.push({ rule: "white-space", value: text.length - edited.length });
    return { verdicts, text: edited, edits };
  },
});
