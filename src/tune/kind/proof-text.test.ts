import { expect, test } from "vitest";
import { textProofText } from "./proof-text.ts";

const merged = { proofTexts: 1200, mergedDelta: 9.5e-7, mergedOthers: 0 };
const quantised = { quantisedForm: "int8", quantisedDelta: 0.0537, quantisedOthers: 3 };

test("a proof's line tells of both forms, of one, or that there is no other", () => {
  const first = "; merging moves logits by at most 9.5e-7 and changes 0 labels of 1,200 texts";
  expect(textProofText({ ...merged, ...quantised }, "classes")).toBe(`${first}, int8 by 0.05 and 3`);
  expect(textProofText(merged, "classes")).toBe(`${first}; served in float32 alone`);
  expect(textProofText({ proofTexts: 9, ...quantised }, "vector")).toBe(
    "; int8 turns vectors (1 - cosine) by at most 0.05 and changes 3 nearest neighbours of 9 texts",
  );
  const numbers = { proofTexts: 9, mergedDelta: 0, quantisedForm: "int8", quantisedDelta: 2 };
  expect(textProofText(numbers, "number")).toBe("; merging moves numbers by at most 0 of 9 texts, int8 by 2.00");
});

test("nothing is said where nothing was merged and there is no other form, or no proof", () => {
  expect(textProofText({ proofTexts: 9 }, "classes")).toBe("");
  expect(textProofText({ validationF1: 0.9 }, "classes")).toBe("");
});
