/**
 * Labelled texts in forms that trainers read: conversations for `task: instruct`, marked texts for the recogniser of names, words with BIO tags
 * (Ramshaw and Marcus 1995) for token classification, and ranges in code points for programs that count characters as Python does.
 */
import { z } from "zod";
import { check } from "../../base/index.ts";
import { projectErrors, wrongArgument } from "../errors.ts";
import type { LabelledSpan } from "./votes.ts";

export const labelFormats = ["chat", "recogniser", "bio", "code-points"] as const;
export type LabelFormat = (typeof labelFormats)[number];

export interface ExportLabelsOptions {
  readonly format: LabelFormat;
  /** System message of `chat`: what the model shall do. Default: none. */
  readonly instruction?: string | undefined;
}

export interface ExportedLabels {
  /** JSON Lines. */
  readonly lines: string;
  readonly texts: number;
  readonly spans: number;
  /** Spans of `bio` that are missing: a longer one covers some of their words, or they hold none. */
  readonly leftOut: number;
}

const labelled = z.looseObject({
  text: z.string(),
  label: z.string().optional(),
  labels: z.array(z.string()).optional(),
  spans: z.array(z.strictObject({ start: z.int().min(0), end: z.int().min(1), label: z.string() })).optional(),
});
type LabelledText = z.output<typeof labelled>;

interface ExportedText {
  readonly line: object;
  readonly leftOut?: number;
}

/** A run of letters and digits, or one other character that is no space. */
const wordPattern = /[\p{L}\p{N}\p{M}_]+|[^\s]/gu;

/** Words and a tag each. Of spans that share a word the longer one is kept, of equally long ones the first. */
function bioOf(text: string, spans: readonly LabelledSpan[]): { tokens: string[]; tags: string[]; leftOut: number } {
  const words = [...text.matchAll(wordPattern)].map(m => ({ token: m[0], start: m.index, end: m.index + m[0].length }));
  const tags = words.map(() => "O");
  let leftOut = 0;
  for (const span of [...spans].sort((a, b) => b.end - b.start - (a.end - a.start) || a.start - b.start)) {
    const own = words.flatMap((w, i) => (w.start < span.end && w.end > span.start ? [i] : []));
    if (own.length === 0 || own.some(i => tags[i] !== "O")) leftOut++;
    else for (const [at, i] of own.entries()) tags[i] = `${at === 0 ? "B" : "I"}-${span.label}`;
  }
  return { tokens: words.map(w => w.token), tags, leftOut };
}

/** Code points before a place that is counted in UTF-16 code units. */
const codePoints = (text: string, end: number): number => [...text.slice(0, end)].length;
const quoted = (text: string, { start, end, label }: LabelledSpan) => ({ text: text.slice(start, end), label });

type Given = Pick<LabelledText, "text" | "label" | "labels"> & { readonly spans: readonly LabelledSpan[] };

const forms: Readonly<Record<LabelFormat, (given: Given, options: ExportLabelsOptions) => ExportedText>> = {
  chat: ({ text, label, labels, spans }, { instruction }) => ({
    line: {
      messages: [
        ...(instruction === undefined ? [] : [{ role: "system", content: instruction }]),
        { role: "user", content: text },
        { role: "assistant", content: label ?? JSON.stringify(labels ?? spans.map(s => quoted(text, s))) },
      ],
    },
  }),
  recogniser: ({ text, spans }) => ({ line: { text, spans: spans.map(({ start, end, label }) => ({ start, end, type: label })) } }),
  bio: ({ text, spans }) => {
    const { leftOut, ...line } = bioOf(text, spans);
    return { line, leftOut };
  },
  "code-points": ({ text, spans }) => ({
    line: {
      text,
      spans: spans.map(s => ({
        start: codePoints(text, s.start),
        end: codePoints(text, s.end),
        label: s.label,
        quote: text.slice(s.start, s.end),
      })),
    },
  }),
};

/**
 * The texts of `labels/NAME/labelled.jsonl` in a form. Errors: project/argument where a text has no ranges and the form is of ranges, or a class that the
 * recogniser does not know; base/config for a line that is none.
 */
export function exportedLabels(file: string, place: string, options: ExportLabelsOptions): ExportedLabels {
  const lines = file.split("\n").flatMap((line, i) => (line.trim() === "" ? [] : [readLabelled(line, `${place}:${i + 1}`)]));
  if (options.format !== "chat" && lines.some(l => l.spans === undefined))
    throw wrongArgument("format", "chat, for these labels are of texts, not of ranges", JSON.stringify(options.format));
  const spans = lines.flatMap(l => l.spans ?? []);
  const strange = options.format === "recogniser" ? spans.find(s => s.label !== "name" && s.label !== "place") : undefined;
  if (strange)
    throw wrongArgument(
      "format",
      "classes name and place, which the recogniser has",
      `"${strange.label}"`,
      "Choose chat or bio, which take any class.",
    );
  const texts = lines.map(l => forms[options.format]({ ...l, spans: l.spans ?? [] }, options));
  return {
    lines: texts.map(t => `${JSON.stringify(t.line)}\n`).join(""),
    texts: texts.length,
    spans: spans.length,
    leftOut: texts.reduce((sum, t) => sum + (t.leftOut ?? 0), 0),
  };
}

function readLabelled(line: string, place: string): LabelledText {
  try {
    return check(labelled, JSON.parse(line), place);
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    throw projectErrors.fail("argument", { place, expected: "a JSON object", received: line.slice(0, 60) });
  }
}
