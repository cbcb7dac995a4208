import { expect, test } from "vitest";
import { textTemplate } from "./text-template.ts";

const item = { question: "2 + 2?", choices: ["3", "4"], answer: 1, name: null };

test("white space stays as it is written, last line ends and lines of blocks too", () => {
  expect(textTemplate("Q: {{question}}\n").render(item)).toBe("Q: 2 + 2?\n");
  expect(textTemplate("a\n{% if answer %}\nb\n{% endif %}\n").render(item)).toBe("a\n\nb\n\n");
  expect(textTemplate(" {{- question -}} !").render(item)).toBe("2 + 2?!");
});

test("a name that the record lacks is an error that names the nearest field", () => {
  expect(() => textTemplate("{{ qestion }}").render(item)).toThrow('got "qestion". Did you mean "question"?');
  expect(() => textTemplate("{% for c in choicess %}x{% endfor %}").render(item)).toThrow('"choicess"');
});

test("what asks whether a name is there may name what is not", () => {
  expect(textTemplate("{% if hint is defined %}{{ hint }}{% else %}none{% endif %}").render(item)).toBe("none");
  expect(textTemplate("{{ hint | default('-') }}").render(item)).toBe("-");
  expect(textTemplate("{% set x = 3 %}{{ x }}").render(item)).toBe("3");
});

test("an expression alone keeps its type", () => {
  expect(textTemplate("{{ choices }}").value(item)).toEqual(["3", "4"]);
  expect(textTemplate("{{ [choices[1], 'other'] }}").value(item)).toEqual(["4", "other"]);
  expect(textTemplate("{{ answer }}").value(item)).toBe(1);
  expect(textTemplate("{{ answer }}.").value(item)).toBe("1.");
  expect(textTemplate("plain").value(item)).toBe("plain");
});

test("a field of any name is reached through the item", () => {
  expect(textTemplate("{{ item['a b'] }}").render({ "a b": "yes" })).toBe("yes");
});

test("a template that does not parse is an error of the text", () => {
  expect(() => textTemplate("{% if %}")).toThrow("not a valid template");
});
