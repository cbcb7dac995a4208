/**
 * A model's server that answers at once or after a fixed time, or streams: what every gateway is measured before. Arguments: milliseconds before
 * a whole answer, milliseconds between the tokens of a stream, of which there are as many as `max_tokens` says. A whole answer says how long it was
 * kept (`... took 20.417 ms`): Node's timers are good to a millisecond, which is more than what a gateway adds.
 */
import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

const latencyMs = Number(process.argv[2] ?? 0);
const tokenMs = Number(process.argv[3] ?? 100);
const message = { role: "assistant", content: "Hello there, how can I help? took TIME ms" };
const [before, after] = JSON.stringify({
  id: "chatcmpl-1",
  object: "chat.completion",
  created: 1,
  model: "inner",
  choices: [{ index: 0, message, logprobs: null, finish_reason: "stop" }],
  usage: { prompt_tokens: 7, completion_tokens: 9, total_tokens: 16 },
}).split("TIME") as [string, string];
const timeDigits = 10;
const wholeBytes = before.length + timeDigits + after.length;
const event = (choice: object, more: object = {}) =>
  `data: ${JSON.stringify({ id: "chatcmpl-1", object: "chat.completion.chunk", created: 1, model: "inner", choices: [{ index: 0, ...choice }], ...more })}\n\n`;
const first = event({ delta: { role: "assistant" }, finish_reason: null });
const token = event({ delta: { content: " word" }, finish_reason: null });

function stream(response: ServerResponse, tokens: number): void {
  response.writeHead(200, { "content-type": "text/event-stream" });
  response.write(first);
  let sent = 0;
  const timer = setInterval(() => {
    if (sent++ < tokens) return response.write(token);
    clearInterval(timer);
    const usage = { prompt_tokens: 7, completion_tokens: tokens, total_tokens: 7 + tokens };
    response.write(event({ delta: {}, finish_reason: "stop" }, { usage }));
    response.end("data: [DONE]\n\n");
    return true;
  }, tokenMs);
  response.on("close", () => clearInterval(timer));
}

/** Of a large prompt no more is looked at: this process must not be what others wait for. */
const readBytes = 64 * 1024;

const server = createServer((request, response) => {
  const pieces: Buffer[] = [];
  let size = 0;
  request.on("data", (piece: Buffer) => {
    if (size < readBytes) pieces.push(piece);
    size += piece.length;
  });
  request.on("end", () => {
    const text = Buffer.concat(pieces).toString("latin1", 0, readBytes);
    if (text.includes('"stream":true')) return stream(response, Number(/"max_tokens":(\d+)/.exec(text)?.[1] ?? 100));
    const began = performance.now();
    const answer = () => {
      response.writeHead(200, { "content-type": "application/json", "content-length": wholeBytes });
      response.end(`${before}${(performance.now() - began).toFixed(3).padStart(timeDigits)}${after}`);
    };
    if (latencyMs > 0) setTimeout(answer, latencyMs);
    else answer();
    return undefined;
  });
});
server.listen(0, "127.0.0.1", () => process.stdout.write(`${JSON.stringify({ port: (server.address() as AddressInfo).port })}\n`));
