/**
 * A paraphrase written by a model. It is taken where its words are like the parent's but not the same, its length is near, its meaning is near
 * (with an embedder), and no number or address was lost or invented: what can be checked without believing the model.
 */
import { defined } from "../../../../base/index.ts";
import { textBytes } from "../../../document.ts";
import type { Embedder } from "../../../resources.ts";
import { askingMethod } from "../../method.ts";
import { cosineOfFloats, wordSimilarity } from "../../similarity.ts";
import { paraphraseFault } from "./faults.ts";
import { paraphrasePart } from "./options.ts";

/** Requests are seeded by whole numbers that every server takes. */
const seedRange = 2 ** 31;

export const paraphrase = askingMethod({
  ...paraphrasePart,
  needs: o => (o.embedder === undefined ? [] : [{ kind: "embedder", model: o.embedder }]),
  prepare: async (o, resources): Promise<Embedder | undefined> => (o.embedder === undefined ? undefined : resources.embedder(o.embedder)),
  reckon: ({ text }, o) => ({
    requests: 1,
    tokens: Math.ceil((textBytes(text) + Math.max(...o.prompts.map(textBytes)) + textBytes(o.system ?? "")) / 3) + o.maxTokens,
  }),
  async vary({ text }, draw, o, embedder, writer) {
    if (textBytes(text) > o.maxBytes) return { rejected: "too-long" };
    const prompt = o.prompts[draw.below(o.prompts.length)]!;
    const answer = await writer.write({
      ...defined({ system: o.system }),
      // A function, since a document may hold `$&`.
      user: prompt.replace("{text}", () => text),
      maxTokens: o.maxTokens,
      temperature: o.temperature,
      seed: draw.below(seedRange),
    });
    if (answer.refusal !== undefined) return { rejected: "refused" };
    if (answer.isCut) return { rejected: "cut" };
    const written = answer.text.trim();
    const fault = paraphraseFault(text, written, o);
    if (fault) return { rejected: fault };
    if (embedder) {
      const [a, b] = await embedder.embed([text, written]);
      // Not a number is no likeness.
      if (!(cosineOfFloats(a!, b!) >= o.minCosine)) return { rejected: "meaning" };
    }
    return { text: written, attributes: { similarity: wordSimilarity(text, written, o.similarity.words) } };
  },
});
