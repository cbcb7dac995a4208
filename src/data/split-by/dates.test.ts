import fc from "fast-check";
import { expect, test } from "vitest";
import { parseDate, showDate } from "./dates.ts";

const iso = (text: string) => {
  const ms = parseDate(text);
  return ms === undefined ? undefined : new Date(ms).toISOString();
};

test("ISO dates: years, months, days, times, offsets; without an offset UTC", () => {
  const rows: [string, string][] = [
    ["2002", "2002-01-01T00:00:00.000Z"],
    ["2002-08", "2002-08-01T00:00:00.000Z"],
    ["2002-08-23", "2002-08-23T00:00:00.000Z"],
    ["2002-08-23T10:20Z", "2002-08-23T10:20:00.000Z"],
    ["2002-08-23 10:20:30.25+02:00", "2002-08-23T08:20:30.250Z"],
    ["2002-08-23T10:20:30,5-0330", "2002-08-23T13:50:30.500Z"],
    ["2016-12-31T23:59:60Z", "2017-01-01T00:00:00.000Z"],
    ["0099-01-01", "0099-01-01T00:00:00.000Z"],
  ];
  for (const [text, expected] of rows) expect(iso(text), text).toBe(expected);
});

test("dates of mails: offsets, zone names, comments, two-digit years, no weekday", () => {
  const rows: [string, string][] = [
    ["Thu, 22 Aug 2002 18:26:25 +0700", "2002-08-22T11:26:25.000Z"],
    ["22 Aug 02 12:46 EDT", "2002-08-22T16:46:00.000Z"],
    ["Fri, 1 Jan 1999 00:00:00 -0800 (PST)", "1999-01-01T08:00:00.000Z"],
    ["Tue, 06 Aug 99 11:00:00 GMT", "1999-08-06T11:00:00.000Z"],
    ["Sun, 9 September 2001 01:46:40 Z", "2001-09-09T01:46:40.000Z"],
    ["06-Aug-2002", "2002-08-06T00:00:00.000Z"],
  ];
  for (const [text, expected] of rows) expect(iso(text), text).toBe(expected);
});

test("what is no date is none", () => {
  for (const text of [
    "",
    "yesterday",
    "2002-13-01",
    "2002-02-30",
    "2002-08-23T25:00Z",
    "31 Jun 2002",
    "1/2/2003",
    "20020823",
    "12 Foo 2002",
    "2002-08-23T10:20+99:00",
    "x".repeat(5000),
  ])
    expect(iso(text), text).toBeUndefined();
  for (const value of [null, true, 1030097760, Number.NaN, {}, ["2002"]]) expect(parseDate(value)).toBeUndefined();
});

test("every moment that JavaScript writes in either form is read back", () => {
  fc.assert(
    fc.property(fc.date({ min: new Date("0100-01-01"), max: new Date("9999-12-31"), noInvalidDate: true }), date => {
      expect(parseDate(date.toISOString())).toBe(date.getTime());
      const seconds = Math.floor(date.getTime() / 1000) * 1000;
      if (date.getUTCFullYear() >= 1000) expect(parseDate(date.toUTCString())).toBe(seconds);
      expect(parseDate(showDate(seconds))).toBe(seconds);
    }),
  );
});
