/** A real model that guesses for itself, opened as `loam serve --draft` does: SmolLM2-135M-Instruct in the folder LOAM_MODELS. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { isLoamError } from "../../base/index.ts";
import { findModel } from "./find-model.ts";
import { openEngine } from "./open-engine.ts";

const models = process.env.LOAM_MODELS ?? "";
const folder = join(models, "smollm2-135m-instruct");
const encoder = join(models, "all-minilm-l6-v2");
const missing =
  process.env.LOAM_MODELS !== undefined && existsSync(folder) && existsSync(encoder)
    ? undefined
    : (process.env.LOAM_MODELS_REASON ?? "LOAM_MODELS names no folder with smollm2-135m-instruct and all-minilm-l6-v2");
const reason = missing === undefined ? "" : ` (skipped: ${missing})`;

test.skipIf(missing !== undefined)(
  `greedy answers of a real model are the same with a draft, and its guesses are taken${reason}`,
  async () => {
    await using found = await findModel("/", "/", folder);
    const size = { slots: 2, context: 128 };
    const answers = async (choice: Parameters<typeof openEngine>[1]) => {
      await using opened = await openEngine(found, { ...size, ...choice });
      const { engine } = opened;
      await engine.ready;
      const tokens = Array.from(engine.model.tokenizer.encode("Gravity is"));
      let text = "";
      for await (const event of engine.submit({ tokens, maxTokens: 24, sampling: { temperature: 0 }, stopTokens: [] })) {
        text += event.text;
        if (event.kind === "end") return { text, usage: event.usage, isDrafting: engine.stats().isDrafting ?? false };
      }
      throw new Error("no end");
    };
    const plain = await answers({});
    const drafted = await answers({ draft: { found, tokens: 3 }, cacheTokens: 150 });
    expect(drafted.text).toBe(plain.text);
    // one token without guesses, five rounds of three and one, and two of the last three
    if (drafted.isDrafting) expect(drafted.usage).toMatchObject({ draftedTokens: 17, acceptedTokens: 17 });
    else expect(drafted.usage).toEqual(plain.usage);
  },
);

test.skipIf(missing !== undefined)(`a draft that is no decoder is refused by name${reason}`, async () => {
  await using found = await findModel("/", "/", folder);
  await using other = await findModel("/", "/", encoder);
  const error = await openEngine(found, { draft: { found: other } }).catch((e: unknown) => e);
  expect(isLoamError(error) && error.message).toContain("all-minilm-l6-v2");
});
