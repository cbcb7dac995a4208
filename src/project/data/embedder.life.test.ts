/** The embedder on a real encoder, against embeddings that sentence-transformers made: all-MiniLM-L6-v2 in the folder LOAM_MODELS. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { openDevice } from "../../tensor/index.ts";
import { folderEmbedder } from "./embedder.ts";

const folder = join(process.env.LOAM_MODELS ?? "", "all-minilm-l6-v2");
const reference = new URL("./golden/minilm.golden.json", import.meta.url);
const missing =
  process.env.LOAM_MODELS !== undefined && existsSync(join(folder, "model.safetensors"))
    ? undefined
    : (process.env.LOAM_MODELS_REASON ?? "LOAM_MODELS names no folder with all-minilm-l6-v2");
const reason = missing === undefined ? "" : ` (skipped: ${missing})`;

interface Reference {
  readonly items: readonly { readonly text: string; readonly embedding: readonly number[] }[];
  readonly cosine: readonly (readonly number[])[];
}

test.skipIf(missing !== undefined)(
  `MiniLM's vectors are those of sentence-transformers within 1e-5, and so are their cosines as far as they are given${reason}`,
  async () => {
    const { items, cosine } = JSON.parse(readFileSync(reference, "utf8")) as Reference;
    using embedder = await folderEmbedder(folder, openDevice("cpu", { threads: 2 }));
    const vectors = await embedder.embed(items.map(i => i.text));
    const apart = (a: ArrayLike<number>, b: ArrayLike<number>) => Math.max(...Array.from(a, (v, i) => Math.abs(v - b[i]!)));
    for (const [i, item] of items.entries()) expect(apart(vectors[i]!, item.embedding), item.text).toBeLessThan(1e-5);
    for (const [i, row] of cosine.entries()) {
      const own = vectors.map(v => v.reduce((sum, x, k) => sum + x * vectors[i]![k]!, 0));
      // Written with four digits.
      expect(apart(own, row), items[i]!.text).toBeLessThan(0.5e-4 + 1e-5);
    }
  },
);

test.skipIf(missing !== undefined)(
  `a text's vector is the same to the last bit beside any others, and long texts are cut${reason}`,
  async () => {
    using embedder = await folderEmbedder(folder, openDevice("cpu", { threads: 2 }));
    const long = "the quick brown fox jumps over the lazy dog ".repeat(200);
    const texts = ["king", "a much longer sentence about the weather in the mountains of the north", long, "", "queen"];
    const together = await embedder.embed(texts);
    for (const [i, text] of texts.entries()) expect((await embedder.embed([text]))[0]).toEqual(together[i]);
    expect((await embedder.embed([`${long} and something else`]))[0]).toEqual(together[2]);
  },
);
