/** The body of OpenAI's moderations: texts, or parts of one message. Pictures are not read here; who serves refuses them. */
import { z } from "zod";
import { requestBounds as limits } from "../request-bounds.ts";

const textPart = z.object({ type: z.literal("text"), text: z.string() });
const picturePart = z.object({ type: z.literal("image_url"), image_url: z.object({ url: z.string() }) });
const part = z.discriminatedUnion("type", [textPart, picturePart]);

export const moderationsRequest = z.object({
  /** OpenAI's default is its own newest; here the one multi-label classifier that is served. */
  model: z.string().nullish(),
  input: z.union([z.string(), z.array(z.string()).min(1).max(limits.embeddingTexts), z.array(part).min(1).max(limits.embeddingTexts)], {
    error: `a text, a list of up to ${limits.embeddingTexts} texts, or a list of parts { type: "text", text }`,
  }),
  /** Of Loam: the group of each text, by which a model with thresholds by group decides; one for all texts, or one for each. */
  group: z
    .union([z.string(), z.array(z.string().nullable()).max(limits.embeddingTexts)], { error: "a text, or a list of texts and null" })
    .nullish(),
});
type ModerationsRequest = z.output<typeof moderationsRequest>;

/** One of the texts that a request has judged: each of a list, or the text parts of one message together. */
interface ModerationInput {
  readonly text: string;
  readonly hasPicture: boolean;
}

export function moderationInputs(input: ModerationsRequest["input"]): readonly ModerationInput[] {
  if (typeof input === "string") return [{ text: input, hasPicture: false }];
  const parts: readonly (string | z.output<typeof part>)[] = input;
  if (typeof parts[0] === "string") return parts.map(text => ({ text: text as string, hasPicture: false }));
  const texts = parts.flatMap(p => (typeof p !== "string" && p.type === "text" ? [p.text] : []));
  return [{ text: texts.join("\n"), hasPicture: parts.some(p => typeof p !== "string" && p.type === "image_url") }];
}
