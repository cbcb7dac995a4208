import { expect, test } from "vitest";
import { isLoamError } from "../base/index.ts";
import { openDevice } from "../tensor/index.ts";
import { createEngine } from "./engine.ts";
import { byteTokenizer, fakeEndToken, scriptedProgram, tinyModel } from "./fakes.ts";
import { formStart } from "./forms.ts";
import type { GenerationRequest } from "./generation.ts";

const device = openDevice("cpu", { threads: 1 });
const codeOf = async (run: () => unknown): Promise<string> => {
  try {
    await run();
    return "none";
  } catch (error) {
    if (isLoamError(error)) return error.code;
    throw error;
  }
};

test("a form that is kept and one that was forgotten give the same states", () => {
  const form = { kind: "regex", pattern: "(ab|c){2}" } as const;
  const first = formStart(byteTokenizer, form, "a");
  for (let i = 0; i < 40; i++) formStart(byteTokenizer, { kind: "choice", choices: [`${i}`] }, "a");
  const again = formStart(byteTokenizer, form, "a");
  for (let [x, y] = [first, again] as const, n = 0; n < 4 && !x.isComplete; n++) {
    expect(y.mask).toEqual(x.mask);
    const token = "abab".charCodeAt(n);
    [x, y] = [x.next(token)!, y.next(token)!];
    expect([x.isAccepting, x.isComplete]).toEqual([y.isAccepting, y.isComplete]);
  }
});

test("a tokenizer that does not tell its bytes is refused, at the parameter that asked", async () => {
  const { bytesOf: _, ...silent } = byteTokenizer;
  expect(await codeOf(() => formStart(silent, { kind: "json" }, "response_format"))).toBe("serve/unsupported");
});

test("what the vocabulary cannot spell, and what is too ambiguous, fails its own answer as the request's fault; others go on", async () => {
  const tokenizer = { ...byteTokenizer, bytesOf: (id: number) => (id === 122 ? undefined : byteTokenizer.bytesOf?.(id)) };
  const program = scriptedProgram({ slots: 3, room: 256 });
  const engine = createEngine({ model: await tinyModel(device, { tokenizer }), device, open: async () => program });
  await engine.ready;
  const say = async (pattern: string): Promise<string> => {
    const request: GenerationRequest = { tokens: [1], form: formStart(tokenizer, { kind: "regex", pattern }, "guided_regex"), seed: 1 };
    let text = "";
    for await (const event of engine.submit(request)) text += event.text;
    return text;
  };
  const [unspelt, ambiguous, good] = await Promise.all([
    codeOf(() => say("a{3}z")),
    codeOf(() => say("(((.{1,900}){1,900}){1,900}){1,900}b")),
    say("(abc){20}"),
  ]);
  expect([unspelt, ambiguous, good]).toEqual(["serve/unsupported", "text/constraint", "abc".repeat(20)]);
  expect(engine.state).toBe("ready");
  await engine.close();
});

test("cached tokens of a prompt are never more than the prompt: what a form forces behind it is found as well", async () => {
  const engine = createEngine({ model: await tinyModel(device), device, slots: 2, widths: [8, 32] });
  await engine.ready;
  const tokens = [fakeEndToken, 72, 105];
  const asked = async () => {
    const form = formStart(byteTokenizer, { kind: "regex", pattern: '\\{"name": "weather", "arguments": [0-9]{3}\\}' }, "guided_regex");
    const events = [];
    for await (const event of engine.submit({ tokens, form, seed: 1 })) events.push(event);
    const last = events.at(-1)!;
    return last.kind === "end" ? last.usage : expect.fail("no end");
  };
  expect((await asked()).cachedTokens).toBeUndefined();
  expect(await asked()).toMatchObject({ promptTokens: 3, cachedTokens: 3 });
  await engine.close();
});
