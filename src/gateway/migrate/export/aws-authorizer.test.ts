/** The authoriser's function as it stands in the template, run by itself. */
import { createContext, runInContext } from "node:vm";
import fc from "fast-check";
import { expect, test } from "vitest";
import { authorizerCode } from "./aws-authorizer.ts";

interface Answer {
  readonly usageIdentifierKey: string;
  readonly policyDocument: { readonly Statement: readonly { readonly Effect: string; readonly Resource: string }[] };
}

const handler = ((): ((event: object) => Promise<Answer>) => {
  const exports: { handler?: (event: object) => Promise<Answer> } = {};
  runInContext(authorizerCode, createContext({ exports }));
  return exports.handler!;
})();

const methodArn = "arn:aws:execute-api:eu-central-1:123456789012:abc123/live/POST/v1/chat/completions";
const asked = (headers: Record<string, string>) => handler({ methodArn, headers });
const key = fc.string({ unit: fc.constantFrom(..."abcXYZ019_-"), minLength: 20, maxLength: 128 });

test("it names the key that came, in either header and however that is written, for the API that was called", async () => {
  await fc.assert(
    fc.asyncProperty(key, fc.constantFrom("Authorization", "authorization", "x-api-key", "X-Api-Key"), async (own, header) => {
      const answer = await asked({ host: "x", [header]: /api/i.test(header) ? own : `Bearer ${own}` });
      expect(answer.usageIdentifierKey).toBe(own);
      expect(answer.policyDocument.Statement).toEqual([
        { Action: "execute-api:Invoke", Effect: "Allow", Resource: "arn:aws:execute-api:eu-central-1:123456789012:abc123/live/*" },
      ]);
    }),
  );
  expect((await asked({ authorization: `bearer ${"k".repeat(30)}`, "x-api-key": "k".repeat(30) })).usageIdentifierKey).toBe("k".repeat(30));
});

test("no key, one that can be none, two that differ, or another scheme: unauthorized", async () => {
  const good = "k".repeat(30);
  for (const headers of [
    {},
    { authorization: good },
    { authorization: `Basic ${good}` },
    { authorization: "Bearer short" },
    { authorization: `Bearer ${"k".repeat(129)}` },
    { authorization: `Bearer ${good} ${good}` },
    { authorization: `Bearer ${good}/*` },
    { authorization: `Bearer ${good}`, "x-api-key": "x".repeat(30) },
  ])
    await expect(asked(headers as Record<string, string>), JSON.stringify(headers)).rejects.toThrow("Unauthorized");
  await expect(handler({ methodArn, headers: null })).rejects.toThrow("Unauthorized");
});
