/** A real encoder served over HTTP, against embeddings that sentence-transformers made: all-MiniLM-L6-v2 in the folder LOAM_MODELS. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import OpenAI from "openai";
import { expect, test } from "vitest";
import { createApp, listen } from "../../serve/index.ts";
import { findModel } from "./find-model.ts";
import { openServed } from "./open-served.ts";

const folder = join(process.env.LOAM_MODELS ?? "", "all-minilm-l6-v2");
const reference = new URL("../data/golden/minilm.golden.json", import.meta.url);
const missing =
  process.env.LOAM_MODELS !== undefined && existsSync(join(folder, "model.safetensors"))
    ? undefined
    : (process.env.LOAM_MODELS_REASON ?? "LOAM_MODELS names no folder with all-minilm-l6-v2");
const reason = missing === undefined ? "" : ` (skipped: ${missing})`;

interface Reference {
  readonly items: readonly { readonly text: string; readonly embedding: readonly number[] }[];
}

test.skipIf(missing !== undefined)(
  `MiniLM through /v1/embeddings is sentence-transformers' within 1e-5, cosine above 0.99999, the same bits alone and in company${reason}`,
  async () => {
    const all = (JSON.parse(readFileSync(reference, "utf8")) as Reference).items;
    // OpenAI's contract refuses an empty text
    const items = all.filter(i => i.text !== "");
    await using found = await findModel("/", "/", folder);
    await using opened = await openServed(found);
    expect(opened.engine.model).toMatchObject({ id: "all-minilm-l6-v2", pooling: "mean", normalise: true, longest: 256 });
    const app = createApp({ engines: [] });
    opened.addTo(app.engines);
    const server = await listen(app, { port: 0 });
    try {
      await opened.engine.ready;
      const client = new OpenAI({ baseURL: `${server.url}/v1`, apiKey: "none", maxRetries: 0 });
      const texts = items.map(i => i.text);
      const ask = async (input: string | string[]) =>
        (await client.embeddings.create({ model: "all-minilm-l6-v2", input, ...truncated })).data.map(d => d.embedding);
      const together = await ask(texts);
      for (const [i, { text, embedding }] of items.entries()) {
        const own = together[i]!;
        expect(Math.max(...own.map((x, k) => Math.abs(x - embedding[k]!))), text).toBeLessThan(1e-5);
        const cosine = own.reduce((sum, x, k) => sum + x * embedding[k]!, 0) / (Math.hypot(...own) * Math.hypot(...embedding));
        expect(cosine, text).toBeGreaterThan(0.99999);
      }
      const alone = await Promise.all(texts.map(t => ask(t)));
      expect(alone.map(a => a[0])).toEqual(together);
      for (const t of texts.slice(0, 3)) expect((await ask(t))[0]).toEqual(together[texts.indexOf(t)]);
    } finally {
      await server.close();
    }
  },
);

test.skipIf(missing !== undefined)(
  `MiniLM with matrices in 8 bits stays within a cosine of 0.99, the same bits alone and in company; forms of decoders are refused${reason}`,
  async () => {
    const items = (JSON.parse(readFileSync(reference, "utf8")) as Reference).items.filter(i => i.text !== "");
    await using found = await findModel("/", "/", folder);
    await expect(openServed(found, { quantize: "int4" })).rejects.toThrow("exact, auto or int8");
    await using exact = await openServed(found);
    await using opened = await openServed(found, { quantize: "auto" });
    const app = createApp({ engines: [] });
    opened.addTo(app.engines);
    const server = await listen(app, { port: 0 });
    try {
      await Promise.all([opened.engine.ready, exact.engine.ready]);
      expect(opened.engine.fingerprint).not.toBe(exact.engine.fingerprint);
      const client = new OpenAI({ baseURL: `${server.url}/v1`, apiKey: "none", maxRetries: 0 });
      const ask = async (input: string | string[]) =>
        (await client.embeddings.create({ model: "all-minilm-l6-v2", input, ...truncated })).data.map(d => d.embedding);
      const together = await ask(items.map(i => i.text));
      for (const [i, { text, embedding }] of items.entries()) {
        const cosine =
          together[i]!.reduce((sum, x, k) => sum + x * embedding[k]!, 0) / (Math.hypot(...together[i]!) * Math.hypot(...embedding));
        expect(cosine, text).toBeGreaterThan(0.99);
        expect((await ask(text))[0]).toEqual(together[i]);
      }
    } finally {
      await server.close();
    }
  },
);

test.skipIf(missing !== undefined)(
  `MiniLM without pooling gives a vector for each token, whose scaled mean is sentence-transformers' vector; the form changes nothing of that${reason}`,
  async () => {
    const { text, embedding } = (JSON.parse(readFileSync(reference, "utf8")) as Reference).items.find(i => i.text !== "")!;
    await using found = await findModel("/", "/", folder);
    await using plain = await openServed(found);
    for (const [quantize, nearest] of [
      ["exact", 0.99999],
      ["int8", 0.99],
    ] as const) {
      await using opened = await openServed(found, { pooling: "none", quantize });
      expect(opened.engine.model).toMatchObject({ pooling: "none", normalise: false });
      const app = createApp({ engines: [] });
      opened.addTo(app.engines);
      const server = await listen(app, { port: 0 });
      try {
        await Promise.all([opened.engine.ready, plain.engine.ready]);
        expect(opened.engine.fingerprint).not.toBe(plain.engine.fingerprint);
        const response = await fetch(`${server.url}/embedding`, {
          method: "POST",
          headers: { "content-type": "application/json" },
          body: JSON.stringify({ content: text }),
        });
        const [{ embedding: rows }] = (await response.json()) as [{ embedding: number[][] }];
        const mean = embedding.map((_, i) => rows.reduce((sum, row) => sum + row[i]!, 0));
        const cosine = mean.reduce((sum, x, i) => sum + x * embedding[i]!, 0) / (Math.hypot(...mean) * Math.hypot(...embedding));
        expect(rows.length).toBeGreaterThan(2);
        expect(cosine).toBeGreaterThan(nearest);
      } finally {
        await server.close();
      }
    }
  },
  120_000,
);

/** The reference cuts long texts where the model ends. */
const truncated = { truncate: true };
