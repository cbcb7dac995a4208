/** Hono and undici with nothing between them: the least that a gateway of this kind costs. Argument: the upstream's URL. */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { Readable } from "node:stream";
import { getRequestListener } from "@hono/node-server";
import { Hono } from "hono";
import { Pool } from "undici";

const url = new URL(process.argv[2] ?? "");
const pool = new Pool(url.origin, { connections: 1024 });
const app = new Hono();
app.post("/v1/chat/completions", async c => {
  const body = await c.req.text();
  const reply = await pool.request({
    path: "/v1/chat/completions",
    method: "POST",
    headers: { "content-type": "application/json" },
    body,
  });
  if (reply.headers["content-type"] === "text/event-stream")
    return new Response(Readable.toWeb(reply.body) as ReadableStream, { headers: { "content-type": "text/event-stream" } });
  return new Response(await reply.body.text(), { status: reply.statusCode, headers: { "content-type": "application/json" } });
});
const server = createServer(getRequestListener(app.fetch));
server.listen(0, "127.0.0.1", () => process.stdout.write(`${JSON.stringify({ port: (server.address() as AddressInfo).port })}\n`));
