import fc from "fast-check";
import { expect, test } from "vitest";
import { plain, plainTextOf } from "./plain.ts";

const all = plain.options.parse({});
const document = (text: string) => ({ id: "a", text, source: "s", attributes: {} });

test("case and marks go, marks within words and numbers stay", () => {
  const said = plainTextOf(`"Don't go," said Mr. O'Neill -- the well-known (3.5 %) U.S. voter.`, all);
  expect(said).toBe("don't go said mr o'neill the well-known 3.5 u.s voter");
});

test("each option takes away its own", () => {
  const text = "Où est l'Élève?";
  expect(plainTextOf(text, plain.options.parse({ case: "keep" }))).toBe("Où est l'Élève");
  expect(plainTextOf(text, plain.options.parse({ marks: "keep" }))).toBe("où est l'élève?");
  expect(plainTextOf(text, plain.options.parse({ case: "keep", marks: "keep", accents: "drop" }))).toBe("Ou est l'Eleve?");
});

test("plain text of plain text is the same, and no capital or outer mark is left", () => {
  fc.assert(
    fc.property(fc.array(fc.constantFrom("Ab", "c", "'", "-", ".", " ", "É", "𝐀", "7", '"', ",")), parts => {
      const once = plainTextOf(parts.join(""), all);
      expect(plainTextOf(once, all)).toBe(once);
      expect(once).toBe(once.toLowerCase());
      for (const word of once.split(" ")) expect(word).not.toMatch(/^\p{P}|\p{P}$|\p{P}\p{P}/u);
    }),
  );
});

test("the document's text stays, the plain one is an attribute", () => {
  expect(plain.apply(document("Yes, Sir."), plain.options.parse({ to: "asked" }))).toEqual({ attributes: { asked: "yes sir" } });
});

test("options that take nothing away, and names that documents have, are refused", () => {
  expect(() => plain.options.parse({ case: "keep", marks: "keep" })).toThrow("something to take away");
  expect(() => plain.options.parse({ to: "text" })).toThrow("another name");
});
