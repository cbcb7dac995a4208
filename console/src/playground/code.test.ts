import { execFileSync } from "node:child_process";
import fc from "fast-check";
import { expect, test } from "vitest";
import { codeOf, languages, pythonLiteral } from "./code.ts";
import { chatRequest, completionRequest } from "./request.ts";
import { defaults } from "./settings.ts";

const base = "http://127.0.0.1:8080";

test("a shell gives curl exactly the request, whatever is in the prompt", () => {
  const text = fc.string({ unit: fc.constantFrom("'", '"', "\\", "$", "`", "\n", " ", "!", "é", "a", "%") });
  fc.assert(
    fc.property(text, prompt => {
      const request = completionRequest("m", prompt, { ...defaults, seed: "7" });
      // `curl` is a function here that prints what it was given, an argument ended by NUL.
      const script = `curl() { for a in "$@"; do printf '%s\\0' "$a"; done; }\n${codeOf("curl", base, request)}`;
      const given = execFileSync("sh", ["-c", script], { encoding: "utf8" }).split("\0");
      expect(given[0]).toBe(`${base}/v1/completions`);
      expect(JSON.parse(given[given.indexOf("-d") + 1]!)).toEqual(request.body);
    }),
    { numRuns: 40 },
  );
});

test("the TypeScript calls the official client with exactly the request, and types what that does not know", async () => {
  const request = chatRequest("m", [{ role: "user", content: "hi" }], 'a "b" \\ c', { ...defaults, system: "Be brief." });
  const lines = codeOf("TypeScript", base, request);
  const body = `return ${/ = (\{[\s\S]*?\n\});/.exec(lines)![1]}`;
  expect(new Function(body)()).toEqual(request.body);
  expect(lines).toContain("client.chat.completions.create(request)");
  expect(lines).not.toContain("top_k");
  expect(codeOf("TypeScript", base, completionRequest("m", "x", { ...defaults, topK: "4" }))).toContain(
    "request: OpenAI.CompletionCreateParamsNonStreaming & { top_k: number } =",
  );
});

test("two requests are one program, each language's own", () => {
  const two = [completionRequest("a@1", "x", defaults), chatRequest("b@2", [], "y", defaults)];
  for (const language of languages) {
    const code = codeOf(language, base, two);
    expect(code.match(/OpenAI\(/g)?.length ?? 1).toBe(1);
    for (const model of ["a@1", "b@2"]) expect(code).toContain(model);
  }
  expect(codeOf("curl", base, two)).toMatch(/^# a@1\ncurl [\s\S]*\n\n# b@2\ncurl /);
  expect(codeOf("TypeScript", base, two)).toContain("console.log(answer2.choices[0].message.content);");
  expect(codeOf("Python", base, two)).toContain("print(answer1.choices[0].text)");
});

test("functions are in the code, which prints the whole message: it may be calls", () => {
  const tools = [{ name: "weather", description: "", parameters: '{"type":"object","additionalProperties":false}' }];
  const request = chatRequest("m", [], "Rain?", { ...defaults, tools, toolChoice: "required" });
  expect(codeOf("Python", base, request)).toContain('"additionalProperties": False');
  expect(codeOf("Python", base, request)).toMatch(/print\(answer\.choices\[0\]\.message\)$/);
  expect(codeOf("curl", base, request)).toContain('"tool_choice": "required"');
});

test("where a gateway asks for a key, the code brings it", () => {
  const request = completionRequest("m", "x", defaults);
  for (const language of languages) {
    expect(codeOf(language, base, request, "sk-loam-1")).toContain("sk-loam-1");
    expect(codeOf(language, base, request)).not.toMatch(/sk-loam|authorization/);
  }
});

test("the Python passes what its client does not know in extra_body", () => {
  const code = codeOf("Python", base, completionRequest("m", "it's", { ...defaults, topK: "40" }));
  expect(code).toContain('    extra_body={"top_k": 40},');
  expect(code).not.toContain("\n    top_k=");
  expect(code).toContain('    prompt="it\'s",');
});

test("Python has its own words for true, false and null", () => {
  expect(pythonLiteral({ a: [true, false, null], b: {} })).toBe('{"a": [\n    True,\n    False,\n    None,\n], "b": {}}');
});
