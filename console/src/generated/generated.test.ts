import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { contracts } from "../../../scripts/parts/console-contract.js";
import { adminDocument } from "../../../src/gateway/admin/openapi.ts";
import { consoleDocument } from "../../../src/serve/http/console-operations.ts";

/** As it reads without its layout. */
const bare = (source: string): string => source.replace(/\s+/g, "").replace(/,(?=[)\]}])/g, "");
const root = join(import.meta.dirname, "../../..");

test("the console's contract is what the server's OpenAPI documents say: run `npm run docs` after a change of an answer's schema", () => {
  const written = Object.entries(contracts({ server: consoleDocument("0"), gateway: adminDocument() }));
  expect(written.length).toBeGreaterThanOrEqual(5);
  for (const [file, source] of written) expect(bare(readFileSync(join(root, file), "utf8")), file).toBe(bare(source));
});

test("a contract names what the document has, and a call of something else is an error", () => {
  const [source] = Object.values(contracts({ server: consoleDocument("0"), gateway: adminDocument() }));
  expect(source).toContain('"GET /api/overview": overview');
  expect(source).not.toContain("VersionInfo");
  expect(() => contracts({ server: adminDocument(), gateway: adminDocument() })).toThrow("has no GET /api/session");
});
