/** `loam chat`: talks to a version in the terminal, or completes one text. */
import { existsSync } from "node:fs";
import { resolve } from "node:path";
import { createInterface } from "node:readline/promises";
import { writeFileAtomic } from "../../base/index.ts";
import { type AskOptions, type ChatQuestion, openChat, type ProjectChat, type Reply, type Turn } from "../../project/serving/index.ts";
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
async function answer({ context: { out }, chat, sampling }: Talk, prompt: ChatQuestion["prompt"], signal: AbortSignal): Promise<Reply> {
  const said = await showCall({ out }, chat.ask(prompt, { ...sampling, signal }), { text: ({ text }) => out.piece(text) });
  out.line();
  if (said.finishReason === "content_filter")
    out.warn("  The response ended here: serve.moderate of loam.yaml refused what would have followed.");
  out.event("answer", said);
  return said;
}

/** A conversation that goes on. */
interface Conversation {
  turns: readonly Turn[];
}

/** Lines that begin with `/`, and what each does. */
const commands: Readonly<Record<string, { readonly summary: string; run(talk: Talk, conversation: Conversation, rest: string): void }>> = {
  help: {
    summary: "list these commands",
    run({ context: { out } }) {
      for (const [name, { summary }] of Object.entries(commands)) out.line(`  /${name.padEnd(16)} ${summary}`);
      out.line("  Ctrl-C stops a response, Ctrl-D ends.");
    },
  },
  system: {
    summary: "system prompt of the conversation: /system TEXT; without a text it is removed",
    run({ context: { out }, isPlain }, conversation, rest) {
      if (isPlain) return void out.line("  --complete continues texts and has no system prompt.");
      const others = conversation.turns.filter(t => t.role !== "system");
      conversation.turns = rest === "" ? others : [{ role: "system", content: rest }, ...others];
      out.line(rest === "" ? "  No system prompt." : "  The system prompt holds from the next message on.");
    },
  },
  clear: {
    summary: "forget the conversation; the system prompt stays",
    run({ context: { out } }, conversation) {
      conversation.turns = conversation.turns.filter(t => t.role === "system");
      out.line("  The conversation is empty.");
    },
  },
  save: {
    summary: 'write the conversation to a new file as JSON, { "messages": [...] }: /save FILE',
    run({ context: { out, cwd } }, conversation, rest) {
      if (rest === "") return void out.line("  /save needs the name of a file.");
      if (conversation.turns.length === 0) return void out.line("  There is nothing to save yet.");
      const path = resolve(cwd, rest);
      if (existsSync(path)) return void out.line(`  ${rest} is there already; choose another name.`);
      try {
        writeFileAtomic(path, `${JSON.stringify({ messages: conversation.turns })}\n`);
        out.line(`  Saved ${conversation.turns.length} messages to ${rest}.`);
      } catch (error) {
        out.line(`  Not saved: ${error instanceof Error ? error.message : String(error)}`);
      }
    },
  },
};

/** Whether a line is a command; it is then done. */
function command(talk: Talk, conversation: Conversation, line: string): boolean {
  const [, name, rest] = /^\/([a-z]+)(?:\s+([\s\S]*))?$/.exec(line.trim()) ?? [];
  if (name === undefined) return false;
  const found = Object.hasOwn(commands, name) ? commands[name] : undefined;
  if (found) found.run(talk, conversation, rest?.trim() ?? "");
  else talk.context.out.line(`  /${name} is no command; /help lists them.`);
  return true;
}

async function talk(o: Talk): Promise<void> {
  const { context, isPlain } = o;
  const { out } = context;
  const { stdin, stdout } = streamsOf(context);
  const isTerminal = stdin.isTTY === true && !out.json;
  const lines = createInterface({ input: stdin, ...(isTerminal ? { output: stdout } : {}), terminal: isTerminal });
  const conversation: Conversation = { turns: [] };
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
    if (line.trim() !== "" && !command(o, conversation, line)) {
      stop = new AbortController();
      const signal = AbortSignal.any([stop.signal, context.signal]);
      const user: Turn = { role: "user", content: line };
      try {
        const said = await answer(o, isPlain ? line : [...conversation.turns, user], signal);
        if (!isPlain) conversation.turns = [...said.turns, { role: "assistant", content: said.text }];
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
    out.line(`  ${opened.model}. /help lists commands; Ctrl-D ends.`);
    await talk(o);
    return;
  }
  if (isPlain) out.piece(prompt);
  await answer(o, isPlain ? prompt : [{ role: "user", content: prompt }], context.signal);
};
