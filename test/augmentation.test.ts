/** Augmentation by a model against a real OpenAI-compatible server: Loam's own, on a model that the test trains for a moment. */
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { random } from "../src/base/index.ts";
import { augment, augmentOptions } from "../src/data/augment/index.ts";
import { loam, start } from "./support/child.ts";
import { temporaryFolder } from "./support/project.ts";

const words = "the a garden road sea letter house green long old walks sees writes reads to from with and Ann Bob".split(" ");
const documents = Array.from({ length: 8 }, (_, i) => ({
  id: `letters:${i}`,
  text: `Dear Ann, this is letter ${i} about the garden and the long road to the sea.`,
  source: `letters/${i}.txt`,
  attributes: { label: i % 2 === 0 ? "even" : "odd" },
}));

test("variants written by Loam's own server are the same in every run, asked once, and gone when the server is", async () => {
  const folder = temporaryFolder();
  expect((await loam(["init", "little"], { cwd: folder })).code).toBe(0);
  const cwd = join(folder, "little");
  const file = join(cwd, "loam.yaml");
  writeFileSync(
    file,
    `${readFileSync(file, "utf8")
      .replace("vocab: 512", "vocab: 300")
      .replace("layers: 2", "layers: 1")
      .replace("width: 96", "width: 32")
      .replace("heads: 3", "heads: 2")
      .replace("tokens: 240k", "tokens: 160k")}\ndevice: { threads: 1 }\n`,
  );
  // Texts of a few words, so that the model learns to end one.
  const draw = random("texts");
  rmSync(join(cwd, "texts"), { recursive: true });
  mkdirSync(join(cwd, "texts"));
  for (let i = 0; i < 300; i++)
    writeFileSync(
      join(cwd, "texts", `${i}.txt`),
      `${Array.from({ length: 3 + draw.below(5) }, () => words[draw.below(words.length)]).join(" ")}\n`,
    );
  const ran = await loam(["run", "--json"], { cwd });
  expect(ran.code, ran.stderr).toBe(0);
  const server = start(["serve", "--port", "0", "--json"], { cwd });
  const [, url] = await server.says(/"event":"serving","url":"([^"]+)"/);

  // A model of this size writes letters, not sense: the filters that ask for sense are off, and one row keeps them.
  const anything = { prompts: ["{text}"], maxTokens: 48, keepFacts: false, similarity: { min: 0 }, length: { min: 0, max: 100 } };
  const options = (baseUrl: string, more: object = {}) =>
    augmentOptions.parse({
      maxShare: 0.9,
      endpoint: { baseUrl, model: "little", concurrency: 3, retries: 1, backoffMs: 10, ...more },
      methods: [
        { method: "paraphrase", as: "letters", options: anything },
        { method: "paraphrase", where: { label: "even" }, options: { prompts: ["{text}"], maxTokens: 24 } },
        { method: "questions", where: { label: "odd" }, options: { prompt: "{text}", maxTokens: 24 } },
      ],
    });
  const run = async (o: ReturnType<typeof options>, cache?: string) => {
    const augmentation = augment(o, { documents: () => documents, heldOut: () => [], ...(cache === undefined ? {} : { cache }) });
    const made = [];
    for await (const d of augmentation.documents) made.push(d);
    return { made, report: augmentation.report() };
  };
  const base = `${url}/v1`;
  const cache = join(folder, "answers");
  const first = await run(options(base), cache);
  const [letters, paraphrases, questions] = first.report.rows;
  expect(first.report.requests).toMatchObject({ asked: 16, cached: 0, tokens: expect.any(Number) });
  expect(first.report.requests.tokens).toBeGreaterThan(16 * 24);
  // An answer ends by its own end mark or by maxTokens; both are told, and nothing else stops one here.
  expect(Object.keys(letters!.rejected).filter(r => !["cut", "empty"].includes(r))).toEqual([]);
  expect(letters!.made + (letters!.rejected.cut ?? 0) + (letters!.rejected.empty ?? 0)).toBe(8);
  expect(letters!.made, JSON.stringify(letters)).toBeGreaterThan(0);
  expect(paraphrases).toMatchObject({ tried: 4, made: 0 });
  expect(questions).toMatchObject({ tried: 4, made: 0 });
  expect(readdirSync(cache, { recursive: true, encoding: "utf8" }).filter(f => f.endsWith(".json"))).toHaveLength(16);

  const again = await run(options(base), cache);
  expect(again.made).toEqual(first.made);
  expect(again.report.requests).toMatchObject({ asked: 0, cached: 16 });
  // Without what was kept the server, given the same seeds, writes the same again.
  expect((await run(options(base, { concurrency: 1 }))).made).toEqual(first.made);

  await expect(run(options(base, { model: "litle" }))).rejects.toThrow(/status 404: .*little.* Check baseUrl, model and key\./s);
  server.kill("SIGTERM");
  await server.ended;
  await expect(run(options(base))).rejects.toThrow(
    /expected an answer, got ECONNREFUSED, after 2 attempts\. Start the server or try later/,
  );
  expect((await run(options(base), cache)).made).toEqual(first.made);
});
