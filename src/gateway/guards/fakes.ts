/** For tests: answers of an upstream cut as a test says, and what comes of a stream. */
import { begin, eventText, lastChunk, roleChunk, type Script, wordChunk } from "../fakes.ts";

/** Says these pieces, as a chat streamed or whole. */
export const says =
  (pieces: readonly string[]): Script =>
  ({ body }, response) => {
    if (body.stream === true) {
      begin(response);
      response.end([roleChunk, ...pieces.map(wordChunk), lastChunk, "[DONE]"].map(eventText).join(""));
      return;
    }
    response.writeHead(200, { "content-type": "application/json" });
    const message = { role: "assistant", content: pieces.join("") };
    response.end(
      JSON.stringify({
        id: "chatcmpl-1",
        object: "chat.completion",
        created: 1,
        model: body.model,
        choices: [{ index: 0, message, logprobs: null, finish_reason: "stop" }],
        usage: { prompt_tokens: 5, completion_tokens: pieces.length, total_tokens: 5 + pieces.length },
      }),
    );
  };

// biome-ignore lint/suspicious/noExplicitAny: answers are looked at by their own tests
export const jsonOf = async (response: Response): Promise<any> => response.json();

interface Said {
  readonly text: string;
  readonly reason: string | null;
  readonly wire: string;
  readonly error: { readonly message: string; readonly code: string } | undefined;
}

/** A stream of chunks as a client reads it. */
export function readChunks(wire: string): Said {
  let text = "";
  let reason: string | null = null;
  let error: Said["error"];
  for (const event of wire.split("\n\n")) {
    if (!event.startsWith("data: ") || event === "data: [DONE]") continue;
    const chunk = JSON.parse(event.slice(6));
    error = chunk.error ?? error;
    for (const choice of chunk.choices ?? []) {
      text += choice.delta?.content ?? choice.text ?? "";
      reason = choice.finish_reason ?? reason;
    }
  }
  return { text, reason, wire, error };
}
