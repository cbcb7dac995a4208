/** AWS's own signer is the judge: what it signs is good here, and nothing else is. Its published examples are the golden numbers. */
import { createHmac } from "node:crypto";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { check } from "../../base/index.ts";
import { type Signing, signedByAws, type ToSign } from "./aws-signer.laws.ts";
import type { SignedWire } from "./contract.ts";
import { canonicalRequest, isSignedWith, readSignature, type SigV4Signature, sha256Hex } from "./sigv4.ts";
import { sigv4Part } from "./sigv4-part.ts";

const atMs = Date.parse("2015-08-30T12:36:00Z");
/** Of AWS's test suite (aws-sig-v4-test-suite). */
const example: Signing = {
  accessKeyId: "AKIDEXAMPLE",
  secretAccessKey: "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
  atMs,
  saysHash: false,
};
const rules = check(sigv4Part, { regions: ["us-east-1"], services: ["service", "iam"] }, "sigv4");

const read = (wire: SignedWire, more: Partial<typeof rules> = {}, nowMs = atMs): SigV4Signature => {
  const signature = readSignature(wire, { ...rules, ...more }, nowMs);
  if (typeof signature === "string") throw new Error(signature);
  return signature;
};
const isGood = (wire: SignedWire, body: string, secret = example.secretAccessKey): boolean => {
  const signature = readSignature(wire, rules, atMs);
  return typeof signature !== "string" && isSignedWith(signature, canonicalRequest(wire, signature.headers, sha256Hex(body)), secret);
};
const changed = (wire: SignedWire, header: string, value: string): SignedWire => ({
  ...wire,
  rawHeaders: wire.rawHeaders.map((word, i) => (i % 2 === 1 && wire.rawHeaders[i - 1]!.toLowerCase() === header ? value : word)),
});

describe("AWS's published examples", () => {
  const iam = { path: "/", query: { Action: "ListUsers", Version: "2010-05-08" } };
  const vectors: readonly (readonly [string, ToSign, string, Partial<Signing>?, string?])[] = [
    ["get-vanilla", { path: "/" }, "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"],
    ["post-vanilla", { method: "POST", path: "/" }, "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b"],
    [
      "get-vanilla-query-order-key-case",
      { path: "/", query: { Param2: "value2", Param1: "value1" } },
      "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500",
    ],
    [
      "the example of the documentation, IAM's ListUsers",
      { ...iam, headers: { "content-type": "application/x-www-form-urlencoded; charset=utf-8" } },
      "5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7",
      { service: "iam" },
      "iam.amazonaws.com",
    ],
  ];
  for (const [name, request, expected, more, host] of vectors)
    test(`${name}: signed as published, and good here`, async () => {
      const wire = await signedByAws(request, { ...example, ...more }, host);
      expect(wire.headers.authorization).toContain(`Signature=${expected}`);
      expect(read(wire).bytes.toString("hex")).toBe(expected);
      expect(isGood(wire, "")).toBe(true);
    });
});

describe("a signature", () => {
  const segment = fc.constantFrom("v1", "chat", "a b", "ü", "~x", "!'()*", ".", "..", "", "%", "m@2");
  const path = fc.array(segment, { maxLength: 5 }).map(parts => `/${parts.map(encodeURIComponent).join("/")}`);
  const word = fc.constantFrom("a", "A", "a-b", "", "x y", "ü", "1+1", "&=", "%41", "*");
  const query = fc.dictionary(
    word.filter(w => w !== ""),
    fc.oneof(word, fc.array(word, { minLength: 1, maxLength: 3 })),
    { maxKeys: 3 },
  );
  const headers = fc.dictionary(
    fc.constantFrom("content-type", "x-amz-meta", "x-loam-tags", "accept"),
    fc.constantFrom("a", " a   b ", "a\tb", "a, b"),
    {
      maxKeys: 3,
    },
  );
  const request = fc.record({ method: fc.constantFrom("GET", "POST", "DELETE"), path, query, headers, body: fc.string() });

  test("of AWS's signer is good for its request, whatever is in it, and under no other secret", async () => {
    await fc.assert(
      fc.asyncProperty(request, fc.boolean(), async (asked, saysHash) => {
        const wire = await signedByAws(asked, { ...example, saysHash });
        expect(isGood(wire, asked.body)).toBe(true);
        expect(isGood(wire, asked.body, "another")).toBe(false);
      }),
    );
  });

  test("is good for no other request: method, path, query, a signed header, the time and the body are all in it", async () => {
    await fc.assert(
      fc.asyncProperty(request, async asked => {
        const wire = await signedByAws({ ...asked, headers: { ...asked.headers, "x-loam-data-class": "public" } }, example);
        expect(isGood({ ...wire, method: "PUT" }, asked.body)).toBe(false);
        expect(isGood({ ...wire, target: wire.target.replace(/^[^?]*/, "$&/other") }, asked.body)).toBe(false);
        expect(isGood({ ...wire, target: `${wire.target}${wire.target.includes("?") ? "&" : "?"}more=1` }, asked.body)).toBe(false);
        expect(isGood(changed(wire, "x-loam-data-class", "personal"), asked.body)).toBe(false);
        expect(isGood(changed(wire, "host", "other.amazonaws.com"), asked.body)).toBe(false);
        expect(isGood(changed(wire, "x-amz-date", "20150830T123601Z"), asked.body)).toBe(false);
        expect(isGood(wire, `${asked.body}x`)).toBe(false);
      }),
    );
  });

  test("is of its region, service and day, and of a time near to now", async () => {
    const said = async (more: Partial<Signing>, nowMs = atMs, given = rules) =>
      readSignature(await signedByAws({ path: "/" }, { ...example, ...more }), given, nowMs);
    expect(await said({ region: "eu-central-1" })).toBe("a signature for another region");
    expect(await said({ service: "bedrock" })).toBe("a signature for another service");
    for (const far of [-rules.clockSkew - 1_000, rules.clockSkew + 1_000]) expect(await said({}, atMs + far)).toMatch(/too far from now/);
    for (const near of [-rules.clockSkew, rules.clockSkew]) expect(await said({}, atMs + near)).toMatchObject({ region: "us-east-1" });
    const wire = await signedByAws({ path: "/" }, example);
    expect(readSignature(changed(wire, "x-amz-date", "20150831T123600Z"), rules, atMs + 86_400_000)).toMatch(/another day/);
    expect(readSignature(changed(wire, "x-amz-date", "20159999T123600Z"), rules, atMs)).toMatch(/no time/);
  });

  test("covers the headers that change what is done: left out, or added on the way, they are not let in", async () => {
    const wire = await signedByAws({ path: "/" }, example);
    const adding = (...more: string[]) => readSignature({ ...wire, rawHeaders: [...wire.rawHeaders, ...more] }, rules, atMs);
    for (const name of ["X-Loam-Data-Class", "x-amz-content-sha256", "x-amz-target"])
      expect(adding(name, "a"), name).toBe(`the header ${name.toLowerCase()} is not signed`);
    expect(adding("accept", "*/*")).toMatchObject({ accessKeyId: "AKIDEXAMPLE" });
    expect(adding("host", "other")).toBe("not one Host header");
    expect(adding("authorization", wire.headers.authorization!)).toMatch(/not one signature/);
    expect(adding("x-amz-date", "20150830T123600Z")).toMatch(/no time/);
    const unsignedHost = changed(
      wire,
      "authorization",
      wire.headers.authorization!.replace("SignedHeaders=host;x-amz-date", "SignedHeaders=x-amz-date"),
    );
    expect(readSignature(unsignedHost, rules, atMs)).toBe("the header host is not signed");
    const token = await signedByAws({ path: "/" }, { ...example, sessionToken: "t" });
    expect(readSignature(token, rules, atMs)).toMatch(/session token/);
  });

  test("of a body that is not signed is good only where the file says so", async () => {
    const wire = await signedByAws({ path: "/", headers: { "x-amz-content-sha256": "UNSIGNED-PAYLOAD" } }, example);
    expect(readSignature(wire, rules, atMs)).toBe("a body that is not signed");
    expect(readSignature(wire, { ...rules, unsignedPayload: "allowed" }, atMs)).toMatchObject({ payload: "UNSIGNED-PAYLOAD" });
    const chunked = await signedByAws({ path: "/", headers: { "x-amz-content-sha256": "STREAMING-AWS4-HMAC-SHA256-PAYLOAD" } }, example);
    expect(readSignature(chunked, { ...rules, unsignedPayload: "allowed" }, atMs)).toMatch(/hash that is none/);
  });

  test("may take its time from the header Date", async () => {
    // the signer above writes x-amz-date: so by the definition, word for word
    const canonical = `GET\n/\n\ndate:Sun, 30 Aug 2015 12:36:00 GMT\nhost:example.amazonaws.com\n\ndate;host\n${sha256Hex("")}`;
    const hmac = (key: string | Buffer, text: string) => createHmac("sha256", key).update(text).digest();
    const scope = "20150830/us-east-1/service/aws4_request";
    const key = scope.split("/").reduce<string | Buffer>(hmac, `AWS4${example.secretAccessKey}`);
    const signature = hmac(key, `AWS4-HMAC-SHA256\n20150830T123600Z\n${scope}\n${sha256Hex(canonical)}`).toString("hex");
    const authorization = `AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/${scope}, SignedHeaders=date;host, Signature=${signature}`;
    const date = "Sun, 30 Aug 2015 12:36:00 GMT";
    const wire = {
      method: "GET",
      target: "/",
      rawHeaders: ["Host", "example.amazonaws.com", "Date", date, "Authorization", authorization],
    };
    expect(isGood(wire, "")).toBe(true);
    expect(isGood(changed(wire, "date", "Sun, 30 Aug 2015 12:36:01 GMT"), "")).toBe(false);
  });

  test("that cannot be read is refused with a reason, and never throws", () => {
    const pieces = fc.constantFrom(
      "AWS4-HMAC-SHA256 ",
      "Credential=",
      "AKIDEXAMPLE/20150830/us-east-1/service/aws4_request",
      ", ",
      "SignedHeaders=",
      "host;x-amz-date",
      "Signature=",
      "0".repeat(64),
      "=",
      "/",
      "x",
    );
    const authorization = fc.oneof(
      fc.array(pieces, { maxLength: 12 }).map(p => p.join("")),
      fc.string(),
    );
    fc.assert(
      fc.property(authorization, fc.webPath(), fc.constantFrom("20150830T123600Z", "", "x"), (text, target, date) => {
        const rawHeaders = ["host", "h", "x-amz-date", date, "authorization", text];
        const signature = readSignature({ method: "GET", target: `${target}?%`, rawHeaders }, rules, atMs);
        expect(typeof signature).toBe("string");
      }),
    );
  });

  test("is configured for regions and services that it must be for; S3's have rules of their own", () => {
    const refused = (given: object) => {
      try {
        check(sigv4Part, given, "access.sigv4");
        return "";
      } catch (error) {
        return (error as Error).message;
      }
    };
    expect(refused({ regions: [], services: ["bedrock"] })).toMatch(/regions/);
    expect(refused({ regions: ["eu-central-1"], services: ["s3"] })).toMatch(/s3/);
    expect(refused({ regions: ["eu-central-1"], services: ["bedrock"], clockSkew: "1h" })).toMatch(/15m/);
    expect(refused({ regions: ["eu-central-1"], services: ["bedrock"], unsignedPayload: "maybe" })).toMatch(/refused/);
    expect(refused({ regions: ["eu-central-1"], services: ["bedrock"] })).toBe("");
  });
});
