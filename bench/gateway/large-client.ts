/**
 * A client of large prompts in a process of its own, so that the one that times small requests does nothing else. Arguments: the gateway's URL, a
 * key. Told a number of bytes it sends prompts of that size one after the other; told 0 it ends the last one and tells `Sent`.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { Pool } from "undici";

export interface Sent {
  readonly ms: readonly number[];
  /** Statuses other than 200. */
  readonly refused: readonly number[];
}

const [, , url = "", key = ""] = process.argv;
/** As people write, with what both guards look closer at. */
const sentence =
  "Please look at the b4d invoice of 12 May, 4,200 in all, and call +1 (212) 736-5000 or write to ann.lee@corp-mail.com today. ";
const bodyOf = (bytes: number): Buffer =>
  Buffer.from(JSON.stringify({ model: "gpt-4o", messages: [{ role: "user", content: sentence.repeat(bytes / sentence.length) }] }));
/** Between two prompts. */
const pauseMs = 20;

const pool = new Pool(url, { connections: 1 });
let wanted = 0;
let sending: Promise<Sent> | undefined;

async function send(bytes: number): Promise<Sent> {
  const body = bodyOf(bytes);
  const ms: number[] = [];
  const refused: number[] = [];
  while (wanted === bytes) {
    const began = performance.now();
    const headers = { "content-type": "application/json", authorization: `Bearer ${key}` };
    const reply = await pool.request({ path: "/v1/chat/completions", method: "POST", headers, body });
    await reply.body.text();
    if (reply.statusCode !== 200) refused.push(reply.statusCode);
    ms.push(performance.now() - began);
    await sleep(pauseMs);
  }
  return { ms, refused };
}

process.on("message", async (bytes: number) => {
  wanted = bytes;
  if (bytes > 0) sending = send(bytes);
  else process.send!(await sending);
});
process.on("disconnect", () => process.exit());
