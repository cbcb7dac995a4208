/** Many streams at once through a gateway, each begun anew when it has ended, with every one looked at to its end: all tokens, and `[DONE]`. */
import { Agent, request } from "node:http";
import type { Side } from "./sides.ts";

export interface Streaming {
  readonly streams: number;
  /** Of one stream. */
  readonly tokens: number;
  readonly seconds: number;
  /** Called about every `everySeconds`, while all streams go. */
  readonly everySeconds: number;
  look(elapsedSeconds: number): Promise<void>;
}

export interface Streamed {
  readonly tokensPerSecond: number;
  readonly whole: number;
  /** Streams that broke off, said an error or had another number of tokens. */
  readonly broken: number;
  /** Streams that went when the time was over. */
  readonly underWay: number;
}

/** One event of the upstream's is one of these. */
const token = '"delta":{"content"';
const end = "data: [DONE]";

function count(text: string, part: string): number {
  let n = 0;
  for (let at = text.indexOf(part); at >= 0; at = text.indexOf(part, at + part.length)) n++;
  return n;
}

export async function stream(side: Side, { streams, tokens, seconds, everySeconds, look }: Streaming): Promise<Streamed> {
  const agent = new Agent({ keepAlive: true, maxSockets: streams });
  const body = JSON.stringify({
    model: "gpt-4o",
    stream: true,
    max_tokens: tokens,
    messages: [{ role: "user", content: "Tell me something." }],
  });
  const headers = { "content-type": "application/json", "content-length": Buffer.byteLength(body), ...side.headers };
  let isOver = false;
  let seen = 0;
  let whole = 0;
  let broken = 0;
  let underWay = 0;
  const one = (): Promise<void> =>
    new Promise(resolve => {
      let own = 0;
      // an event can be cut between two pieces
      let rest = "";
      let hasEnd = false;
      let isSettled = false;
      const settle = (isWhole: boolean) => {
        if (isSettled) return;
        isSettled = true;
        underWay--;
        if (isOver) return resolve();
        if (isWhole) whole++;
        else broken++;
        resolve();
      };
      underWay++;
      const asked = request(`${side.url}/v1/chat/completions`, { method: "POST", agent, headers }, reply => {
        reply.setEncoding("latin1");
        reply.on("data", (piece: string) => {
          const text = rest + piece;
          const cut = text.lastIndexOf("\n\n") + 2;
          const events = cut < 2 ? "" : text.slice(0, cut);
          rest = text.slice(events.length);
          const got = count(events, token);
          own += got;
          seen += got;
          if (events.includes(end)) hasEnd = true;
        });
        reply.on("end", () => settle(reply.statusCode === 200 && hasEnd && own === tokens));
        reply.on("error", () => settle(false));
        reply.on("close", () => settle(false));
      });
      asked.on("error", () => settle(false));
      asked.end(body);
    });
  const began = performance.now();
  const elapsed = () => (performance.now() - began) / 1000;
  // begun over the time of one token, as they would come
  const all = Array.from({ length: streams }, async (_, i) => {
    await new Promise(next => setTimeout(next, i * 4));
    while (!isOver) await one();
  });
  while (elapsed() + everySeconds <= seconds) {
    await new Promise(next => setTimeout(next, everySeconds * 1000));
    await look(elapsed());
  }
  const tokensPerSecond = seen / elapsed();
  const going = underWay;
  isOver = true;
  agent.destroy();
  await Promise.all(all);
  return { tokensPerSecond, whole, broken, underWay: going };
}
