import fc from "fast-check";
import { expect, test } from "vitest";
import type { UsageRow } from "../generated/gateway.ts";
import { daysOf, type Grouping, groupings, lastDays, type Measure, measures, mostGroups } from "./days.ts";

const days = lastDays(4, Date.parse("2026-03-01T12:00:00Z"));
const row = fc.record({
  day: fc.constantFrom(...days, "2020-01-01"),
  keyId: fc.constantFrom("a", "b", "c", "d", "e", "f", "g", "h"),
  subject: fc.constantFrom("ann", "bob"),
  team: fc.constantFrom("", "research"),
  model: fc.constantFrom("", "mail"),
  requests: fc.nat(50),
  errors: fc.nat(5),
  organisation: fc.constant(""),
  cachedTokens: fc.constant(0),
  inputTokens: fc.nat(1000),
  outputTokens: fc.nat(1000),
  costNano: fc.nat(1e9),
});
const ask = { rows: fc.array(row, { maxLength: 40 }), measure: fc.constantFrom(...measures), grouping: fc.constantFrom(...groupings) };
const value = (r: UsageRow, m: Measure) =>
  m === "requests" ? r.requests : m === "tokens" ? r.inputTokens + r.outputTokens : r.costNano / 1e9;

test("the days are those before now, the last one today, over the end of a month", () => {
  expect(days).toEqual(["2026-02-26", "2026-02-27", "2026-02-28", "2026-03-01"]);
});

test("however it is grouped, each day's bars add up to what was used on it, and nothing is lost among the others", () => {
  fc.assert(
    fc.property(fc.record(ask), ({ rows, measure, grouping }: { rows: UsageRow[]; measure: Measure; grouping: Grouping }) => {
      const found = daysOf(rows, days, measure, grouping);
      days.forEach((day, i) => {
        const bars = found.groups.reduce((n, g) => n + g.values[i]!, 0);
        const used = rows.filter(r => r.day === day).reduce((n, r) => n + value(r, measure), 0);
        expect(bars).toBeCloseTo(used, 6);
        expect(found.most).toBeGreaterThanOrEqual(bars - 1e-9);
      });
      expect(found.groups.reduce((n, g) => n + g.requests, 0)).toBe(
        rows.filter(r => days.includes(r.day)).reduce((n, r) => n + r.requests, 0),
      );
      expect(found.groups.length).toBeLessThanOrEqual(mostGroups + 1);
    }),
  );
});

test("the largest group comes first", () => {
  fc.assert(
    fc.property(fc.record(ask), ({ rows, measure, grouping }: { rows: UsageRow[]; measure: Measure; grouping: Grouping }) => {
      const named = daysOf(rows, days, measure, grouping).groups.filter(g => g.name !== "others");
      expect(named.map(g => g.total)).toEqual(named.map(g => g.total).toSorted((a, b) => b - a));
    }),
  );
});
