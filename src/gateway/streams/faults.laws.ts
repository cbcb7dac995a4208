/**
 * Faults of upstreams that no client may take for a whole answer, over each API that streams: what is lost before the first word is asked of another
 * upstream, what breaks after it is told as an error that the API's official client throws.
 */
import type { ServerResponse } from "node:http";
import { createServer, type Socket } from "node:net";
import { afterEach, beforeEach, expect, test } from "vitest";
import { until } from "../../../test/support/until.ts";
import { type FakeUpstream, fakeUpstream, type Script, status, type TestGateway, testGateway, words } from "../fakes.ts";

/** What a client of the official library gets: the text, whether its answer ended well, and the error it throws, if any. */
export interface Got {
  readonly text: string;
  readonly isWhole: boolean;
  readonly error: unknown;
}

/** One way that answers are streamed: what an upstream says, and how the client reads what becomes of it. */
export interface Speech {
  readonly name: string;
  /** Parts of the upstream's configuration besides its address. */
  readonly upstream: (url: string) => object;
  /** Up to the first word. */
  readonly opening: readonly string[];
  readonly word: (word: string) => string;
  /** Behind the last word, the last event of which says that the answer is whole. */
  readonly ending: readonly string[];
  /** Whether the answer is whole where only the last event is missing. */
  readonly endsBefore: boolean;
  /** An error inside of a stream, in the upstream's own words. */
  readonly error: string;
  readonly read: (gateway: TestGateway, model: string) => Promise<Got>;
  /** What the official client throws. */
  readonly Thrown: abstract new (
    ...args: never[]
  ) => Error;
}

/** Long enough for a busy machine to be in time where it should be. */
const times = { connect: "2s", firstByte: "1s", idle: "1s" };
const soon = (ms = 30) => new Promise(resolve => setTimeout(resolve, ms));

export function faultLaws(speech: Speech): void {
  const { opening, word, ending, endsBefore, read, Thrown } = speech;
  const all = words.join("");
  const whole: Got = { text: all, isWhole: true, error: undefined };
  const begin = (response: ServerResponse) => void response.writeHead(200, { "content-type": "text/event-stream" });
  const good: Script = (_, response) => {
    begin(response);
    response.end([...opening, ...words.map(word), ...ending].join(""));
  };
  /** Says so many words, then does something. */
  const after =
    (count: number, then: Script): Script =>
    async (received, response) => {
      begin(response);
      response.write([...opening, ...words.slice(0, count).map(word)].join(""));
      await soon();
      await then(received, response);
    };
  const cut: Script = (_, response) => void response.destroy();
  const silence: Script = () => {};

  let first: FakeUpstream;
  let second: FakeUpstream;
  let gateway: TestGateway;
  const start = async (url = first.url, timeouts = times): Promise<void> => {
    const part = (to: string) => ({ timeouts, breaker: { failures: 1000 }, ...speech.upstream(to) });
    gateway = await testGateway({
      upstreams: { first: part(url), second: part(second.url) },
      models: {
        pair: { targets: [{ upstream: "first" }, { upstream: "second", priority: 1 }] },
        alone: { targets: [{ upstream: "first" }] },
      },
      retries: { attempts: 1, backoff: "1ms" },
    });
  };
  /** Of the only request: told when its answer has been written, which the client may see first. */
  const record = async () => {
    await until(() => gateway.records.length > 0);
    return gateway.records[0]!;
  };
  const firstState = () => gateway.gateway.state().upstreams[0]!;

  beforeEach(async () => {
    first = await fakeUpstream(good);
    second = await fakeUpstream(good);
  });
  afterEach(async () => {
    await gateway.close();
    await Promise.all([first.close(), second.close()]);
    expect(gateway.failures).toEqual([]);
  });

  test(`a good answer comes whole`, async () => {
    await start();
    expect(await read(gateway, "pair")).toEqual(whole);
    expect(second.received).toEqual([]);
    expect(await record()).toMatchObject({ status: 200, error: null, target: "first/pair" });
  });

  const beforeAnything: Record<string, Script> = {
    "500": status(500),
    "503": status(503),
    "429 without Retry-After": status(429),
    "401 for the gateway's own key": status(401),
    "a redirect": status(302, { location: "http://127.0.0.1:1/" }),
    "headers that do not come": silence,
    "a connection that is closed without an answer": cut,
    "an error object inside of a 200 stream": (_, response) => {
      begin(response);
      response.end(speech.error);
    },
    "an error object behind the opening": after(0, (_, response) => void response.end(speech.error)),
    "a stream that ends before its first word": after(0, cut),
    "a stream that is closed in order before its first word": after(0, (_, response) => void response.end()),
    "a malformed first event": (_, response) => {
      begin(response);
      response.end('data: {"choices": [{\n\n');
    },
    "a 200 that is a web page": (_, response) => {
      response.writeHead(200, { "content-type": "text/html" });
      response.end("<html>It works!</html>");
    },
    "an empty 200": (_, response) => void response.end(),
  };
  for (const [fault, script] of Object.entries(beforeAnything))
    test(`before the first word, ${fault}: another upstream answers`, async () => {
      first.script = script;
      await start();
      expect(await read(gateway, "pair")).toEqual(whole);
      expect([first.received.length, second.received.length]).toEqual([1, 1]);
      expect(await record()).toMatchObject({ status: 200, error: null, target: "second/pair" });
      expect(firstState().outstanding).toBe(0);
      // busy asks for a rest, and refused credentials are the gateway's fault
      expect(firstState().failures).toBe(fault.startsWith("4") ? 0 : 1);
    });

  for (const code of [429, 503])
    test(`${code} with Retry-After: another upstream answers, and the first rests as long as it asked`, async () => {
      first.script = status(code, { "retry-after": "7" });
      await start();
      const askedMs = performance.now();
      expect(await read(gateway, "pair")).toEqual(whole);
      const { restsUntilMs, isAvailable } = firstState().models[0]!;
      expect(isAvailable).toBe(false);
      expect(restsUntilMs! - askedMs).toBeGreaterThanOrEqual(7_000);
      expect(restsUntilMs! - performance.now()).toBeLessThanOrEqual(7_000);
      first.script = good;
      for (let i = 0; i < 3; i++) expect(await read(gateway, "pair")).toEqual(whole);
      expect(first.received.length).toBe(1);
      expect(second.received.length).toBe(4);
    });

  /** An upstream whose headers come a few bytes at a time. */
  const slowHeaders = async (everyMs: number) => {
    const sockets = new Set<Socket>();
    const server = createServer(socket => {
      sockets.add(socket);
      socket.on("error", () => {});
      socket.once("data", async () => {
        socket.resume();
        const text = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n";
        for (let i = 0; i < text.length && !socket.destroyed; i += 8) {
          socket.write(text.slice(i, i + 8));
          await soon(everyMs);
        }
        if (!socket.destroyed) socket.end([...opening, ...words.map(word), ...ending].join(""));
      });
    });
    await new Promise<void>(resolve => server.listen(0, "127.0.0.1", resolve));
    const address = server.address();
    const port = typeof address === "object" && address ? address.port : 0;
    const close = () => {
      for (const socket of sockets) socket.destroy();
      return new Promise(resolve => server.close(resolve));
    };
    return { url: `http://127.0.0.1:${port}/v1`, close };
  };

  test(`slow headers that are in time are waited for`, async () => {
    const slow = await slowHeaders(20);
    await start(slow.url);
    expect(await read(gateway, "pair")).toEqual(whole);
    expect(second.received).toEqual([]);
    await slow.close();
  });

  test(`slow headers that keep coming beyond the deadline do not move it: another upstream answers`, async () => {
    const slow = await slowHeaders(400);
    await start(slow.url);
    expect(await read(gateway, "pair")).toEqual(whole);
    expect(second.received.length).toBe(1);
    expect((await record()).attempts.map(a => a.how)).toEqual(["firstByteTimeout", "answered"]);
    await slow.close();
  });

  test(`a refused connection: another upstream answers`, async () => {
    await start();
    await first.close();
    expect(await read(gateway, "pair")).toEqual(whole);
  });

  const inTheMiddle: Record<string, Script> = {
    "cut after 40 of 60 words": after(40, cut),
    "closed in order after 40 of 60 words": after(40, (_, response) => void response.end()),
    "20 words, then silence": after(20, silence),
    "one malformed event": after(30, (_, response) => void response.end("data: {nonsense\n\n")),
    "an error object": after(30, (_, response) => void response.end(speech.error)),
    "half an event, then the end": after(30, (_, response) => void response.end(word("again").slice(0, -20))),
    "every word, but no end": after(60, (_, response) => void response.end()),
    "the last event without what should stand before it": after(
      60,
      (_, response) => void response.end(endsBefore ? ending.at(-1) : "data: [DONE]\n\n"),
    ),
  };
  for (const [fault, script] of Object.entries(inTheMiddle))
    test(`in the middle, ${fault}: the client is told, and gets nothing twice`, async () => {
      first.script = script;
      await start();
      const { text, isWhole, error } = await read(gateway, "pair");
      expect(error).toBeInstanceOf(Thrown);
      expect(isWhole).toBe(false);
      expect(all.startsWith(text)).toBe(true);
      expect(text.length).toBeGreaterThan(50);
      expect(second.received).toEqual([]);
      const { status, model, error: noted } = await record();
      expect([status, model]).toEqual([200, "pair"]);
      expect(noted).toMatch(/^gateway\/(cut|timeout)$/);
      expect(firstState()).toMatchObject({ outstanding: 0, failures: 1, answers: 0 });
    });

  if (endsBefore)
    test(`a last event that is missing, or a connection that falls before it, costs nothing`, async () => {
      first.script = after(60, async (_, response) => {
        response.write(ending.slice(0, -1).join(""));
        await soon();
        response.destroy();
      });
      await start();
      expect(await read(gateway, "alone")).toEqual(whole);
      first.script = after(60, (_, response) => void response.end(ending.slice(0, -1).join("")));
      expect(await read(gateway, "alone")).toEqual(whole);
    });

  test(`a connection that stays open behind the last event holds no client up`, async () => {
    first.script = after(60, (_, response) => void response.write(ending.join("")));
    // Were the end of the response waited for, which never comes, the test would run into its own limit.
    await start(first.url, { ...times, idle: "10m" });
    expect(await read(gateway, "alone")).toEqual(whole);
  });

  test(`events cut at any byte are the same answer`, async () => {
    first.script = async (_, response) => {
      begin(response);
      const bytes = Buffer.from([...opening, ...words.map(word), ...ending].join(""));
      for (let at = 0, i = 0; at < bytes.length; i++) {
        const size = 1 + ((i * 37) % 113);
        response.write(bytes.subarray(at, at + size));
        at += size;
        await new Promise(resolve => setImmediate(resolve));
      }
      response.end();
    };
    await start();
    expect(await read(gateway, "alone")).toEqual(whole);
  });

  test(`when everything fails the client hears an error with a status`, async () => {
    first.script = status(500);
    second.script = status(500);
    await start();
    const { text, error } = await read(gateway, "pair");
    expect(text).toBe("");
    expect(error).toBeInstanceOf(Thrown);
    expect(error).toMatchObject({ status: 502 });
  });
}
