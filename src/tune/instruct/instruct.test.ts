/** What examples become: shapes, masks, refusals, rows. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, expect, test } from "vitest";
import { isLoamError } from "../../base/index.ts";
import { chatTemplate, encodeChat, loadTokenizer, trainBpe } from "../../text/index.ts";
import { type EncodeExampleOptions, encodeExample, encodeExamples, type TuneText } from "./encode.ts";
import type { ChatExample } from "./example.ts";
import { previewPieces, previewRuns, previewText } from "./preview.ts";
import { readExampleFile, throwProblems } from "./read.ts";

const root = mkdtempSync(join(tmpdir(), "loam-instruct-"));
afterAll(() => rmSync(root, { recursive: true, force: true }));
const tokenizer = trainBpe(["who is the cat? the cat is a friend of the dog\n", "what is 2 + 2? it is 4\n"], {
  vocab: 320,
  minFrequency: 1,
});
const end = tokenizer.idOf("<|end|>")!;
const text: TuneText = { tokenizer, chatTemplate: chatTemplate(), startToken: end, stopTokens: [end] };
const room: EncodeExampleOptions = { length: 128 };
/** Tokens of the short chat below but its last. */
const tooShort = () => encodeExample(text, { place: "p", example }, room)!.ids.length - 1;

let files = 0;
function file(content: string | readonly object[], ending = "jsonl"): string {
  const path = join(root, `f${files++}.${ending}`);
  writeFileSync(path, typeof content === "string" ? content : content.map(x => JSON.stringify(x)).join("\n"));
  return path;
}
const read = async (content: string | readonly object[], ending?: string, options = {}) =>
  (await readExampleFile(file(content, ending), options)).examples.map(e => e.example);
const [u, a] = ["who is the cat?", "a friend of the dog"];
const chat = [
  { role: "user", content: u },
  { role: "assistant", content: a },
];

test("every shape means the same conversation", async () => {
  const want = { kind: "chat", messages: chat, trained: [1] };
  const same: [string | readonly object[], string, object?][] = [
    [[{ messages: chat }], "jsonl"],
    [[{ conversations: [{ from: "human", value: u }, { from: "gpt", value: a }] }], "jsonl"], // biome-ignore format: one line
    [JSON.stringify([{ instruction: u, input: "", output: a }], null, 2), "json"],
    [`question,answer\n"${u}","${a}"\n`, "csv", { columns: { user: "question", assistant: "answer" } }],
    [[{ prompt: [chat[0]], completion: [chat[1]] }], "jsonl"],
    [[{ dialog: chat }], "jsonl", { columns: { messages: "dialog" } }],
  ];
  for (const [content, ending, options] of same) expect(await read(content, ending, options), String(content)).toEqual([want]);
  expect(await read([{ prompt: u, completion: a }])).toEqual([{ kind: "completion", prompt: u, completion: a }]);
  expect(await read([{ prompt: u, chosen: a, rejected: "a dog" }])).toEqual([
    { kind: "preference", messages: [chat[0]], chosen: [chat[1]], rejected: [{ role: "assistant", content: "a dog" }] },
  ]);
});

test("a column may be a template over the record's fields; one that the record lacks is told by its place", async () => {
  const rows = [{ plain: "he left", text: "He left.", tone: "calm" }];
  const columns = { user: "Mend this:\n{{plain}}", assistant: "text", system: "Be {{tone}}." };
  expect(await read(rows, "jsonl", { columns })).toEqual([
    {
      kind: "chat",
      messages: [
        { role: "system", content: "Be calm." },
        { role: "user", content: "Mend this:\nhe left" },
        { role: "assistant", content: "He left." },
      ],
      trained: [2],
    },
  ]);
  const { problems } = await readExampleFile(file(rows, "jsonl"), {
    columns: { user: "{{plian}}", assistant: "text" },
    shown: "rows.jsonl",
  });
  expect(problems.map(p => p.message)).toEqual(['rows.jsonl:1: expected one of plain, text, tone, got "plian". Did you mean "plain"?']);
});

test("OpenAI's files: weights of answers, parts of a content, tool calls, developers", async () => {
  const call = { id: "c", type: "function", function: { name: "find", arguments: '{"what":"cat"}' } };
  const [example] = (await read([
    {
      messages: [
        { role: "developer", content: "be short" },
        { role: "user", content: [{ type: "text", text: "who is " }, { type: "text", text: "the cat?" }] }, // biome-ignore format: one line
        { role: "assistant", content: "hm", weight: 0 },
        { role: "user", content: "well?" },
        { role: "assistant", content: null, tool_calls: [call] },
        { role: "tool", tool_call_id: "c", content: "found" },
        { role: "assistant", content: a },
      ],
      tools: [{ type: "function" }],
    },
  ])) as [ChatExample];
  expect(example.trained).toEqual([4, 6]);
  expect(example.messages[0]).toEqual({ role: "system", content: "be short" });
  expect(example.messages[1]!.content).toBe("who is the cat?");
  expect(example.messages[4]!.tool_calls).toEqual([{ ...call, function: { name: "find", arguments: { what: "cat" } } }]);
  expect(example.tools).toEqual([{ type: "function" }]);
});

test("what is wrong is told with file and line, all of it", async () => {
  const path = file(
    [
      JSON.stringify({ messages: chat }),
      "{broken",
      "",
      JSON.stringify({ messages: [chat[0]] }),
      JSON.stringify({ messages: [...chat.slice(0, 1), { role: "assistant", content: " " }] }),
      JSON.stringify({ messages: [{ role: "boss", content: "x" }] }),
      JSON.stringify({ prompt: "x" }),
      "[]",
    ].join("\n"),
  );
  const { examples, problems } = await readExampleFile(path, { shown: "chats.jsonl" });
  expect(examples.map(e => e.place)).toEqual(["chats.jsonl:1"]);
  const said = problems.map(p => p.message);
  expect(said[0]).toMatch(/^chats\.jsonl:2: expected a JSON object/);
  expect(said[1]).toMatch(/^chats\.jsonl:4: expected the assistant's message at the end, got the user's/);
  expect(said[2]).toMatch(/^chats\.jsonl:5: messages\[1\]: expected an answer, got an empty text/);
  expect(said[3]).toMatch(/^chats\.jsonl:6: messages.*role/);
  expect(said[4]).toMatch(/^chats\.jsonl:7: expected messages, conversations, instruction/);
  // in the order of the lines, although what is no JSON is found before anything else
  expect(said[5]).toBe("chats.jsonl:8: expected a JSON object, got [].");
  expect(() => throwProblems(problems, "chats.jsonl")).toThrow(/6 that cannot/);
});

test("answers and the token that ends them are trained, and nothing else; the prompt is what serving makes of it", async () => {
  const messages = [
    { role: "system", content: "be kind" },
    ...chat,
    { role: "user", content: "what is 2 + 2?" },
    { role: "assistant", content: "it is 4" },
  ];
  const encoded = encodeExample(text, { place: "p", example: { kind: "chat", messages, trained: [2, 4] } }, room)!;
  const trained = [...encoded.ids].filter((_, i) => encoded.trained[i]);
  expect(tokenizer.decode(trained)).toBe(`${a}<|end|>it is 4<|end|>`);
  const prompt = [...encodeChat(tokenizer, text.chatTemplate!, messages.slice(0, 4), { addGenerationPrompt: true })];
  expect([...encoded.ids.slice(0, prompt.length)]).toEqual(prompt);
  expect(encoded.trained[prompt.length - 1]).toBe(0);
  expect(encoded.trained[prompt.length]).toBe(1);
  const last = encodeExample(text, { place: "p", example: { kind: "chat", messages, trained: [2, 4] } }, { ...room, answers: "last" })!;
  expect(tokenizer.decode([...last.ids].filter((_, i) => last.trained[i]))).toBe("it is 4<|end|>");
  expect([...last.ids]).toEqual([...encoded.ids]);
});

test("a completion follows its prompt as the completions API has it, and ends", () => {
  const encoded = encodeExample(
    text,
    { place: "p", example: { kind: "completion", prompt: "who is", completion: " the cat<|end|>" } },
    room,
  )!;
  const before = [end, ...tokenizer.encode("who is")];
  expect([...encoded.ids.slice(0, before.length)]).toEqual(before);
  // what a file says is text, whatever it looks like
  expect([...encoded.ids.slice(before.length, -1)].includes(end)).toBe(false);
  expect(encoded.ids.at(-1)).toBe(end);
  expect([...encoded.trained]).toEqual(Array.from(encoded.ids, (_, i) => (i < before.length ? 0 : 1)));
});

test("a line end that the template writes behind the end of a turn is not trained", () => {
  const template = chatTemplate(
    `{% for m in messages %}{{ '<|' + m.role + '|>' + m.content + '<|end|>\n' }}{% endfor %}{% if add_generation_prompt %}{{ '<|assistant|>' }}{% endif %}`,
  );
  const { ids, trained } = encodeExample(
    { ...text, chatTemplate: template },
    { place: "p", example: { kind: "chat", messages: chat, trained: [1] } },
    room,
  )!;
  const runs = previewRuns(text, { ids, trained });
  expect(runs.map(r => [r.trained, r.text])).toEqual([
    [false, `<|user|>${u}<|end|>\n<|assistant|>`],
    [true, `${a}<|end|>`],
    [false, "\n"],
  ]);
  expect(previewText(runs, false)).toBe(`<|user|>${u}<|end|>⏎\n<|assistant|>⟦${a}<|end|>⟧⏎\n`);
});

test("pieces are the tokens in their order, joined where a character needs several, never across the mask, and read like the runs", () => {
  const ids = tokenizer.encode(`who is the 🐈? é <|end|>`);
  fc.assert(
    fc.property(fc.uint8Array({ minLength: ids.length, maxLength: ids.length, max: 1 }), trained => {
      const pieces = previewPieces({ tokenizer }, { ids, trained });
      expect(pieces.flatMap(p => p.ids)).toEqual(Array.from(ids));
      expect(pieces.flatMap(p => p.ids.map(() => (p.trained ? 1 : 0)))).toEqual(Array.from(trained));
      const runs = previewRuns({ tokenizer }, { ids, trained });
      expect(pieces.map(p => p.text).join("")).toBe(runs.map(r => r.text).join(""));
      expect(pieces.filter(p => p.isSpecial).map(p => p.ids)).toEqual([[end]]);
      // what lies within one run has no broken character
      if (new Set(trained).size === 1) for (const p of pieces) expect(p.text).not.toMatch(/^$|\uFFFD/);
    }),
  );
});

/** Tokens as SentencePiece, BERT and older byte-pair files have them, and bytes of a character. */
const words = ["▁who", "▁is", "▁the", "cat", "##s", "?", "dog</w>", "<0xC3>", "<0xA9>", "▁", "<|end|>"];
const decoders: readonly [string, object | null][] = [
  ["Metaspace", { type: "Metaspace", replacement: "▁", prepend_scheme: "always", split: true }],
  [
    "SentencePiece with bytes, as Llama's",
    {
      type: "Sequence",
      decoders: [
        { type: "Replace", pattern: { String: "▁" }, content: " " },
        { type: "ByteFallback" },
        { type: "Fuse" },
        { type: "Strip", content: " ", start: 1, stop: 0 },
      ],
    },
  ],
  ["WordPiece", { type: "WordPiece", prefix: "##", cleanup: true }],
  ["ends of words, held back for the next token", { type: "BPEDecoder", suffix: "</w>" }],
  ["all at once", { type: "Sequence", decoders: [{ type: "Fuse" }, { type: "Replace", pattern: { String: "▁" }, content: " " }] }],
  ["none", null],
];
const wordsFile = (decoder: object | null) => ({
  truncation: null,
  padding: null,
  added_tokens: [
    { id: words.length - 1, content: "<|end|>", special: true, single_word: false, lstrip: false, rstrip: false, normalized: false },
  ],
  normalizer: null,
  pre_tokenizer: null,
  post_processor: null,
  decoder,
  model: { type: "BPE", vocab: Object.fromEntries(words.map((word, id) => [word, id])), merges: [] },
});
test.each(decoders)(
  "the texts of all runs, and of all pieces, are the text of the whole, spaces at the beginning of runs too: %s",
  (_, decoder) => {
    const other = loadTokenizer(wordsFile(decoder));
    const masked = fc
      .array(fc.tuple(fc.nat({ max: words.length - 1 }), fc.boolean()), { maxLength: 12 })
      .map(all => ({ ids: Uint32Array.from(all, ([id]) => id), trained: Uint8Array.from(all, ([, on]) => Number(on)) }));
    fc.assert(
      fc.property(masked, ({ ids, trained }) => {
        const runs = previewRuns({ tokenizer: other }, { ids, trained });
        expect(runs.map(r => r.text).join("")).toBe(other.decode(ids));
        expect(runs.flatMap(r => Array<number>(r.tokens).fill(Number(r.trained)))).toEqual([...trained]);
        const pieces = previewPieces({ tokenizer: other }, { ids, trained });
        expect(pieces.flatMap(p => p.ids)).toEqual([...ids]);
        // each run has pieces of its own, which read as it does
        let at = 0;
        for (const { tokens, trained: on, text: want } of runs) {
          let [got, left] = ["", tokens];
          while (left > 0) {
            const piece = pieces[at++]!;
            expect(piece.trained).toBe(on);
            got += piece.text;
            left -= piece.ids.length;
          }
          expect([got, left]).toEqual([want, 0]);
        }
      }),
    );
  },
);

test("a space that SentencePiece writes before a word is trained with it", () => {
  const llama = loadTokenizer(wordsFile(decoders[1]![1]));
  const masked = { ids: Uint32Array.of(0, 1, 2, 3, 7, 8), trained: Uint8Array.of(0, 0, 1, 1, 1, 0) };
  expect(previewRuns({ tokenizer: llama }, masked)).toEqual([
    { trained: false, tokens: 2, text: "who is" },
    { trained: true, tokens: 3, text: " thecat" },
    { trained: false, tokens: 1, text: "é" },
  ]);
});

const example = { kind: "chat", messages: chat, trained: [1] } as const;
const refused: [string, TuneText, Parameters<typeof encodeExample>[1]["example"], EncodeExampleOptions, RegExp][] = [
  [
    "a turn that never ends",
    {
      ...text,
      chatTemplate: chatTemplate(
        "{% for m in messages %}{{ '<|' + m.role + '|>' + m.content }}{% endfor %}{% if add_generation_prompt %}<|assistant|>{% endif %}",
      ),
    },
    example,
    room,
    /^p: messages\[1\]: expected a turn that the template ends with <\|end\|>/,
  ],
  [
    "a beginning written twice",
    {
      ...text,
      beginToken: end,
      chatTemplate: chatTemplate(
        "<|end|><|end|>{% for m in messages %}{{ '<|' + m.role + '|>' + m.content + '<|end|>' }}{% endfor %}{% if add_generation_prompt %}<|assistant|>{% endif %}",
      ),
    },
    example,
    room,
    /^p: expected one token at the beginning, got <\|end\|> twice/,
  ],
  [
    "a prompt longer than the context",
    text,
    example,
    { length: 6 },
    /^p: expected a trained token, got a prompt of \d+ tokens, and room for 6/,
  ],
  ["an answer longer than the context", text, example, { length: tooShort() }, /^p: expected at most \d+ tokens, got \d+/],
  ["no template", { ...text, chatTemplate: undefined }, example, room, /^p: expected a model with a chat template, got one without/],
  [
    "a role that the template refuses",
    text,
    { kind: "chat", messages: [{ role: "tool", content: "x" }, ...chat], trained: [2] },
    room,
    /^p: expected a conversation that the model's template takes.*got tool/,
  ],
];
for (const [name, model, given, options, message] of refused)
  test(`refused: ${name}`, () => {
    try {
      encodeExample(model, { place: "p", example: given }, options);
    } catch (error) {
      expect(isLoamError(error, "tune/example") && error.message).toMatch(message);
      return;
    }
    throw new Error("not refused");
  });

test("too long: left out or cut as asked, and counted", () => {
  const placed = [{ place: "p:1", example }, { place: "p:2", example: { ...example, messages: [chat[0]!, { role: "assistant", content: "it" }] } }]; // biome-ignore format: one line
  const skipped = encodeExamples(text, placed, { length: tooShort(), long: "skip" });
  expect([skipped.encoded.map(e => e.place), skipped.tooLong]).toEqual([["p:2"], 1]);
  const cut = encodeExamples(text, placed, { length: tooShort(), long: "cut" });
  expect([cut.encoded.map(e => e.ids.length <= tooShort()), cut.cut]).toEqual([[true, true], 1]);
});
