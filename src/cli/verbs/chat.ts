/**
 * `loam chat`: talks to a version in the terminal, or completes one text. It asks the same application that `loam serve` puts on a socket, so
 * templates, stops and limits are the server's.
 */
import { createInterface } from "node:readline/promises";
import { cliErrors, untilStopped } from "../../project/index.ts";
import { type Ask, findModel, openEngine, type Reply, reply, type Turn } from "../../project/serving/index.ts";
import { type App, createApp } from "../../serve/index.ts";
import { numberOption, textOption } from "../options.ts";
import { type Context, type Options, streamsOf, type VerbRun } from "../verb.ts";
import { folderOf } from "../verb-folder.ts";

function askOf(options: Options, model: string): Omit<Ask, "prompt"> {
  const number = (key: string, least: number, most: number, whole = false) => numberOption(options, key, "chat", { least, most, whole });
  return {
    model,
    sampling: {
      temperature: number("temperature", 0, 2)!,
      top_p: number("topP", 0, 1)!,
      max_tokens: number("maxTokens", 1, 1_000_000, true)!,
      seed: number("seed", 0, Number.MAX_SAFE_INTEGER, true)!,
    },
  };
}

/** One answer, printed as it comes. */
async function answer(context: Context, app: App, ask: Ask, signal: AbortSignal): Promise<Reply> {
  const { out } = context;
  const said = await reply(app, ask, { signal, onText: text => out.piece(text) });
  out.line();
  out.event("answer", said);
  return said;
}

async function talk(context: Context, app: App, base: Omit<Ask, "prompt">, plain: boolean): Promise<void> {
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
        const said = await answer(context, app, { ...base, prompt: plain ? line : [...turns, user] }, signal);
        turns = plain ? [] : [...said.turns, { role: "assistant", content: said.text }];
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

export const chat: VerbRun = async (context, [given], options) => {
  const { out } = context;
  const base = askOf(options, "");
  const prompt = textOption(options, "prompt");
  const plain = options.complete === true;
  if (prompt === "" && !plain)
    throw cliErrors.fail("usage", { place: "loam chat: --prompt", expected: "a text", received: "an empty one" });
  const room = numberOption(options, "context", "chat", { least: 16, most: 1_048_576, whole: true });
  await using found = await findModel(folderOf(context, options), context.cwd, given);
  const load = async () => {
    const opened = await openEngine(found, { slots: 1, context: room });
    await opened.engine.ready;
    return opened;
  };
  await using opened = await untilStopped(context.signal, load());
  const { engine } = opened;
  const { id, chatTemplate } = engine.model;
  const app = createApp({ engines: [engine] });
  if (!plain && !chatTemplate)
    out.warn(
      `  ${id} continues texts and was not taught to chat; it is given a transcript to continue. --complete gives it the text alone.`,
    );
  const ask = { ...base, model: id };
  if (prompt === undefined) {
    out.line(`  ${id}. An empty line does nothing; Ctrl-D ends.`);
    await talk(context, app, ask, plain);
    return;
  }
  if (plain) out.piece(prompt);
  await answer(context, app, { ...ask, prompt: plain ? prompt : [{ role: "user", content: prompt }] }, context.signal);
};
