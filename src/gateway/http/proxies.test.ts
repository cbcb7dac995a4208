/** Whose request it is where proxies stand before the gateway: what the trusted ones wrote counts, what a client wrote itself never does. */
import { request } from "node:http";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { type FakeUpstream, fakeUpstream, good, openAccess, type TestGateway, testGateway } from "../fakes.ts";

let upstream: FakeUpstream;
let gateway: TestGateway;
beforeAll(async () => {
  upstream = await fakeUpstream(good);
});
afterEach(async () => {
  await gateway.close();
  expect(gateway.failures).toEqual([]);
});
afterAll(() => upstream.close());

async function start(listen: object, access: object = {}): Promise<void> {
  gateway = await testGateway(
    {
      listen,
      upstreams: { local: { url: upstream.url } },
      models: { chat: { targets: [{ upstream: "local" }] } },
    },
    { access: { ...openAccess, ...access } },
  );
}

const body = JSON.stringify({ model: "chat", messages: [{ role: "user", content: "Count." }] });
/** Requests for a model go another way where a query is given: both must see the same client. */
const ways = ["/v1/chat/completions", "/v1/chat/completions?by=hono"] as const;

/** The status of a request with each of these lines of `x-forwarded-for`. */
const ask = (lines: readonly string[], path: string = ways[0]): Promise<number> =>
  new Promise((resolve, reject) => {
    const headers = {
      "content-type": "application/json",
      authorization: `Bearer ${gateway.key}`,
      ...(lines.length > 0 ? { "x-forwarded-for": [...lines] } : {}),
    };
    const sent = request(`${gateway.url}${path}`, { method: "POST", headers }, response => {
      response.resume();
      response.on("end", () => resolve(response.statusCode!));
    });
    sent.on("error", reject);
    sent.end(body);
  });

/** The client's address in the log. */
async function addressOf(lines: readonly string[], path: string): Promise<string | null> {
  expect(await ask(lines, path)).toBe(200);
  return gateway.records.at(-1)!.ip;
}

const forged = ["", "9.9.9.9", "9.9.9.9, 8.8.8.8", "unknown", "127.0.0.1", ",,,", "9.9.9.9:80", "'; drop table--"];

for (const path of ways) {
  test(`without trusted proxies the header is not looked at (${path})`, async () => {
    await start({});
    for (const line of forged) expect(await addressOf([line], path), line).toBe("127.0.0.1");
    expect(await addressOf([], path)).toBe("127.0.0.1");
  });

  test(`behind one proxy the last hop is the client, whatever the client wrote before it (${path})`, async () => {
    await start({ trustedProxies: 1 });
    expect(await addressOf(["203.0.113.7"], path)).toBe("203.0.113.7");
    for (const line of forged) {
      expect(await addressOf([`${line}, 203.0.113.7`], path), line).toBe("203.0.113.7");
      expect(await addressOf([`${line},203.0.113.7 `], path), line).toBe("203.0.113.7");
      expect(await addressOf([line, "203.0.113.7"], path), line).toBe("203.0.113.7");
    }
    expect(await addressOf(["2001:db8::7"], path)).toBe("2001:db8::7");
  });

  test(`a proxy that writes the port too does not make another client of every connection (${path})`, async () => {
    await start({ trustedProxies: 1 });
    for (const port of [1, 50_312, 65_535]) {
      expect(await addressOf([`203.0.113.7:${port}`], path)).toBe("203.0.113.7");
      expect(await addressOf([`[2001:db8::7]:${port}`], path)).toBe("2001:db8::7");
    }
    expect(await addressOf(["[2001:db8::7]"], path)).toBe("2001:db8::7");
  });

  test(`behind two proxies the second hop from the end is the client (${path})`, async () => {
    await start({ trustedProxies: 2 });
    expect(await addressOf(["203.0.113.7, 10.0.0.1"], path)).toBe("203.0.113.7");
    for (const line of forged) {
      expect(await addressOf([`${line}, 203.0.113.7, 10.0.0.1`], path), line).toBe("203.0.113.7");
      expect(await addressOf([line, "203.0.113.7", "10.0.0.1"], path), line).toBe("203.0.113.7");
    }
  });

  test(`what came by fewer proxies than are trusted is the connection's, not what it says (${path})`, async () => {
    await start({ trustedProxies: 2 });
    expect(await addressOf([], path)).toBe("127.0.0.1");
    expect(await addressOf(["203.0.113.7"], path)).toBe("127.0.0.1");
    expect(await addressOf([" , 10.0.0.1"], path)).toBe("127.0.0.1");
  });

  test(`a limit per address follows the client behind the proxy, and no forged hop makes another one of it (${path})`, async () => {
    const limits = [{ name: "from-one-place", per: ["ip"], measure: "requests", limit: 2, window: "1h" }];
    await start({ trustedProxies: 1 }, { limits });
    const statuses = [];
    for (const line of ["", "1.1.1.1, ", "2.2.2.2, ", "3.3.3.3, 4.4.4.4, "]) statuses.push(await ask([`${line}203.0.113.7`], path));
    expect(statuses).toEqual([200, 200, 429, 429]);
    expect(await ask(["203.0.113.8"], path)).toBe(200);
  });

  test(`no other address of the same IPv6 network, and no other way of writing an IPv4 address, makes another client (${path})`, async () => {
    const limits = [{ name: "from-one-place", per: ["ip"], measure: "requests", limit: 2, window: "1h" }];
    await start({ trustedProxies: 1 }, { limits });
    const statuses = async (hops: readonly string[]) => {
      const all: number[] = [];
      for (const hop of hops) all.push(await ask([hop], path));
      return all;
    };
    expect(await statuses(["2001:db8::7", "[2001:db8::8]:443", "2001:0DB8:0:0:ffff::9"])).toEqual([200, 200, 429]);
    expect(await statuses(["2001:db8:0:1::7"])).toEqual([200]);
    expect(await statuses(["203.0.113.7", "::ffff:203.0.113.7", "::ffff:cb00:7107"])).toEqual([200, 200, 429]);
  });
}

test("without trusted proxies everybody behind one is one client, so that a forged header frees nobody from a limit", async () => {
  const limits = [{ name: "from-one-place", per: ["ip"], measure: "requests", limit: 2, window: "1h" }];
  await start({}, { limits });
  const statuses = [];
  for (const line of ["203.0.113.7", "203.0.113.8", "203.0.113.9"]) statuses.push(await ask([line]));
  expect(statuses).toEqual([200, 200, 429]);
});
