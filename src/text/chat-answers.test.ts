import { expect, test } from "vitest";
import { encodeAnswers } from "./chat-answers.ts";
import { encodeChat } from "./chat-encode.ts";
import { type ChatMessage, chatTemplate } from "./chat-template.ts";
import { trainBpe } from "./train.ts";

const tokenizer = trainBpe(["the cat sat on the mat\n\nand the dog met the cat, <|end|> it said"], { vocab: 300, minFrequency: 1 });
const chatml = chatTemplate(
  `{% for m in messages %}{{ '<|' + m.role + '|>\n' + m.content + '<|end|>\n' }}{% endfor %}{% if add_generation_prompt %}{{ '<|assistant|>\n' }}{% endif %}`,
);
const turns: ChatMessage[] = [
  { role: "system", content: "be kind" },
  { role: "user", content: "the cat?" },
  { role: "assistant", content: "\n\nthe <|end|> cat" },
  { role: "user", content: "and the dog?" },
  { role: "assistant", content: "it met the cat" },
];

for (const [name, template] of Object.entries({ own: chatTemplate(), chatml }))
  test(`${name}: what stands before each answer are the ids that serving makes of the messages before it`, () => {
    const { ids, answers } = encodeAnswers(tokenizer, template, turns);
    expect(answers.map(a => a.message)).toEqual([2, 4]);
    const end = tokenizer.idOf("<|end|>")!;
    for (const { message, from, to } of answers) {
      // the first prompt exactly; later ones hold an answer that begins with line ends, which a tokenizer would join with the line end before it
      if (message === 2)
        expect([...ids.slice(0, from)]).toEqual([
          ...encodeChat(tokenizer, template, turns.slice(0, message), { addGenerationPrompt: true }),
        ]);
      const text = tokenizer.decode(ids.slice(from, to));
      expect(text.replace(/<\|end\|>\n?$/, "")).toBe(turns[message]!.content);
      // the end token that the template wrote, and no other: the one in the content is ordinary text
      expect([...ids.slice(from, to)].filter(id => id === end).length).toBe(1);
    }
    expect(tokenizer.decode(ids)).toBe(template.render(turns));
  });

test("only the answers asked for are told, and the ids stay", () => {
  const all = encodeAnswers(tokenizer, chatml, turns);
  const last = encodeAnswers(tokenizer, chatml, turns, { answers: [4] });
  expect(last.answers).toEqual([expect.objectContaining({ message: 4 })]);
  expect(tokenizer.decode(last.ids)).toBe(tokenizer.decode(all.ids));
});

test("a template that forgets earlier thinking has no place for earlier answers, and one for the last", () => {
  const forgetful = chatTemplate(
    `{% for m in messages %}{% if m.role == 'assistant' and not loop.last %}{{ '<|assistant|>' + m.content.split('/')[1] }}{% else %}{{ '<|' + m.role + '|>' + m.content }}{% endif %}{{ '<|end|>' }}{% endfor %}{% if add_generation_prompt %}{{ '<|assistant|>' }}{% endif %}`,
  );
  const thinking = turns.map(m => (m.role === "assistant" ? { ...m, content: "thought/answer" } : m));
  expect(() => encodeAnswers(tokenizer, forgetful, thinking)).toThrow(/messages\[2\].*other text once later messages follow/);
  expect(encodeAnswers(tokenizer, forgetful, thinking, { answers: [4] }).answers.length).toBe(1);
});
