import { expect, test } from "vitest";
import { answerTokens, choiceLogprobs, percent, surpriseOf, visible } from "./tokens.ts";

const read = (value: unknown) => answerTokens(choiceLogprobs.parse(value));

test("both stream forms tell the same tokens, the likeliest alternative first", () => {
  const chat = {
    content: [
      {
        token: " a",
        logprob: -1.2,
        bytes: [32],
        top_logprobs: [
          { token: " a", logprob: -1.2 },
          { token: " the", logprob: -0.4 },
        ],
      },
    ],
  };
  const completion = { tokens: [" a"], token_logprobs: [-1.2], top_logprobs: [{ " a": -1.2, " the": -0.4 }], text_offset: [0] };
  const expected = [
    {
      text: " a",
      logprob: -1.2,
      alternatives: [
        { text: " the", logprob: -0.4 },
        { text: " a", logprob: -1.2 },
      ],
    },
  ];
  expect(read(chat)).toEqual(expected);
  expect(read(completion)).toEqual(expected);
});

test("a token without a probability, and a choice without logprobs, are left out", () => {
  expect(read({ tokens: ["a", "b"], token_logprobs: [null, -0.1] })).toEqual([{ text: "b", logprob: -0.1, alternatives: [] }]);
  expect(read({ content: null })).toEqual([]);
});

test("surprise grows as the probability falls, and shares are said with their unit", () => {
  const levels = [0.95, 0.6, 0.3, 0.1, 0.01].map(p => surpriseOf({ text: "", logprob: Math.log(p) }));
  expect(levels).toEqual([0, 1, 2, 3, 4]);
  expect([0, Math.log(0.432), Math.log(0.0123), -20].map(percent)).toEqual(["100 %", "43 %", "1.2 %", "< 0.1 %"]);
});

test("white space at the ends and line breaks can be seen", () => {
  expect([" the", "\n\n", "a b"].map(visible)).toEqual(["␣the", "↵↵", "a b"]);
});
