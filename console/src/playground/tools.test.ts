import fc from "fast-check";
import { expect, test } from "vitest";
import {
  choicesOf,
  exampleTool,
  mostTools,
  shownArguments,
  type ToolCall,
  type ToolField,
  toolProblems,
  wireTools,
  withPiece,
} from "./tools.ts";

const tool = (name: string, parameters = ""): ToolField => ({ name, description: "", parameters });

test("example functions have names that are free and no problem", () => {
  const tools: ToolField[] = [];
  while (tools.length < mostTools) tools.push(exampleTool(tools.map(t => t.name)));
  expect(toolProblems(tools)).toEqual(tools.map(() => ({})));
});

test("a name that is none or taken, and a schema that is none, are said at their field", () => {
  expect(toolProblems([tool("get weather"), tool("a"), tool("a"), tool("b", '{ "type": "string" }'), tool("c", "{")])).toEqual([
    { name: "1 to 64 letters, digits, _ or -." },
    {},
    { name: "Another function has the name a." },
    { parameters: 'type: expected "object": arguments are an object, got "string".' },
    { parameters: expect.stringContaining("expected JSON") },
  ]);
});

test("functions are sent with their schemas and the choice, and nothing where there are none", () => {
  expect(wireTools([], "required")).toEqual({});
  const one = { ...tool("weather", '{ "type": "object" }'), description: "Rain?" };
  expect(wireTools([one, tool("now")], "function now")).toEqual({
    tools: [
      { type: "function", function: { name: "weather", description: "Rain?", parameters: { type: "object" } } },
      { type: "function", function: { name: "now", parameters: { type: "object", properties: {} } } },
    ],
    tool_choice: { type: "function", function: { name: "now" } },
  });
  expect(wireTools([one], "function gone")).not.toHaveProperty("tool_choice");
  expect(choicesOf([one]).map(choice => wireTools([one], choice).tool_choice)).toEqual([
    undefined,
    "none",
    "required",
    { type: "function", function: { name: "weather" } },
  ]);
});

test("calls are whole whatever pieces they come in, several at once", () => {
  const call = fc.record({ id: fc.string({ minLength: 1 }), name: fc.string({ minLength: 1 }), arguments: fc.string() });
  fc.assert(
    fc.property(fc.array(call, { maxLength: 4 }), fc.integer({ min: 1, max: 5 }), (calls, size) => {
      let found: readonly ToolCall[] = [];
      calls.forEach(({ id, name, arguments: text }, index) => {
        found = withPiece(found, { index, id, name, arguments: "" });
        for (let at = 0; at < text.length; at += size) found = withPiece(found, { index, arguments: text.slice(at, at + size) });
      });
      expect(found).toEqual(calls);
    }),
  );
});

test("arguments are indented where they are JSON, and as they came where not", () => {
  expect(shownArguments('{"city":"Rome"}')).toEqual({ text: '{\n  "city": "Rome"\n}', isJson: true });
  expect(shownArguments('{"city":"Ro')).toEqual({ text: '{"city":"Ro', isJson: false });
});
