/** Examples of requests: none unless they are asked for, redacted before they are written, bounded, and gone when they are past their time or their owner is erased. */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { EndedResponse } from "../../../serve/index.ts";
import { openStore, type Store, statesOf } from "../../../store/index.ts";
import { watchDefaults, watchPart } from "../../../watch/part.ts";
import { forgetOwner } from "../forget-owner.ts";
import { jumpingClock, toldResponse } from "../live/fakes.ts";
import { openSamples, pruneSamples, runSamples, samplesOfOwner, watchedSamples } from "./index.ts";

const startMs = Date.UTC(2026, 10, 30, 12);
const dayMs = 86_400_000;
let folder: string;
let store: Store;
let clock: ReturnType<typeof jumpingClock>;
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "loam-samples-"));
  clock = jumpingClock(startMs);
  store = await openStore({ root: folder, clock });
});
afterEach(async () => {
  await store.close();
  rmSync(folder, { recursive: true, force: true });
});

const settingsOf = (more: object = {}) => {
  const settings = watchPart.parse({ samples: { share: 1, ...more } });
  if (settings === false || settings.samples === false) throw new Error("samples are asked for");
  return settings.samples;
};
/** Texts as tokens: one a character, the prompt and the answer. */
function told(prompt: string, answer: string, more: Partial<EndedResponse> = {}): EndedResponse {
  const points = (text: string) => Array.from(text, c => c.codePointAt(0)!);
  const [first] = toldResponse().answers;
  return toldResponse({
    answers: [{ ...first!, promptTokens: points(prompt), answerTokens: points(answer) }],
    decode: tokens => String.fromCodePoint(...tokens),
    ...more,
  });
}
const filesWith = (text: string): string[] =>
  readdirSync(folder, { recursive: true, encoding: "utf8" }).filter(name => {
    try {
      return readFileSync(join(folder, name), "latin1").includes(text);
    } catch {
      return false;
    }
  });

describe("without the key", () => {
  test("no example is ever taken: the default is false", () => {
    expect(watchDefaults.samples).toBe(false);
    expect(runSamples(store, watchDefaults.samples, () => {})).toBeUndefined();
  });

  test("examples that were kept before it was turned off are deleted", async () => {
    const samples = openSamples(store, settingsOf());
    samples.ended(told("a question", "an answer"));
    await samples.flush();
    expect(await watchedSamples(store)).toHaveLength(1);
    const warnings: string[] = [];
    runSamples(store, false, text => warnings.push(text));
    await expect.poll(async () => (await watchedSamples(store)).length).toBe(0);
    expect((await statesOf(store.records.read, "watch/samples")).length).toBe(0);
    expect(warnings).toEqual([]);
  });
});

test("a text is cut between characters: no half of a surrogate pair is kept, and what fits stays whole", async () => {
  const samples = openSamples(store, settingsOf({ characters: 101, names: false }));
  const faces = "\u{1f600}".repeat(60);
  samples.ended(told(faces, faces));
  samples.ended(told("a", `${faces}b`));
  await samples.flush();
  const [second, first] = (await watchedSamples(store)).sort((a, b) => a.prompt.length - b.prompt.length);
  expect([first!.prompt, first!.answer]).toEqual(["\u{1f600}".repeat(50), "\u{1f600}".repeat(50)]);
  expect([second!.prompt, second!.answer]).toEqual(["a", "\u{1f600}".repeat(50)]);
  const even = openSamples(store, settingsOf({ characters: 100, names: false }), "even");
  even.ended(told(`ab${faces}`, `${faces}b`, { model: "other@1" }));
  await even.flush();
  const [whole] = await watchedSamples(store, { model: "other" });
  expect([whole!.prompt, whole!.answer]).toEqual(["\u{1f600}".repeat(50), "\u{1f600}".repeat(50)]);
});

test("private data is masked before a text is written: no file of the store has ever held it", async () => {
  const samples = openSamples(store, settingsOf());
  const secret = "sk-ant-api03-Zk3vJ8pQ1mX7bN5tR2wY9dL4fH6gC0aSeUiOxT";
  samples.ended(told(`Write to ann.lee@posteo.de, card 4532 0151 1283 0366, key ${secret}.`, "Dear ann.lee@posteo.de, done."));
  await samples.flush();
  const [sample] = await watchedSamples(store);
  expect(sample).toMatchObject({ model: "mail@1", endpoint: "chat", outcome: "stop", at: startMs, label: null });
  expect(sample!.prompt).toContain("[EMAIL]");
  expect(sample!.prompt).toContain("[CARD]");
  expect(sample!.answer).toBe("Dear [EMAIL], done.");
  expect(sample!.redacted).toBeGreaterThanOrEqual(4);
  for (const value of ["ann.lee", "4532", secret]) expect(filesWith(value)).toEqual([]);
});

test("a text is redacted whole and then cut, so that no half of an address is kept", async () => {
  const samples = openSamples(store, settingsOf({ characters: 100 }));
  // a cut before redaction would leave `posteo.de`, or `ann.lee`, alone
  samples.ended(told(`ann.lee@posteo.de ${"b ".repeat(46)}`, `${"b ".repeat(46)}ann.lee@posteo.de`));
  await samples.flush();
  const [sample] = await watchedSamples(store);
  expect(sample!.prompt.length).toBe(100);
  expect(sample!.answer!.length).toBe(99);
  expect(`${sample!.prompt}${sample!.answer}`).not.toMatch(/posteo|ann/);
});

test("refused, failed and copied responses, and texts of more than 4,096 tokens, give no example", async () => {
  const samples = openSamples(store, settingsOf());
  for (const more of [{ status: 400 }, { status: 500 }, { isShadow: true }, { model: null }, { answers: [] }])
    samples.ended(told("a question", "an answer", more));
  samples.ended(told("long ".repeat(900), "an answer"));
  await samples.flush();
  expect(await watchedSamples(store)).toEqual([]);
});

test("a share of responses is drawn, at most 60 a minute", async () => {
  const samples = openSamples(store, settingsOf({ share: 0.1, most: 10_000 }), "server");
  for (let i = 0; i < 400; i++) samples.ended(told("a question", "an answer"));
  await samples.flush();
  const drawn = (await watchedSamples(store, { limit: 1000 })).length;
  // 40 expected, five standard deviations of 6
  expect(Math.abs(drawn - 40)).toBeLessThan(30);
  clock.advance(60_000);
  const all = openSamples(store, settingsOf({ most: 10_000 }), "other");
  for (let i = 0; i < 100; i++) all.ended(told("a question", "an answer"));
  await all.flush();
  expect((await watchedSamples(store, { limit: 1000 })).length).toBe(drawn + 60);
});

test("of a version no more than `most` examples and `bytes` bytes are kept, the newest", async () => {
  const few = openSamples(store, settingsOf({ most: 3 }));
  for (let i = 0; i < 9; i++) {
    few.ended(told(`question ${i}`, "an answer", i === 0 ? { model: "other@1" } : {}));
    clock.advance(1000);
    if (i % 4 === 0) await few.flush();
  }
  await few.flush();
  expect((await watchedSamples(store, { model: "mail" })).map(s => s.prompt)).toEqual(["question 8", "question 7", "question 6"]);
  expect((await watchedSamples(store, { model: "other@1" })).map(s => s.prompt)).toEqual(["question 0"]);
  const small = openSamples(store, settingsOf({ bytes: 2000 }));
  for (let i = 0; i < 20; i++) {
    small.ended(told(`${"long ".repeat(100)}${i}`, "an answer"));
    clock.advance(1000);
  }
  await small.flush();
  const kept = await watchedSamples(store, { model: "mail@1" });
  expect(kept[0]!.prompt.endsWith("19")).toBe(true);
  const rows = await statesOf(store.records.read, "watch/samples/mail@1");
  expect(rows.reduce((n, r) => n + JSON.stringify(r.value).length, 0)).toBeLessThanOrEqual(2000);
  expect(kept.length).toBeGreaterThanOrEqual(2);
});

test("an example past its days is shown to nobody, and is deleted by the next look", async () => {
  const settings = settingsOf({ days: 2 });
  const samples = openSamples(store, settings);
  samples.ended(told("a question", "an answer"));
  await samples.flush();
  clock.advance(2 * dayMs - 1);
  await pruneSamples(store, settings);
  expect(await watchedSamples(store)).toHaveLength(1);
  clock.advance(1);
  expect(await watchedSamples(store)).toEqual([]);
  await pruneSamples(store, settings);
  expect(await statesOf(store.records.read, "watch/samples/mail@1")).toEqual([]);
});

test("erasing a person takes their examples along, also those that a server has not written yet, and nobody else's", async () => {
  const samples = openSamples(store, settingsOf());
  samples.ended(told("the first question", "an answer", { owner: "user:ann" }));
  samples.ended(told("the second question", "an answer", { owner: "user:bob" }));
  await samples.flush();
  samples.ended(told("the third question", "an answer", { owner: "user:ann" }));
  expect(await samplesOfOwner(store, "user:ann")).toHaveLength(1);
  // names of owners are not kept
  expect(filesWith("user:ann")).toEqual([]);
  expect(await forgetOwner(store, "user:ann")).toMatchObject({ samples: 1 });
  await samples.flush();
  expect((await watchedSamples(store)).map(s => s.prompt)).toEqual(["the second question"]);
  clock.advance(1000);
  samples.ended(told("the fourth question", "an answer", { owner: "user:ann" }));
  await samples.flush();
  expect(await samplesOfOwner(store, "user:ann")).toHaveLength(1);
});

test("a store that is away loses nothing: examples wait, and are written once", async () => {
  const samples = openSamples(store, settingsOf());
  samples.ended(told("a question", "an answer"));
  const { write } = store.records;
  store.records.write = () => Promise.reject(new Error("disk full"));
  await expect(samples.flush()).rejects.toThrow("disk full");
  store.records.write = write;
  await samples.flush();
  await samples.flush();
  expect(await watchedSamples(store)).toHaveLength(1);
});
