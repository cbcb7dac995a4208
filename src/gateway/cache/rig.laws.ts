/** For tests of the cache: an upstream and a gateway that keeps answers, on sockets, new for each test; and what tests say to them. */
import { afterEach, beforeEach, expect } from "vitest";
import { until } from "../../../test/support/until.ts";
import { type FakeUpstream, fakeUpstream, good, type Script, type TestGateway, testGateway } from "../fakes.ts";

export { until };

export const messages = [{ role: "user", content: "Count." }];
export const question = { model: "chat", messages, temperature: 0 };
export const path = "/v1/chat/completions";

export interface Given {
  readonly status: number;
  /** Of `x-loam-cache`. */
  readonly how: string | null;
  readonly text: string;
  readonly headers: Headers;
}

export interface CacheRig {
  upstream: FakeUpstream;
  gateway: TestGateway;
  /** `cache`: the part of the file; `more`: other parts. */
  start(cache?: object, more?: object, options?: Parameters<typeof testGateway>[1]): Promise<void>;
  asked(body?: object, init?: RequestInit, at?: string): Promise<Given>;
  how(body?: object, init?: RequestInit, at?: string): Promise<string | null>;
}

export function cacheRig(): CacheRig {
  const rig: CacheRig = {
    // set before each test
    upstream: undefined as unknown as FakeUpstream,
    // set by `start`
    gateway: undefined as unknown as TestGateway,
    start: async (cache = {}, more = {}, options = {}) => {
      const models = {
        chat: { aliases: ["gpt-4o"], targets: [{ upstream: "local", model: "inner" }] },
        other: { targets: [{ upstream: "local" }] },
      };
      // a wide breaker, so that a second request reaches a server that failed
      const local = { url: rig.upstream.url, breaker: { failures: 1000, open: "1s" } };
      rig.gateway = await testGateway({ upstreams: { local }, models, retries: { attempts: 0 }, cache, ...more }, options);
    },
    asked: async (body = question, init = {}, at = path) => {
      const response = await rig.gateway.post(at, body, init);
      const text = await response.text();
      return { status: response.status, how: response.headers.get("x-loam-cache"), text, headers: response.headers };
    },
    how: async (...given) => (await rig.asked(...given)).how,
  };
  beforeEach(async () => {
    rig.upstream = await fakeUpstream(good);
  });
  afterEach(async () => {
    await rig.gateway.close();
    await rig.upstream.close();
    expect(rig.gateway.failures).toEqual([]);
  });
  return rig;
}

/** Good answers that wait until `go` is called. */
export function gated(): { readonly script: Script; readonly passed: Promise<void>; readonly go: () => void } {
  let go = () => {};
  const passed = new Promise<void>(resolve => {
    go = resolve;
  });
  const script: Script = async (received, response) => {
    await passed;
    await good(received, response);
  };
  return { script, passed, go };
}
