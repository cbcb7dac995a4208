/** Whatever a client asks and whatever a server says: a translation gives something, or an error that says what is wrong; never a fault of its own. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { chatDialects } from "./chat-dialect.ts";
import { ProtocolFault } from "./protocol-fault.ts";
import type { StreamPiece, Translation } from "./translation.ts";
import { type TranslatedEndpoint, translations } from "./translations.ts";

type Row = Record<string, unknown>;

/** Words of all protocols, so that chance builds things that look right for a while. */
const keys = [
  ...[
    "messages",
    "role",
    "content",
    "type",
    "text",
    "tool_calls",
    "function",
    "name",
    "arguments",
    "id",
    "index",
    "delta",
    "choices",
    "finish_reason",
  ],
  ...[
    "image_url",
    "url",
    "file",
    "file_data",
    "source",
    "data",
    "media_type",
    "tools",
    "tool_choice",
    "response_format",
    "json_schema",
    "schema",
  ],
  ...[
    "input",
    "instructions",
    "output",
    "call_id",
    "format",
    "stop",
    "prompt",
    "temperature",
    "max_tokens",
    "usage",
    "prompt_tokens",
    "error",
    "message",
  ],
  ...[
    "content_block",
    "stop_reason",
    "partial_json",
    "thinking",
    "input_tokens",
    "response",
    "done",
    "done_reason",
    "eval_count",
    "embeddings",
  ],
  ...[
    "outputs",
    "predictions",
    "result",
    "text_output",
    "details",
    "logprobs",
    "thinking_blocks",
    "system",
    "tool_use_id",
    "reasoning",
    "n",
  ],
];
const values = [
  ...[
    "system",
    "user",
    "assistant",
    "tool",
    "text",
    "function",
    "image_url",
    "input_text",
    "message",
    "function_call",
    "function_call_output",
  ],
  ...[
    "message_start",
    "content_block_start",
    "content_block_delta",
    "content_block_stop",
    "message_delta",
    "message_stop",
    "error",
    "tool_use",
  ],
  ...[
    "text_delta",
    "input_json_delta",
    "json_schema",
    "required",
    "data:image/png;base64,AA==",
    "data:",
    "{",
    '{"a":1}',
    "embedding",
    "base64",
    "url",
  ],
];
const leaf = fc.oneof(fc.constantFrom(...values), fc.constantFrom(null, true, false, 0, -1, 0.5, 2 ** 60), fc.string({ maxLength: 3 }));
const { tree } = fc.letrec<{ tree: unknown; row: Row }>(tie => ({
  tree: fc.oneof({ maxDepth: 5, withCrossShrink: true }, leaf, fc.array(tie("tree"), { maxLength: 3 }), tie("row"), tie("row")),
  row: fc.dictionary(fc.constantFrom(...keys), tie("tree"), { maxKeys: 6 }),
}));
const row = fc.dictionary(fc.constantFrom(...keys), tree, { maxKeys: 8 }) as fc.Arbitrary<Row>;
const turn = fc.record({ role: leaf, content: tree, tool_calls: tree, type: leaf }, { requiredKeys: [] });

const asked = (body: Row, isLenient: boolean) => ({
  ...{ body, isLenient, model: "m", isStream: true, maxOutputTokens: 9, inputTokens: 1, now: 1, asksUsage: true },
  tensors: { input: "text", output: "embedding" },
});
const { anthropic } = chatDialects;
const plainBodies = {
  chat: { messages: [] },
  completions: { prompt: "a" },
  responses: { input: "a" },
  embeddings: { input: ["a"] },
  moderations: { input: "a" },
} as const satisfies Record<TranslatedEndpoint, Row>;
const all = Object.entries(translations).flatMap(([protocol, own]) =>
  (Object.entries(own) as [TranslatedEndpoint, Translation][]).map(([e, t]) => [`${protocol} ${e}`, t, plainBodies[e]] as const),
);

const isWrong = (error: unknown): boolean => error instanceof ProtocolFault && error.kind !== "malformed" && error.place !== "";
/** Runs it; a fault that is not of the expected kind is thrown on. */
function allowing(run: () => unknown, isExpected: (error: unknown) => boolean): void {
  try {
    run();
  } catch (error) {
    if (!isExpected(error)) throw error;
  }
}

for (const [name, translation, plain] of all) {
  test(`${name}: a request becomes one, or is refused with its place`, () => {
    fc.assert(
      fc.property(row, fc.array(turn, { maxLength: 4 }), fc.boolean(), fc.boolean(), (body, turns, isLenient, isTurns) => {
        const whole = isTurns ? { ...body, messages: turns, input: turns } : body;
        allowing(() => expect(JSON.stringify(translation(asked(whole, isLenient)).body)).toMatch(/^\{/), isWrong);
      }),
      { numRuns: 300 },
    );
  });

  test(`${name}: an answer is read, whole and in pieces, or is none`, () => {
    const isNone = (error: unknown) => error instanceof ProtocolFault && error.kind === "malformed";
    fc.assert(
      fc.property(fc.array(fc.oneof(row, fc.constantFrom<StreamPiece>("done", "closed")), { maxLength: 6 }), pieces => {
        const { read } = translation(asked(plain, false));
        const say = read.stream();
        for (const piece of pieces) {
          allowing(() => JSON.stringify(say(piece)), isNone);
          if (typeof piece === "string") continue;
          allowing(() => JSON.stringify(read.whole(piece)), isNone);
          const error = read.error(piece);
          if (error) expect(typeof error.message).toBe("string");
        }
      }),
      { numRuns: 300 },
    );
  });
}

test("Messages: a request becomes a chat, or is refused with its place; an answer of a chat becomes a message", () => {
  fc.assert(
    fc.property(row, fc.array(turn, { maxLength: 4 }), (body, turns) => {
      for (const whole of [body, { ...body, max_tokens: 5, messages: turns }]) {
        allowing(() => anthropic.toChat(whole), isWrong);
        allowing(() => anthropic.read(whole), isWrong);
      }
      anthropic.answer(body);
      anthropic.stream()(JSON.stringify(body));
    }),
    { numRuns: 500 },
  );
});
