/** The event loop against a Runtime API of the test's own: what is framed how, and when. */
import { getEventListeners } from "node:events";
import { expect, onTestFinished, test } from "vitest";
import { openRuntimeApi, streamParts, urlEvent } from "../../../test/support/lambda-runtime-api.ts";
import { bufferedResponse, parseHttpEvent, requestOf } from "./http-events.ts";
import { runLambdaLoop, traceparentOf } from "./lambda-loop.ts";
import { lambdaLimits } from "./limits.ts";
import { RuntimeApi } from "./runtime-api.ts";

type Fetch = (request: Request, address?: string) => Promise<Response>;

interface Started {
  readonly fetch?: Fetch;
  readonly open?: () => Promise<Fetch>;
  readonly isStreaming?: boolean;
  readonly initMs?: number;
}

async function started({
  fetch = async () => new Response("hello"),
  open = async () => fetch,
  isStreaming = true,
  initMs = 60_000,
}: Started = {}) {
  const lambda = await openRuntimeApi();
  const api = new RuntimeApi(lambda.host);
  const stop = new AbortController();
  const warnings: string[] = [];
  const ended = runLambdaLoop({
    api,
    open,
    isStreaming,
    initMs,
    late: () => new Error("the time is over"),
    signal: stop.signal,
    warn: w => warnings.push(w),
  }).then(
    () => "ended",
    (error: unknown) => error,
  );
  onTestFinished(async () => {
    stop.abort();
    await ended;
    api.close();
    await lambda.close();
  });
  return { lambda, stop, ended, warnings };
}

test("a request of a function URL reaches the application as it was sent, and the response goes back as a prelude, eight zero bytes and the body", async () => {
  const seen: unknown[] = [];
  const { lambda } = await started({
    fetch: async (request, address) => {
      seen.push([
        request.method,
        request.url,
        await request.text(),
        request.headers.get("cookie"),
        request.headers.get("x-request-id"),
        address,
      ]);
      const response = new Response("a€b", { status: 201, headers: { "content-type": "text/plain", connection: "close" } });
      response.headers.append("set-cookie", "a=1");
      response.headers.append("set-cookie", "b=2");
      return response;
    },
  });
  const event = { ...urlEvent("POST", "/v1/x%20y?a=1&a=%C3%A9", "body"), cookies: ["k=v", "l=w"] };
  const answer = await lambda.invoke(event);
  expect(seen).toEqual([
    [
      "POST",
      "https://abc123.lambda-url.eu-central-1.on.aws/v1/x%20y?a=1&a=%C3%A9",
      "body",
      "k=v; l=w",
      "00000000-0000-4000-8000-000000000001",
      "203.0.113.7",
    ],
  ]);
  expect(answer.kind).toBe("response");
  expect(answer.headers).toMatchObject({
    "lambda-runtime-function-response-mode": "streaming",
    "transfer-encoding": "chunked",
    "content-type": "application/vnd.awslambda.http-integration-response",
  });
  const { head, rest } = streamParts(answer.body);
  expect(head).toEqual({ statusCode: 201, headers: { "content-type": "text/plain" }, cookies: ["a=1", "b=2"] });
  expect(rest.toString("utf8")).toBe("a€b");
});

test("a piece is with Lambda before the next one exists, and the loop asks for no invocation before the stream has ended", async () => {
  let more = () => {};
  const { lambda } = await started({
    fetch: async () =>
      new Response(
        new ReadableStream({
          async start(controller) {
            controller.enqueue(Buffer.from("one"));
            await new Promise<void>(resolve => {
              more = resolve;
            });
            controller.enqueue(Buffer.from("two"));
            controller.close();
          },
        }),
      ),
  });
  const got: string[] = [];
  const answer = await lambda.invoke(urlEvent("GET", "/"), {
    onPiece: piece => {
      got.push(piece.toString("utf8"));
      if (piece.toString("utf8").endsWith("one")) {
        expect([got.join("").endsWith("one"), lambda.asked]).toEqual([true, 1]);
        more();
      }
    },
  });
  expect(streamParts(answer.body).rest.toString("utf8")).toBe("onetwo");
  expect(answer.trailers).toEqual({});
});

test("a stream that breaks off ends with the error in its trailers, and the next invocation is answered", async () => {
  let isBroken = true;
  const { lambda, warnings } = await started({
    fetch: async () => {
      if (!isBroken) return new Response("well");
      isBroken = false;
      let n = 0;
      return new Response(
        new ReadableStream({
          pull(controller) {
            if (n++ > 0) throw new TypeError("the source is gone");
            controller.enqueue(Buffer.from("half"));
          },
        }),
      );
    },
  });
  const broken = await lambda.invoke(urlEvent("GET", "/"));
  expect(streamParts(broken.body).rest.toString("utf8")).toBe("half");
  expect(broken.trailers["lambda-runtime-function-error-type"]).toBe("Loam.TypeError");
  expect(JSON.parse(Buffer.from(broken.trailers["lambda-runtime-function-error-body"]!, "base64").toString("utf8"))).toEqual({
    errorType: "Loam.TypeError",
    errorMessage: "the source is gone",
    stackTrace: [],
  });
  expect(streamParts((await lambda.invoke(urlEvent("GET", "/"))).body).rest.toString("utf8")).toBe("well");
  expect(warnings).toEqual(["loam: invocation 00000000-0000-4000-8000-000000000001: the source is gone"]);
});

test("shortly before the deadline the request's signal is aborted with the platform's reason, and the response still goes out", async () => {
  const { lambda } = await started({
    fetch: request =>
      new Promise(resolve => {
        request.signal.addEventListener("abort", () => resolve(new Response(String(request.signal.reason), { status: 504 })), {
          once: true,
        });
      }),
  });
  const sentMs = Date.now();
  const answer = await lambda.invoke(urlEvent("POST", "/", "x"), { timeoutMs: 400 });
  expect(Date.now() - sentMs).toBeGreaterThanOrEqual(290);
  const { head, rest } = streamParts(answer.body);
  expect([head.statusCode, rest.toString("utf8")]).toEqual([504, "Error: the time is over"]);
});

test("work that goes on after its response is cancelled: a frozen function would continue it in the next invocation", async () => {
  let signal: AbortSignal | undefined;
  const { lambda } = await started({
    fetch: async request => {
      signal = request.signal;
      return new Response("done");
    },
  });
  await lambda.invoke(urlEvent("GET", "/"));
  await lambda.invoke(urlEvent("GET", "/"));
  expect(signal).toBeDefined();
  await expect.poll(() => signal!.aborted).toBe(true);
});

test("an error at start is reported to Lambda with its code, and ends the loop", async () => {
  const failure = Object.assign(new Error("expected the files with digest a, got b"), { code: "project/model" });
  const { lambda, ended } = await started({ open: () => Promise.reject(failure) });
  expect(await lambda.initError).toEqual({
    type: "Loam.project.model",
    body: { errorType: "Loam.project.model", errorMessage: failure.message, stackTrace: [] },
  });
  expect(await ended).toBe(failure);
  expect(lambda.asked).toBe(0);
});

test("models that load for longer than the start may take are waited for by the first invocation", async () => {
  let loaded = (_: Fetch) => {};
  const { lambda } = await started({
    initMs: 20,
    open: () =>
      new Promise(resolve => {
        loaded = resolve;
      }),
  });
  const answer = lambda.invoke(urlEvent("GET", "/"));
  await lambda.ready;
  loaded(async () => new Response("loaded"));
  expect(streamParts((await answer).body).rest.toString("utf8")).toBe("loaded");
});

test("a start that fails after that fails the invocation and ends the loop: Lambda starts another process", async () => {
  let fail = (_: Error) => {};
  const { lambda, ended } = await started({
    initMs: 0,
    open: () =>
      new Promise((_, reject) => {
        fail = reject;
      }),
  });
  await lambda.ready;
  const answer = lambda.invoke(urlEvent("GET", "/"));
  fail(new Error("no memory"));
  expect(JSON.parse((await answer).body.toString("utf8"))).toEqual({ errorType: "Loam.Error", errorMessage: "no memory", stackTrace: [] });
  expect(await ended).toEqual(new Error("no memory"));
});

test("SIGTERM ends the loop while it waits; an invocation under way is finished first", async () => {
  const waiting = await started();
  await waiting.lambda.ready;
  waiting.stop.abort();
  expect(await waiting.ended).toBe("ended");
  let answer = (_: Response) => {};
  let isAsked = () => {};
  const asked = new Promise<void>(resolve => {
    isAsked = resolve;
  });
  const busy = await started({
    fetch: () => {
      isAsked();
      return new Promise(resolve => {
        answer = resolve;
      });
    },
  });
  const got = busy.lambda.invoke(urlEvent("GET", "/"));
  await asked;
  busy.stop.abort();
  answer(new Response("finished"));
  expect(streamParts((await got).body).rest.toString("utf8")).toBe("finished");
  expect(await busy.ended).toBe("ended");
});

test("an event that is no HTTP request fails its invocation alone, with what was expected", async () => {
  const { lambda } = await started();
  for (const event of ["{", "null", { Records: [] }, { ...urlEvent("GET", "/"), requestContext: { http: { method: "CONNECT" } } }]) {
    const { kind, headers, body } = await lambda.invoke(event);
    expect(kind).toBe("error");
    expect(headers["lambda-runtime-function-error-type"]).toBe("Loam.deploy.event");
    expect(JSON.parse(body.toString("utf8")).errorMessage).toMatch(
      /^Lambda event: (expected an HTTP request of a function URL|it is no HTTP request)/,
    );
  }
  expect((await lambda.invoke(urlEvent("GET", "/"))).kind).toBe("response");
});

test("HTTP APIs and load balancers pass no stream on: their responses are whole, text as text and bytes in base64", async () => {
  const { lambda } = await started({
    fetch: async request =>
      new URL(request.url).pathname === "/bytes"
        ? new Response(Uint8Array.of(0, 255), { headers: { "content-type": "application/octet-stream" } })
        : Response.json({ a: "é" }),
  });
  const url = urlEvent("GET", "/text");
  const api = { ...url, requestContext: { ...url.requestContext, domainName: "x.execute-api.eu-central-1.amazonaws.com" } };
  const balancer = {
    requestContext: { elb: { targetGroupArn: "arn" } },
    httpMethod: "GET",
    path: "/bytes",
    queryStringParameters: {},
    headers: { host: "lb" },
    body: "",
    isBase64Encoded: false,
  };
  const [text, bytes] = [await lambda.invoke(api), await lambda.invoke(balancer)];
  expect(text.headers["lambda-runtime-function-response-mode"]).toBeUndefined();
  expect(JSON.parse(text.body.toString("utf8"))).toEqual({
    statusCode: 200,
    body: '{"a":"é"}',
    isBase64Encoded: false,
    headers: { "content-type": "application/json" },
  });
  expect(JSON.parse(bytes.body.toString("utf8"))).toEqual({
    statusCode: 200,
    statusDescription: "200",
    body: "AP8=",
    isBase64Encoded: true,
    headers: { "content-type": "application/octet-stream" },
  });
});

test("a whole response over 6 MB becomes a 413 that says so, in base64's size too", async () => {
  const { lambda } = await started({
    isStreaming: false,
    fetch: async () => new Response(new Uint8Array(lambdaLimits.bufferedBytes * 0.8)),
  });
  const { body } = await lambda.invoke(urlEvent("GET", "/"));
  const { statusCode, body: told } = JSON.parse(body.toString("utf8")) as { statusCode: number; body: string };
  expect([statusCode, JSON.parse(told).error.code]).toEqual([413, "response_too_large"]);
});

test("two hundred invocations leave no listener on the loop's signal", async () => {
  const { lambda, stop } = await started({ isStreaming: false });
  for (let i = 0; i < 200; i++) await lambda.invoke(urlEvent("GET", "/"));
  expect(getEventListeners(stop.signal, "abort").length).toBeLessThan(4);
});

const older = (more: object) =>
  parseHttpEvent(JSON.stringify({ httpMethod: "GET", path: "/p", requestContext: {}, body: null, isBase64Encoded: false, ...more }));

test("lists of values survive both ways: in events of REST APIs and load balancers, and in their responses", async () => {
  const lists = { multiValueQueryStringParameters: { q: ["a b", "c&d"] }, multiValueHeaders: { host: ["h"], accept: ["x", "y"] } };
  const rest = older({ ...lists, requestContext: { identity: { sourceIp: "198.51.100.1" } } });
  expect([rest.url, rest.headers.get("accept"), rest.address]).toEqual(["https://h/p?q=a%20b&q=c%26d", "x, y", "198.51.100.1"]);
  const balancer = older({
    headers: { host: "h", "x-forwarded-for": "1.1.1.1, 2.2.2.2" },
    queryStringParameters: { q: "a%20b" },
    requestContext: { elb: {} },
  });
  expect([balancer.url, balancer.address]).toEqual(["https://h/p?q=a%20b", "2.2.2.2"]);
  const response = new Response("x", {
    headers: [
      ["set-cookie", "a=1"],
      ["set-cookie", "b=2"],
      ["content-type", "text/plain"],
    ],
  });
  const sent = (event: ReturnType<typeof older>) => JSON.parse(bufferedResponse(event, response, Buffer.from("x")));
  const listed = { multiValueHeaders: { "content-type": ["text/plain"], "set-cookie": ["a=1", "b=2"] } };
  expect(sent(rest)).toMatchObject(listed);
  expect(sent(older({ ...lists, requestContext: { elb: {} } }))).toMatchObject(listed);
});

test("a body of base64 is bytes, a GET has none, and a host that no URL has does not matter", async () => {
  const post = older({ httpMethod: "post", body: "AP8=", isBase64Encoded: true, headers: { host: "a b" } });
  const { signal } = new AbortController();
  const request = requestOf(post, signal);
  expect([request.method, request.url, [...new Uint8Array(await request.arrayBuffer())]]).toEqual([
    "POST",
    "https://localhost/p",
    [0, 255],
  ]);
  expect(requestOf(older({ body: "x" }), signal).body).toBeNull();
});

test("X-Ray's header becomes a traceparent (the documentation's example)", () => {
  expect(traceparentOf("Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1")).toBe(
    "00-5759e988bd862e3fe1be46a994272793-53995c3f42cd8ad8-01",
  );
  expect(traceparentOf("Root=1-5759e988-bd862e3fe1be46a994272793")).toBeUndefined();
});
