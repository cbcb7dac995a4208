/** Conditions on a judge's verdicts: pairs that could not be read are told, and never let a condition pass that they could turn. */
import { expect, test } from "vitest";
import { undecidedRules } from "../part.ts";
import { parseCondition } from "./condition.ts";
import { gateVerdict, tellVerdict } from "./gate.ts";
import type { ItemResult, ResultHead } from "./item.ts";

const head: ResultHead = { task: "replies", output: "generate_until" };
/** So many won, lost and unread pairs. */
const pairs = (won: number, lost: number, unread: number): ItemResult[] =>
  Array.from({ length: won + lost + unread }, (_, i) => ({
    id: `i${i}`,
    place: `r:${i}`,
    prompt: "",
    right: "",
    came: "",
    ms: 1,
    attributes: {},
    texts: ["a"],
    references: ["a"],
    ...(i < won + lost ? { judged: i < won ? 1 : 0 } : {}),
  }));
const verdict = (source: string, items: readonly ItemResult[], undecided: (typeof undecidedRules)[number] = "point") =>
  gateVerdict(parseCondition(source, { against: [], tasks: ["replies"] }), head, { items }, undefined, { undecided, draws: 200 });

test("pairs that could not be read are left out of the figure and counted, and said in the line", () => {
  const few = verdict("win_rate < 0.5", pairs(90, 8, 2));
  expect(few).toMatchObject({ figures: { win_rate: 90 / 98 }, evidence: "excluded", fails: false, unread: { items: 2, canTurn: false } });
  expect(tellVerdict(few)).toMatch(
    /excluded at 95 %\); without 2 pairs whose verdicts could not be read, which could not turn it, won or lost$/,
  );
  const none = verdict("win_rate < 0.5", pairs(90, 8, 0));
  expect(none.unread).toBeUndefined();
  expect(tellVerdict(none)).not.toContain("read");
});

test.each(undecidedRules)("where the unread could turn the outcome it fails, whatever %s says of the rest", undecided => {
  // 30 of 40 won; with the other 60 lost it would be 30 of 100
  const v = verdict("win_rate < 0.5", pairs(30, 10, 60), undecided);
  expect(v).toMatchObject({ holds: false, fails: true, unread: { items: 60, canTurn: true } });
  expect(tellVerdict(v)).toMatch(
    /60 pairs whose verdicts could not be read, and with all of them won or all of them lost the outcome is another, so it fails$/,
  );
  expect(verdict("win_rate < 0.5", pairs(30, 10, 0), undecided)).toMatchObject({ fails: false });
});

test("a failure stays one however the unread had come out, and conditions on other measures leave them alone", () => {
  expect(verdict("win_rate < 0.5", pairs(5, 95, 3))).toMatchObject({ fails: true, unread: { canTurn: false } });
  expect(verdict("win_rate < 0.5", pairs(45, 55, 30))).toMatchObject({ fails: true, unread: { canTurn: true } });
  expect(verdict("exact-match < 0.5", pairs(30, 10, 60))).toMatchObject({ fails: false, items: 100 });
  expect(verdict("exact-match < 0.5", pairs(30, 10, 60)).unread).toBeUndefined();
});
