/**
 * How models mark what they think before they answer: a row for each pair of marks. Which one a model was taught is read off its chat template, or
 * off its vocabulary where both marks are tokens of their own.
 */
import type { ServedModel } from "../../served-model.ts";

export interface ReasoningMarks {
  readonly open: string;
  readonly close: string;
}

const rows: readonly ReasoningMarks[] = [
  /** Qwen 3, DeepSeek R1 and V3.1, SmolLM3, GLM 4.5, Granite. */
  { open: "<think>", close: "</think>" },
  /** Magistral. */
  { open: "[THINK]", close: "[/THINK]" },
  /** Command A Reasoning. */
  { open: "<|START_THINKING|>", close: "<|END_THINKING|>" },
  /** Seed-OSS. */
  { open: "<seed:think>", close: "</seed:think>" },
];

type Thinker = Pick<ServedModel, "tokenizer" | "chatTemplate">;

/** The token that a mark is by itself; undefined where it takes several. */
export function markToken({ tokenizer }: Thinker, mark: string): number | undefined {
  const ids = tokenizer.encode(mark, { addSpecialTokens: false });
  return ids.length === 1 ? ids[0] : undefined;
}

const found = new WeakMap<Thinker, { readonly marks: ReasoningMarks | undefined }>();

/** The marks that a model was taught; none where it does not reason apart from its answer. */
export function reasoningMarks(model: Thinker): ReasoningMarks | undefined {
  const known = found.get(model);
  if (known) return known.marks;
  const source = model.chatTemplate?.source ?? "";
  const isToken = (mark: string) => markToken(model, mark) !== undefined;
  const marks = rows.find(({ open, close }) => source.includes(close) || (isToken(open) && isToken(close)));
  found.set(model, { marks });
  return marks;
}

/** Whether a model reasons apart from its answer, by its template and the texts of its special tokens: of one that sleeps no more is known. */
export const isReasoner = (source: string, specials: ReadonlyMap<string, number>): boolean =>
  rows.some(({ open, close }) => source.includes(close) || (specials.has(open) && specials.has(close)));

/** Whether an answer to these tokens begins inside of the model's reasoning: the template, or the message that is continued, has opened it. */
export function isReasoningOpen(
  { tokenizer }: Thinker,
  { open, close }: ReasoningMarks,
  prompt: readonly number[],
  continued = "",
): boolean {
  // a mark has 18 characters at most, a token one at least; white space may stand behind it
  const end = tokenizer.decode(prompt.slice(-(Buffer.byteLength(continued) + 32)));
  const isOpen = (text: string) => text.trimEnd().endsWith(open);
  if (continued === "") return isOpen(end);
  const [opened, closed] = [continued.lastIndexOf(open), continued.lastIndexOf(close)];
  if (opened >= 0 || closed >= 0) return opened > closed;
  return end.endsWith(continued) && isOpen(end.slice(0, end.length - continued.length));
}
