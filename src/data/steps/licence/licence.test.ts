import { existsSync, readFileSync } from "node:fs";
import fc from "fast-check";
import { expect, test } from "vitest";
import type { DocumentAttributes } from "../../document.ts";
import { canMeet, type LicenceExpression, licenceIds, parseExpression, showExpression } from "./expression.ts";
import { licence } from "./licence.ts";
import { licenceOfAddress, licenceOfValue } from "./names.ts";

const run = (text: string, o: object = {}, attributes: DocumentAttributes = {}) =>
  licence.apply({ id: "a", text, source: "s", attributes }, licence.options.parse(o));
const found = (text: string, attributes: DocumentAttributes = {}) => run(text, {}, attributes).attributes!;

const id = fc.constantFrom<string[]>("MIT", "GPL-2.0-only WITH Classpath-exception-2.0", "CC-BY-4.0", "LicenseRef-x");
const expression: fc.Arbitrary<LicenceExpression> = fc.letrec<{ e: LicenceExpression }>(tie => ({
  e: fc.oneof(
    { maxDepth: 3 },
    id.map((i): LicenceExpression => ({ kind: "id", id: i })),
    fc
      .tuple(fc.constantFrom("and" as const, "or" as const), fc.array(tie("e"), { minLength: 2, maxLength: 3 }))
      .map(([kind, parts]): LicenceExpression => ({ kind, parts })),
  ),
})).e;

/** UTF-16 as it may come, halves of characters too. */
const anyText = fc.array(fc.integer({ min: 0, max: 0xffff }), { maxLength: 200 }).map(codes => String.fromCharCode(...codes));

test("an expression that is shown and read again can be met by the same licences", () => {
  fc.assert(
    fc.property(expression, fc.array(id), (e, fine) => {
      const again = parseExpression(showExpression(e))!;
      expect(licenceIds(again)).toEqual(licenceIds(e));
      expect(canMeet(again, i => fine.includes(i))).toBe(canMeet(e, i => fine.includes(i)));
    }),
  );
  for (const bad of ["", "MIT OR", "OR MIT", "(MIT", "MIT)", "MIT GPL", "MIT WITH", "MIT, GPL", `${"(".repeat(500)}MIT`])
    expect(parseExpression(bad)).toBeUndefined();
});

test("a choice is fine when one is allowed, a list only when all are", () => {
  const keeps = (expr: string, o: object) => run("", o, { license: expr }).verdicts!.every(v => v.keep);
  expect(keeps("MIT OR GPL-3.0-only", { allow: ["MIT"] })).toBe(true);
  expect(keeps("MIT AND GPL-3.0-only", { allow: ["MIT"] })).toBe(false);
  expect(keeps("MIT OR GPL-3.0-only", { deny: ["GPL-*"] })).toBe(true);
  expect(keeps("MIT AND GPL-3.0-only", { deny: ["GPL-*"] })).toBe(false);
  expect(keeps("CC-BY-SA-4.0", { allow: ["CC-BY-*"], deny: ["CC-BY-NC*"] })).toBe(true);
  expect(keeps("CC-BY-NC-4.0", { allow: ["CC-BY-*"], deny: ["CC-BY-NC*"] })).toBe(false);
  expect(run("words", { allow: ["MIT"] }).verdicts).toEqual([{ rule: "not-allowed", keep: false, value: "unknown", threshold: "MIT" }]);
  expect(run("words", { allow: ["MIT", "unknown"] }).verdicts![0]!.keep).toBe(true);
  expect(run("(c) 2020 X. All rights reserved.", { deny: ["all-rights-reserved"] }).verdicts![0]!.keep).toBe(false);
});

test("the strongest evidence counts", () => {
  const text = "// SPDX-License-Identifier: MIT OR Apache-2.0\n// see https://creativecommons.org/licenses/by/4.0/\n";
  expect(found(text)).toEqual({ licence: "MIT OR Apache-2.0", licenceFrom: "identifier" });
  expect(found(text, { license: "CC0" })).toEqual({ licence: "CC0-1.0", licenceFrom: "metadata" });
  expect(found(text, { other: "CC0" })).toEqual({ licence: "MIT OR Apache-2.0", licenceFrom: "identifier" });
  expect(found("/* SPDX-License-Identifier: GPL-2.0+ */ int x;\n# SPDX-License-Identifier: MIT")).toMatchObject({
    licence: "GPL-2.0-or-later AND MIT",
  });
  expect(found("No licence is named here.")).toEqual({ licence: "unknown" });
});

test("metadata is understood as people write it", () => {
  for (const [value, expected] of [
    ["MIT License", "MIT"],
    ["The MIT License", "MIT"],
    ["Apache License, Version 2.0", "Apache-2.0"],
    ["apache 2.0", "Apache-2.0"],
    ["GPLv3", "GPL-3.0-only"],
    ["GPL-2.0+", "GPL-2.0-or-later"],
    ["LGPL-2.1", "LGPL-2.1-only"],
    ["CC BY-SA 4.0", "CC-BY-SA-4.0"],
    ["https://creativecommons.org/licenses/by-nc-nd/3.0/de/", "CC-BY-NC-ND-3.0"],
    ["http://creativecommons.org/publicdomain/zero/1.0/", "CC0-1.0"],
    ["(MIT OR CC0-1.0)", "MIT OR CC0-1.0"],
    ["MIT/Apache-2.0", "MIT OR Apache-2.0"],
    ["Copyright 2020 somebody, see below", undefined],
    ["", undefined],
  ] as const)
    expect([value, licenceOfValue(value)]).toEqual([value, expected]);
});

test("Creative Commons are told apart by their address", () => {
  fc.assert(
    fc.property(
      fc.constantFrom("by", "by-sa", "by-nc", "by-nd", "by-nc-sa", "by-nc-nd"),
      fc.constantFrom("2.0", "3.0", "4.0"),
      fc.boolean(),
      (kind, version, s) => {
        const address = `${s ? "https" : "http"}://creativecommons.org/licenses/${kind}/${version}/`;
        const expected = `CC-${kind.toUpperCase()}-${version}`;
        expect(licenceOfAddress(address)).toBe(expected);
        expect(found(`Text is available under <a rel="license" href="${address}deed.en">this license</a>.`)).toEqual({
          licence: expected,
          licenceFrom: "address",
        });
        expect(found(`Pictures: CC ${kind.toUpperCase()} ${version}`).licence).toBe(expected);
      },
    ),
  );
});

test("a page that says what it is under is believed, one that only names a licence is not", () => {
  expect(found("This project is released under the MIT license.")).toEqual({ licence: "MIT", licenceFrom: "mention" });
  expect(
    found("Content is available under the terms of the Creative Commons Attribution-ShareAlike License; more may apply."),
  ).toMatchObject({
    licence: "CC-BY-SA-4.0",
  });
  expect(found("Many people like the MIT license better than the GPL.")).toEqual({ licence: "unknown" });
  expect(found("I study at MIT.")).toEqual({ licence: "unknown" });
});

const files: readonly (readonly [string, string])[] = [
  ["node_modules/zod/LICENSE", "MIT"],
  ["node_modules/typescript/LICENSE.txt", "Apache-2.0"],
  ["node_modules/eld/LICENSE", "Apache-2.0"],
  ["node_modules/yaml/LICENSE", "ISC"],
  ["node_modules/lightningcss/LICENSE", "MPL-2.0"],
];
const present = files.filter(([f]) => existsSync(new URL(`../../../../${f}`, import.meta.url)));
test.skipIf(present.length === 0)(
  `licence files of ${present.length} installed packages are what their packages say${present.length === 0 ? " (none is installed)" : ""}`,
  () => {
    for (const [file, expected] of present) {
      const text = readFileSync(new URL(`../../../../${file}`, import.meta.url), "utf8");
      expect([file, found(text)]).toEqual([file, { licence: expected, licenceFrom: "text" }]);
      // As a comment above a program, too.
      expect(found(`/*\n${text.replace(/^/gm, " * ")}\n */\nexport const x = 1;`).licence).toBe(expected);
    }
  },
);

test("any text and any attribute gets an answer", () => {
  fc.assert(
    fc.property(anyText, fc.string(), (text, value) => {
      const a = found(`license ${text} SPDX-License-Identifier: ${text}`, { license: value });
      expect(typeof a.licence).toBe("string");
    }),
  );
});

test("hostile texts take no time", () => {
  for (const unit of ["license under the ", "SPDX-License-Identifier: (", "creativecommons.org/", "is under a a a a a a ", "CC BY "])
    expect(found(unit.repeat(200_000 / unit.length)).licence).toBeDefined();
});
