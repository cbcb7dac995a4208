import { Writable } from "node:stream";
import { expect, test } from "vitest";
import { createOutput, progressLine } from "./output.ts";

class Sink extends Writable {
  text = "";
  readonly isTTY: boolean;
  constructor(isTTY: boolean) {
    super();
    this.isTTY = isTTY;
  }
  override _write(chunk: Buffer, _: string, done: () => void): void {
    this.text += chunk.toString();
    done();
  }
}
const streams = (isTTY: boolean) => ({ out: new Sink(isTTY), err: new Sink(isTTY) });

test("with --json stdout carries JSON lines alone, and what people read goes to stderr", () => {
  const s = streams(false);
  const out = createOutput(true, s);
  out.line("for people");
  out.progress("job")({ stage: "job", done: 0.5 });
  out.done("job", "finished", 1200);
  out.event("stage", { label: "job" });
  out.result({ ok: true });
  const lines = s.out.text.trim().split("\n");
  expect(lines.map(l => JSON.parse(l))).toEqual([
    { event: "progress", label: "job", stage: "job", done: 0.5 },
    { event: "stage", label: "job" },
    { ok: true },
  ]);
  expect(s.err.text).toContain("for people");
  expect(s.err.text).toContain("finished");
});

test("on a terminal a progress line is rewritten and leaves nothing behind when a line follows", () => {
  const s = streams(true);
  const out = createOutput(false, s);
  out.progress("job")({ stage: "job", done: 0.25, message: "step 1" });
  out.line("result");
  expect(s.err.text).toBe(`\r\x1b[2K${progressLine("job", { stage: "job", done: 0.25, message: "step 1" })}\r\x1b[2K`);
  expect(s.out.text).toBe("result\n");
});

test("without a terminal progress is written seldom, and never with control codes", () => {
  const s = streams(false);
  const out = createOutput(false, s);
  const say = out.progress("job");
  for (let i = 0; i < 1000; i++) say({ stage: "job", done: i / 1000 });
  expect(s.err.text.split("\n").length).toBeLessThan(4);
  expect(s.err.text.includes("\x1b")).toBe(false);
});
