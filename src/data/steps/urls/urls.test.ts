import { domainToUnicode } from "node:url";
import { gzipSync } from "node:zlib";
import fc from "fast-check";
import { expect, test } from "vitest";
import { noResources, type Resources } from "../../resources.ts";
import { addressesIn, parseAddress, parseDomain } from "./address.ts";
import { DomainTable } from "./domain-table.ts";
import { type Entry, parseEntry } from "./entry.ts";
import { readList } from "./list-file.ts";
import { urls } from "./urls.ts";

const filesIn = (files: Readonly<Record<string, string | Buffer>>): Resources => ({
  ...noResources,
  file: async path => {
    if (!(path in files)) throw new Error(`no ${path}`);
    return Buffer.from(files[path]!);
  },
});
async function run(
  document: { url?: string; text?: string; source?: string },
  o: object,
  files: Readonly<Record<string, string | Buffer>> = {},
) {
  const parsed = urls.options.parse(o);
  const lists = await urls.prepare!(parsed, filesIn(files));
  const attributes = document.url === undefined ? {} : { url: document.url };
  return urls.apply({ id: "a", text: document.text ?? "", source: document.source ?? "s", attributes }, parsed, lists);
}
const label = fc.stringMatching(/^[a-z0-9]{1,4}$/);
const domain = fc.array(label, { minLength: 2, maxLength: 4 }).map(l => l.join("."));

/** UTF-16 as it may come, halves of characters too. */
const anyText = fc.array(fc.integer({ min: 0, max: 0xffff }), { maxLength: 200 }).map(codes => String.fromCharCode(...codes));

test("a table of domains answers like a search of all parents in a set", () => {
  fc.assert(
    fc.property(fc.array(domain, { maxLength: 400 }), fc.array(domain), (all, asked) => {
      const table = new DomainTable();
      for (const [i, d] of all.entries()) table.add(d, i);
      expect(table.size).toBe(new Set(all).size);
      for (const host of [...asked, ...all, ...all.map(d => `x.${d}`), ...all.map(d => d.slice(1))]) {
        const parents = host.split(".").map((_, i, labels) => labels.slice(i).join("."));
        const parent = parents.find(p => all.includes(p));
        expect(table.find(host)).toEqual(parent === undefined ? undefined : { domain: parent, list: all.indexOf(parent) });
      }
    }),
    { numRuns: 30 },
  );
});

test("a domain blocks its subdomains and nothing that only ends alike", async () => {
  const o = { block: { entries: ["Example.COM."] } };
  const blocked = async (url: string) => !(await run({ url }, o)).verdicts![0]!.keep;
  for (const url of [
    "https://example.com",
    "http://EXAMPLE.com:8080/x?y",
    "https://a.b.example.com/",
    "https://example.com./",
    "www.example.com/a",
  ])
    expect([url, await blocked(url)]).toEqual([url, true]);
  for (const url of ["https://notexample.com", "https://example.com.evil.org/", "https://evil.org/example.com", "https://example.co"])
    expect([url, await blocked(url)]).toEqual([url, false]);
  expect((await run({ url: "https://a.example.com" }, o)).verdicts).toEqual([
    { rule: "blocked-domain", keep: false, value: "example.com (entries)", threshold: "on no block list" },
  ]);
});

test("names in any script are one with their punycode, whichever stands in the list", async () => {
  for (const name of ["bücher.de", "пример.рф", "例え.jp"]) {
    const ascii = parseDomain(name)!;
    expect(domainToUnicode(ascii)).toBe(name);
    for (const [entry, url] of [
      [name, `https://${ascii}/`],
      [ascii, `https://www.${name}/x`],
      [name.toUpperCase(), `https://${name}/`],
    ] as const)
      expect((await run({ url }, { block: { entries: [entry] } })).verdicts![0]!.keep).toBe(false);
  }
});

test("the beginning of an address fits at a border only", async () => {
  const o = { block: { entries: ["example.com/ads", "http://example.com/a%20b/", "example.com/q?id=7"] } };
  const blocked = async (url: string) => !(await run({ url }, o)).verdicts![0]!.keep;
  for (const path of ["/ads", "/ads/", "/ads/x", "/ads?x=1", "/x/../ads", "/a%20b/c", "/a b/c", "/q?id=7&x"])
    expect([path, await blocked(`https://www.example.com${path}`)]).toEqual([path, true]);
  for (const path of ["/", "/adsense", "/Ads", "/x/ads", "/a", "/q?id=77"])
    expect([path, await blocked(`https://example.com${path}`)]).toEqual([path, false]);
});

test("the longest entry decides, and of two alike the one that blocks", async () => {
  const o = {
    block: { entries: ["example.com", "docs.example.com/private", "same.org"] },
    allow: { entries: ["docs.example.com", "same.org", "good.net"] },
  };
  const keeps = async (url: string, more: object = {}) => (await run({ url }, { ...o, ...more })).verdicts!.every(v => v.keep);
  expect(await keeps("https://www.example.com/")).toBe(false);
  expect(await keeps("https://docs.example.com/a")).toBe(true);
  expect(await keeps("https://docs.example.com/private/x")).toBe(false);
  expect(await keeps("https://same.org")).toBe(false);
  expect(await keeps("https://other.net")).toBe(true);
  expect(await keeps("https://other.net", { others: "drop" })).toBe(false);
  expect(await keeps("https://sub.good.net", { others: "drop" })).toBe(true);
});

test("documents without an address stay unless asked, and a source may be one", async () => {
  expect((await run({ text: "a" }, { block: { entries: ["example.com"] } })).verdicts).toEqual([]);
  expect((await run({}, { withoutUrl: "drop" })).verdicts).toEqual([{ rule: "without-url", keep: false, value: 0, threshold: 1 }]);
  expect((await run({ source: "https://example.com/1" }, { block: { entries: ["example.com"] } })).verdicts![0]!.keep).toBe(false);
});

test("files of every form name the same domains", async () => {
  const entries = (text: string | Buffer) => [...readList(Buffer.from(text), "list")];
  const two: Entry[] = [{ host: "a.example.com" }, { host: "b.org" }];
  expect(entries("# comment\na.example.com\n\n*.b.org # why\n")).toEqual(two);
  expect(entries("! comment\r\nA.Example.com\r\n.b.org\r\n")).toEqual(two);
  expect(entries("127.0.0.1 localhost\n::1 localhost ip6-localhost\n0.0.0.0 a.example.com b.org # both\n0.0.0.0 0.0.0.0\n")).toEqual(two);
  expect(entries("http://a.example.com/\nhttps://b.org:8080\n")).toEqual(two);
  expect(entries(gzipSync("a.example.com\nb.org"))).toEqual(two);
  expect(entries("example.com/x/y\n")).toEqual([{ host: "example.com", path: "/x/y" }]);
  expect(entries("# nothing\n")).toEqual([]);
});

test("what is no list is an error that names it and its first line", () => {
  const read = (bytes: Buffer) => () => [...readList(bytes, "lists/x")];
  expect(read(Buffer.from("||ads.example^\n||other.example^$third-party"))).toThrow(/lists\/x: expected a list.*\|\|ads\.example/);
  expect(read(Buffer.from("just some words\n"))).toThrow("lists/x");
  expect(read(Buffer.concat([gzipSync("a.com\n".repeat(100)).subarray(0, 20)]))).toThrow(/lists\/x.*unpacked/);
  expect(() => urls.options.parse({ block: { entries: ["no domain"] } })).toThrow("a domain");
});

test("folders by category are needs, read, and told by category", async () => {
  const o = {
    block: { files: ["mine.txt"], folders: [{ folder: "ut1/", categories: ["adult", "games"], kinds: ["domains", "urls"] }] },
    maxBlockedUrls: 2,
  };
  const files = {
    "mine.txt": "m.org",
    "ut1/adult/domains": "a.com",
    "ut1/adult/urls": "x.com/a",
    "ut1/games/domains": "g.com",
    "ut1/games/urls": "",
  };
  expect(urls.needs!(urls.options.parse(o))).toEqual(Object.keys(files).map(path => ({ kind: "file", path })));
  const text = "See http://www.a.com/1, (https://x.com/a/b) and www.g.com. But http://x.com/b not, nor http://m.organic.";
  const { attributes, verdicts } = await run({ text }, o, files);
  expect(attributes).toEqual({ urls: 5, blockedUrls: 3, blockedLists: ["adult", "games"] });
  expect(verdicts).toEqual([{ rule: "max-blocked-urls", keep: false, value: 3, threshold: 2 }]);
});

test("addresses in a text are found without the marks of the sentence", () => {
  const found = (text: string) => [...addressesIn(text)].map(a => a.text);
  expect(found("(http://a.com/x_y). <https://b.org/?q=1&r=2>, www.c.net! see ftp://d.com; 访问 https://例え.jp/路径。")).toEqual([
    "http://a.com/x_y",
    "https://b.org/?q=1&r=2",
    "www.c.net",
    "ftp://d.com",
    "https://例え.jp/路径",
  ]);
  fc.assert(
    fc.property(anyText, text => {
      for (const a of addressesIn(text)) expect(text.slice(a.start, a.start + a.text.length)).toBe(a.text);
    }),
  );
});

test("shares are of characters and of addresses", async () => {
  const text = "http://a.com http://b.com 12345678901234567890123456";
  const o = { block: { entries: ["a.com"] }, maxUrlShare: 0.3, maxBlockedUrlShare: 0.5, maxUrls: 1 };
  expect((await run({ text }, o)).verdicts).toEqual([
    { rule: "max-urls", keep: false, value: 2, threshold: 1 },
    { rule: "max-url-share", keep: false, value: 24 / text.length, threshold: 0.3 },
    { rule: "max-blocked-url-share", keep: true, value: 0.5, threshold: 0.5 },
  ]);
});

test("hostile addresses are no addresses and take no time", async () => {
  const text = [
    "http://",
    `http://${"a".repeat(100_000)}`,
    "www.".repeat(50_000),
    `http://a.com/${"!".repeat(100_000)}`,
    "http://[::1",
    "http://%",
  ].join(" ");
  expect((await run({ text, url: `http://${"a.".repeat(50_000)}` }, { block: { entries: ["a.a"] } })).attributes!.host).toBeUndefined();
  expect(parseAddress("javascript:alert(1)")).toBeUndefined();
  expect(parseEntry("")).toBeUndefined();
  // However an address of numbers is written, it is one.
  expect((await run({ url: "http://0x7f.1/" }, { block: { entries: ["127.0.0.1"] } })).verdicts![0]!.keep).toBe(false);
});
