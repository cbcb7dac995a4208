import fc from "fast-check";
import { expect, test } from "vitest";
import { unreachable } from "../failure.ts";
import { begin, calling, type Exchange, ended, failed, historyOf, isRunning, stopped, withEvent } from "./exchange.ts";
import { completionRequest, type Mode } from "./request.ts";
import { defaults } from "./settings.ts";

const fresh = (id = 1, mode: Mode = "completion", prompt = "p") =>
  begin({ id, mode, prompt, request: completionRequest("m", prompt, defaults) }, 0);
const say = (e: Exchange, text: string) => withEvent(e, { type: "text", text }, 1);

test("the text is all pieces in order, and events change no earlier state", () => {
  fc.assert(
    fc.property(fc.array(fc.string()), parts => {
      const first = fresh();
      const last = parts.reduce(say, first);
      expect(last.text).toBe(parts.join(""));
      expect(first.text).toBe("");
    }),
  );
});

test("an exchange runs until it is ended, stopped or failed, and keeps its text then", () => {
  const e = say(fresh(), "half");
  expect(isRunning(fresh()) && isRunning(e)).toBe(true);
  for (const end of [ended(e), stopped(e), failed(e, unreachable("gone"))]) {
    expect(isRunning(end)).toBe(false);
    expect(end.text).toBe("half");
  }
});

test("a chat's history holds the answered exchanges before this one, and nothing of completions or failures", () => {
  const chat = (id: number, text: string) => ended(say(fresh(id, "chat", `q${id}`), text));
  const all = [
    chat(1, "a1"),
    ended(say(fresh(2), "x")),
    failed(say(fresh(3, "chat", "q3"), "half"), unreachable("gone")),
    chat(4, "a4"),
    fresh(5, "chat"),
  ];
  expect(historyOf(all).map(m => m.content)).toEqual(["q1", "a1", "q4", "a4"]);
  expect(historyOf(all, 4).map(m => m.content)).toEqual(["q1", "a1"]);
});

test("calls come in pieces; the results that are given for them go on the conversation, and nothing waits then", () => {
  const call = (e: Exchange, text: string, first = false) =>
    withEvent(e, { type: "call", piece: { index: 0, arguments: text, ...(first ? { id: "c1", name: "weather" } : {}) } }, 1);
  const asked = ended(call(call(fresh(1, "chat", "Rain?"), '{"city":', true), '"Rome"}'));
  expect(asked.calls).toEqual([{ id: "c1", name: "weather", arguments: '{"city":"Rome"}' }]);
  expect(calling([asked])).toBe(asked);
  const results = [{ callId: "c1", name: "weather", content: "dry" }];
  const request = completionRequest("m", "", defaults);
  const answered = ended(say(begin({ id: 2, mode: "chat", prompt: "Rain?", results, request }, 0), "No."));
  expect(calling([asked, answered])).toBeUndefined();
  expect(historyOf([asked, answered])).toEqual([
    { role: "user", content: "Rain?" },
    {
      role: "assistant",
      content: "",
      tool_calls: [{ id: "c1", type: "function", function: { name: "weather", arguments: '{"city":"Rome"}' } }],
    },
    { role: "tool", tool_call_id: "c1", content: "dry" },
    { role: "assistant", content: "No." },
  ]);
});
