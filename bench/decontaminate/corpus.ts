/**
 * A corpus with known truth: evaluation items made of sentences from mails that are held out, planted in other mails whole, rewritten,
 * edited, in part; and what must not be found: fragments, shuffled words, the form that many items share, short answers, mails as they are.
 * An item is taken only if no eight words of it (short ones: none of its prompts) stand in a mail that is used, so that the truth is the truth.
 */
import { random } from "../../src/base/index.ts";
import { shingles } from "../../src/data/steps/near-duplicates/index.ts";

export interface QuizItem {
  readonly question: string;
  readonly answer: string;
}
export const positives = [
  "whole",
  "rewritten",
  "5 % edited",
  "10 % edited",
  "20 % edited",
  "prompt alone",
  "answer alone",
  "short",
] as const;
export const negatives = ["fragment", "shuffled", "shared form", "short answer", "clean"] as const;
export type Kind = (typeof positives)[number] | (typeof negatives)[number];
export interface Planted {
  readonly kind: Kind;
  readonly text: string;
  /** Number of the item that stands there. */
  readonly item?: number;
}

/** What sets put before their questions; a third of the long items begin with one. */
const forms = [
  "Read the following statement carefully and decide which of the answers below is best supported by what it says.",
  "You are given the first half of a paragraph. Choose the sentence that is the most likely continuation of it.",
  "The following question is about a message that somebody sent to a mailing list. Answer it in one sentence only.",
];
const perKind = 100;

const wordsOf = (text: string): string[] => text.match(/\S+/g) ?? [];

/** Sentences of a mail that its sender wrote, in order. */
function sentencesOf(text: string): string[] {
  return text
    .split(/\n\s*\n/)
    .filter(p => !/^\s*[>|]|https?:|[=_*-]{4}|wrote:/m.test(p))
    .flatMap(p =>
      p
        .replace(/\s+/g, " ")
        .trim()
        .split(/(?<=[.!?]) (?=[A-Z"'])/),
    )
    .filter(s => /[.!?]$/.test(s) && (s.match(/[A-Za-z ]/g)?.length ?? 0) > 0.85 * s.length);
}

export function plantedCorpus(mails: readonly string[]): { items: QuizItem[]; documents: Planted[] } {
  const r = random("decontaminate");
  const order = [...r.permutation(mails.length)];
  const [held, used] = [order.slice(0, mails.length / 5), order.slice(mails.length / 5)].map(part => part.map(i => mails[i]!)) as [
    string[],
    string[],
  ];
  const [eights, threes] = [8, 4].map(n => {
    const all = new Set<number>();
    for (const mail of used) for (const s of shingles(mail, n)) all.add(s);
    return all;
  }) as [Set<number>, Set<number>];
  const taken = new Set<number>();
  /** Whether no run of `n` words stands in a mail that is used, or in an earlier item. */
  const isNew = (text: string, n: number, there: ReadonlySet<number>) => {
    const runs = shingles(text, n);
    if (runs.length === 0 || runs.some(x => there.has(x) || taken.has(x))) return false;
    for (const x of runs) taken.add(x);
    return true;
  };
  const [long, short]: [QuizItem[], QuizItem[]] = [[], []];
  for (const mail of held) {
    const sentences = sentencesOf(mail);
    for (let i = 0; i + 1 < sentences.length; i += 2) {
      const [a, b] = [sentences[i]!, sentences[i + 1]!];
      const [n, m] = [wordsOf(a).length, wordsOf(b).length];
      if (n >= 14 && n <= 60 && m >= 12 && m <= 40 && isNew(`${a} ${b}`, 8, eights)) long.push({ question: a, answer: b });
      else if (n >= 7 && n <= 11) {
        const words = wordsOf(a);
        const cut = Math.min(7, n - 2);
        const [question, answer] = [words.slice(0, cut).join(" "), words.slice(cut, cut + 3).join(" ")];
        if (isNew(question, 4, threes)) short.push({ question, answer });
      }
    }
  }
  const items = [...long.map((q, i) => (i % 3 === 0 ? { ...q, question: `${forms[(i / 3) % forms.length]} ${q.question}` } : q)), ...short];
  const vocabulary = used.slice(0, 500).flatMap(wordsOf);
  const edited = (text: string, share: number) =>
    wordsOf(text)
      .flatMap(w => {
        if (r.uniform() >= share) return [w];
        const [other, how] = [vocabulary[r.below(vocabulary.length)]!, r.below(4)];
        return how === 0 ? [] : how === 1 ? [w, other] : [other];
      })
      .join(" ");
  const whole = (q: QuizItem) => `${q.question}\n${q.answer}`;
  let [nextLong, nextShort, nextMail] = [0, long.length, 0];
  const documents: Planted[] = [];
  /** A mail with something at one of its line ends. */
  const plant = (kind: Kind, passage: string, item?: number) => {
    const mail = used[nextMail++]!;
    const lines = mail.split("\n");
    lines.splice(r.below(lines.length + 1), 0, passage);
    documents.push({ kind, text: lines.join("\n"), ...(item === undefined ? {} : { item }) });
  };
  const rewritten = (q: QuizItem) =>
    wordsOf(`${q.question} ${q.answer}`)
      .map((w, i) => `${i % 7 === 3 ? "\n> " : ""}${i % 2 === 0 ? w.toUpperCase() : w.replace(/[.,;:!?"']/g, "")}`)
      .join("  ");
  const passages: Record<(typeof positives)[number], (q: QuizItem) => string> = {
    whole,
    rewritten,
    "5 % edited": q => edited(whole(q), 0.05),
    "10 % edited": q => edited(whole(q), 0.1),
    "20 % edited": q => edited(whole(q), 0.2),
    "prompt alone": q => q.question,
    "answer alone": q => q.answer,
    short: q => `Q: ${q.question} A: ${q.answer}`,
  };
  for (let n = 0; n < perKind; n++)
    for (const kind of positives) {
      const item = kind === "short" ? nextShort++ : nextLong++;
      if (item >= (kind === "short" ? items.length : long.length)) continue;
      plant(kind, passages[kind](items[item]!), item);
    }
  for (let n = 0; n < perKind; n++) {
    const q = long[r.below(long.length)]!;
    const words = wordsOf(`${q.question} ${q.answer}`);
    const at = r.below(words.length - 6);
    plant("fragment", words.slice(at, at + 6).join(" "));
    plant("shuffled", [...r.permutation(words.length)].map(i => words[i]).join(" "));
    plant("shared form", forms[n % forms.length]!);
    if (short.length > 0) plant("short answer", short[r.below(short.length)]!.answer);
  }
  for (const text of used.slice(nextMail)) documents.push({ kind: "clean", text });
  return { items, documents };
}
