import { expect, test } from "vitest";
import { attributeAge, dateMs } from "./document-age.ts";

test.each([
  ["2026-03-01", Date.UTC(2026, 2, 1)],
  ["2026-03-01T10:30:00", Date.UTC(2026, 2, 1, 10, 30)],
  ["2026-03-01 10:30", Date.UTC(2026, 2, 1, 10, 30)],
  ["2026-03-01T10:30:00+02:00", Date.UTC(2026, 2, 1, 8, 30)],
  [1_700_000_000, 1_700_000_000_000],
  [1_700_000_000_000, 1_700_000_000_000],
])("%s is a date", (value, ms) => expect(dateMs(value)).toBe(ms));

test.each(["2026-02-31", "2026-13-01", "3/2/2026", "yesterday", "", "2026", Number.NaN, -5, true, ["2026-01-01"]])("%s is none", value =>
  expect(dateMs(value)).toBeUndefined(),
);

test("a date that cannot be read is reported with its value, a missing one as missing", () => {
  expect(attributeAge({ attributes: { closed: "3/2/2026" } }, "closed")).toEqual({ unreadable: 'closed: "3/2/2026"' });
  expect(attributeAge({ attributes: {} }, "closed")).toEqual({ unreadable: "no closed" });
  expect(attributeAge({ attributes: { closed: "2026-01-02" } }, "closed")).toEqual({ fromMs: Date.UTC(2026, 0, 2) });
});
