/** A server of this process as an upstream: the same promises as over a socket. */
import { afterEach, expect, test } from "vitest";
import type { Connection, UpstreamCall } from "./call.ts";
import type { UpstreamFailure } from "./failure.ts";
import { UpstreamFailure as Failure } from "./failure.ts";
import { connectHere, type ServeHere } from "./in-process.ts";
import { Stop } from "./stop.ts";

const opened: Connection[] = [];
afterEach(async () => {
  for (const c of opened.splice(0)) await c.close();
});
const ask = (serve: ServeHere, more: Partial<UpstreamCall> = {}) => {
  const connection = connectHere("http://127.0.0.1", serve);
  opened.push(connection);
  return connection.call({
    method: "POST",
    path: "/v1/x?y=1",
    headers: { "content-type": "application/json" },
    body: "{}",
    deadlines: { connectMs: 1_000, firstByteMs: 5_000, idleMs: 5_000 },
    stop: new Stop(),
    ...more,
  });
};
const all = async (reply: Awaited<ReturnType<typeof ask>>): Promise<string> => {
  let text = "";
  for (let piece = await reply.read(); piece !== undefined; piece = await reply.read()) text += String(piece);
  return text;
};
/** A stream that writes as it is told. */
function told() {
  let give!: ReadableStreamDefaultController<Uint8Array>;
  let isCancelled = false;
  let numPulled = 0;
  const body = new ReadableStream<Uint8Array>(
    {
      start: c => {
        give = c;
      },
      pull: () => {
        numPulled++;
      },
      cancel: () => {
        isCancelled = true;
      },
    },
    { highWaterMark: 0 },
  );
  const write = (text: string) => give.enqueue(new TextEncoder().encode(text));
  return { body, write, close: () => give.close(), cancelled: () => isCancelled, pulled: () => numPulled };
}
const failureOf = (promise: Promise<unknown>): Promise<UpstreamFailure> =>
  promise.then(
    () => expect.unreachable(),
    (e: UpstreamFailure) => e,
  );

test("method, path, query, headers and body come as they were sent, and the answer as it was given", async () => {
  const reply = await ask(async request => {
    const { pathname, search } = new URL(request.url);
    return new Response(`${request.method} ${pathname}${search} ${request.headers.get("content-type")} ${await request.text()}`, {
      status: 207,
      headers: { "X-Own": "1" },
    });
  });
  expect(reply.status).toBe(207);
  expect(reply.headers.get("x-own")).toBe("1");
  expect(await all(reply)).toBe("POST /v1/x?y=1 application/json {}");
});

test("an answer without a body is empty", async () => {
  expect(await all(await ask(() => new Response(null, { status: 204 })))).toBe("");
});

test("a piece is asked for only when the last one was taken", async () => {
  const stream = told();
  const reply = await ask(() => new Response(stream.body));
  expect(stream.pulled()).toBe(0);
  const first = reply.read();
  await new Promise(resolve => setTimeout(resolve, 5));
  stream.write("one");
  expect(String(await first)).toBe("one");
  expect(stream.pulled()).toBe(1);
});

test("giving up a read leaves its piece to be read", async () => {
  const stream = told();
  const reply = await ask(() => new Response(stream.body));
  expect(await reply.read(5)).toBe("waiting");
  stream.write("late");
  expect(String(await reply.read())).toBe("late");
  stream.close();
  expect(await reply.read()).toBeUndefined();
});

test("silence ends it, and its work", async () => {
  const stream = told();
  let signal: AbortSignal | undefined;
  const reply = await ask(
    request => {
      signal = request.signal;
      return new Response(stream.body);
    },
    { deadlines: { connectMs: 1_000, firstByteMs: 1_000, idleMs: 20 } },
  );
  expect(await failureOf(reply.read())).toMatchObject({ kind: "idleTimeout" });
  expect(signal?.aborted).toBe(true);
});

test("no headers in time, a server that throws, a stream that breaks: each by its name", async () => {
  const deadlines = { connectMs: 1_000, firstByteMs: 20, idleMs: 1_000 };
  expect(await failureOf(ask(() => new Promise(() => {}), { deadlines }))).toMatchObject({ kind: "firstByteTimeout" });
  const throws = () => {
    throw new Error("no such luck");
  };
  expect(await failureOf(ask(throws))).toMatchObject({ kind: "reset", message: "no such luck" });
  const broken = await ask(() => new Response(new ReadableStream({ pull: c => c.error(new Error("gone")) })));
  expect(await failureOf(broken.read())).toMatchObject({ kind: "cut", message: "gone" });
});

test("a wish to stop ends the work, before the answer and in the middle of it", async () => {
  const left = new Failure("left", "the client left");
  const stop = new Stop();
  let signal: AbortSignal | undefined;
  const waiting = ask(
    request => {
      signal = request.signal;
      return new Promise(() => {});
    },
    { stop },
  );
  stop.stop(left);
  expect(await failureOf(waiting)).toBe(left);
  expect(signal?.aborted).toBe(true);

  const second = new Stop();
  const stream = told();
  const reply = await ask(
    request => {
      request.signal.addEventListener("abort", () => stream.close());
      return new Response(stream.body);
    },
    { stop: second },
  );
  const read = failureOf(reply.read());
  second.stop(left);
  // the server ended its stream as if it were whole; it is not
  expect(await read).toBe(left);
  expect(await failureOf(reply.read())).toBe(left);
});

test("a server that does not notice the wish to stop is waited for no longer", async () => {
  const stop = new Stop();
  const reply = await ask(() => new Response(told().body), { stop });
  const read = failureOf(reply.read());
  stop.stop(new Failure("left", "the client left"));
  expect(await read).toMatchObject({ kind: "left" });
});

test("whoever cancels ends the server's stream", async () => {
  const stream = told();
  const reply = await ask(() => new Response(stream.body));
  reply.cancel();
  await expect.poll(() => stream.cancelled()).toBe(true);
});
