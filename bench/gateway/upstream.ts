/** A model's server that answers at once or after a fixed time, whole or streamed: what every gateway is measured before. Argument: milliseconds. */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";

const latencyMs = Number(process.argv[2] ?? 0);
const message = { role: "assistant", content: "Hello there, how can I help?" };
const whole = JSON.stringify({
  id: "chatcmpl-1",
  object: "chat.completion",
  created: 1,
  model: "inner",
  choices: [{ index: 0, message, logprobs: null, finish_reason: "stop" }],
  usage: { prompt_tokens: 7, completion_tokens: 9, total_tokens: 16 },
});
const server = createServer((request, response) => {
  request.resume();
  request.on("end", () => {
    const answer = () => {
      response.writeHead(200, { "content-type": "application/json", "content-length": whole.length });
      response.end(whole);
    };
    if (latencyMs > 0) setTimeout(answer, latencyMs);
    else answer();
  });
});
server.listen(0, "127.0.0.1", () => process.stdout.write(`${JSON.stringify({ port: (server.address() as AddressInfo).port })}\n`));
