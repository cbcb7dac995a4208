/** `loam chat`: talks to a version in the terminal, or completes one text. */
import { createInterface } from "node:readline/promises";
import { type Ask, type AskOptions, openChat, type ProjectChat, type Reply, type Turn } from "../../project/serving/index.ts";
import { cliErrors } from "../errors.ts";
import { numberOption, textOption } from "../options.ts";
import { showCall, showWork } from "../show-call.ts";
import { type Context, type Options, streamsOf, type VerbRun } from "../verb.ts";
import { folderOf } from "../verb-folder.ts";

function askOptions(options: Options): AskOptions {
  const number = (key: string, least: number, most: number, whole = false) => numberOption(options, key, "chat", { least, most, whole });
  return {
    temperature: number("temperature", 0, 2),
    topP: number("topP", 0, 1),
    maxTokens: number("maxTokens", 1, 1_000_000, true),
    seed: number("seed", 0, Number.MAX_SAFE_INTEGER, true),
  };
}

interface Talk {
  readonly context: Context;
  readonly chat: ProjectChat;
  readonly sampling: AskOptions;
  /** Texts are continued. */
  readonly isPlain: boolean;
}

/** One answer, printed as it comes. */
async function answer({ context: { out }, chat, sampling }: Talk, prompt: Ask["prompt"], signal: AbortSignal): Promise<Reply> {
  const said = await showCall({ out }, chat.ask(prompt, { ...sampling, signal }), { text: ({ text }) => out.piece(text) });
  out.line();
  out.event("answer", said);
  return said;
}

async function talk(o: Talk): Promise<void> {
  const { context, isPlain } = o;
  const { out } = context;
  const { stdin, stdout } = streamsOf(context);
  const isTerminal = stdin.isTTY === true && !out.json;
  const lines = createInterface({ input: stdin, ...(isTerminal ? { output: stdout } : {}), terminal: isTerminal });
  let turns: Turn[] = [];
  let stop: AbortController | undefined;
  // Ctrl-C ends the answer that is being given, and where there is none the chat.
  lines.on("SIGINT", () => (stop ? stop.abort() : lines.close()));
  context.signal.addEventListener("abort", () => lines.close(), { once: true });
  const prompt = () => {
    lines.setPrompt("> ");
    if (isTerminal) lines.prompt();
  };
  prompt();
  for await (const line of lines) {
    if (line.trim() !== "") {
      stop = new AbortController();
      const signal = AbortSignal.any([stop.signal, context.signal]);
      const user: Turn = { role: "user", content: line };
      try {
        const said = await answer(o, isPlain ? line : [...turns, user], signal);
        turns = isPlain ? [] : [...said.turns, { role: "assistant", content: said.text }];
      } catch (error) {
        if (context.signal.aborted) throw context.signal.reason;
        if (!stop.signal.aborted) throw error;
        out.line("\n  (stopped)");
      }
      stop = undefined;
    }
    prompt();
  }
  context.signal.throwIfAborted();
}

export const chat: VerbRun = async (context, [model], options) => {
  const { out } = context;
  const sampling = askOptions(options);
  const prompt = textOption(options, "prompt");
  const isPlain = options.complete === true;
  if (prompt === "" && !isPlain)
    throw cliErrors.fail("usage", { place: "loam chat: --prompt", expected: "a text", received: "an empty one" });
  const place = { folder: folderOf(context, options), cwd: context.cwd };
  const room = numberOption(options, "context", "chat", { least: 16, most: 1_048_576, whole: true });
  await using opened = await showWork(context, watch => openChat(place, { model, context: room }, watch));
  if (!isPlain && !opened.hasTemplate)
    out.warn(
      `  ${opened.model} continues texts and was not taught to chat; it is given a transcript to continue. --complete gives it the text alone.`,
    );
  const o: Talk = { context, chat: opened, sampling, isPlain };
  if (prompt === undefined) {
    out.line(`  ${opened.model}. An empty line does nothing; Ctrl-D ends.`);
    await talk(o);
    return;
  }
  if (isPlain) out.piece(prompt);
  await answer(o, isPlain ? prompt : [{ role: "user", content: prompt }], context.signal);
};
