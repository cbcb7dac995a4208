import fc from "fast-check";
import { expect, test } from "vitest";
import { conversions, findQuantities } from "./convert.ts";
import { roundedDecimal, shifted, significant, writtenDecimal } from "./decimal.ts";
import { measurementUnits } from "./table.ts";

const waysOf = (text: string, mark: "." | "," = ".") => findQuantities(text, mark).flatMap(q => conversions(q, mark));

test("metric units are shifted exactly, others are rounded to what leads back", () => {
  const rows: [string, string[]][] = [
    ["5 km", ["5,000 m", "3.1 mi"]],
    ["0.25 kg", ["250 g", "0.55 lb"]],
    ["12.5cm", ["125mm", "0.125m", "4.92 inch"]],
    ["70 °F", ["21 °C"]],
    ["-40 °C", ["-40 °F"]],
    ["37.0 °C", ["98.6 °F"]],
    ["0 °C", ["32 °F"]],
    ["150 lb", ["68 kg"]],
    ["26.2 miles", ["42.2 kilometres"]],
    ["1 mile", ["1.6 kilometres"]],
    ["100 km/h", ["62 mph"]],
    ["1,609 m", ["1.609 km", "160,900 cm", "5,279 ft"]],
    ["57,000 feet", ["17,400 metres"]],
    ["100 miles", ["160 kilometres"]],
    ["2.50 m", ["250 cm", "8.2 ft"]],
  ];
  for (const [text, expected] of rows) expect(waysOf(text), text).toEqual(expected);
  expect(waysOf("1.500,5 m", ",")).toEqual(["1,5005 km", "150.050 cm", "4.922,9 ft"]);
});

test("what is no quantity, or only one end of a range, is left alone", () => {
  for (const text of [
    "3-5 km",
    "40 000 metres",
    "10mm~20mm",
    "Model 12L, 16R",
    "8mm film",
    "5m users",
    "3 to 5 km",
    "2 x 4 m",
    "$5 m",
    "5 million",
    "€3 m raised",
    "v1.5 m",
    "5 m²",
    "5 m/s",
    "5 km2",
    "a5 km",

    "5 in the morning",
    "10.5.3 kg",
    "3 gs",
    "5 Km",
    "100 % m",
    "6'2 ft",
    "3, 4 and 5 km",
  ])
    expect(waysOf(text), text).toEqual([]);
});

test("converting there and back gives the value that was written, for every unit and number", () => {
  const decimal = fc
    .tuple(fc.integer({ min: 0, max: 99_999 }), fc.integer({ min: 0, max: 3 }))
    .map(([n, places]) => (places === 0 ? String(n) : shifted(String(n), -places).replace(/^(\d+)$/, "$1.0")));
  fc.assert(
    fc.property(decimal, fc.constantFrom(...measurementUnits), (number, unit) => {
      const [q] = findQuantities(`${writtenDecimal(number, ".")} ${unit.symbols[0]}`, ".");
      for (const way of conversions(q!, ".")) {
        const [there] = findQuantities(way, ".");
        expect(there, way).toBeDefined();
        const decimals = number.split(".")[1]?.length ?? 0;
        const step = decimals > 0 || Number(number) === 0 ? 10 ** -decimals : 10 ** /0*$/.exec(number)![0].length;
        const value = (there!.isNegative ? -1 : 1) * Number(there!.digits);
        const to = there!.unit.symbols[0]!;
        const places = unit.metric.find(([s]) => s === to)?.[1];
        const { factor, offset = 0 } = places === undefined ? unit.other! : { factor: 10 ** places, offset: 0 };
        expect(Math.abs((value - offset) / factor - Number(number)), `${number} -> ${way}`).toBeLessThanOrEqual(step / 2 + 1e-9);
      }
    }),
    { numRuns: 500 },
  );
});

test("the factors of the two directions are each other's inverse", () => {
  for (const u of measurementUnits.filter(x => x.other)) {
    const back = measurementUnits.find(x => x.symbols[0] === u.other!.symbol)!.other!;
    if (back.symbol !== u.symbols[0]) continue;
    expect(u.other!.factor * back.factor).toBeCloseTo(1, 12);
    expect((u.other!.offset ?? 0) * back.factor + (back.offset ?? 0)).toBeCloseTo(0, 9);
  }
});

test("decimals: shifting is exact and turns back, digits count as they are written", () => {
  fc.assert(
    fc.property(fc.bigInt({ min: 0n, max: 10n ** 18n }), fc.integer({ min: -12, max: 12 }), (n, places) => {
      expect(shifted(shifted(String(n), places), -places)).toBe(String(n));
    }),
  );
  expect([shifted("5", 3), shifted("5", -3), shifted("1.25", 1), shifted("0.05", 2)]).toEqual(["5000", "0.005", "12.5", "5"]);
  expect(["100", "1.50", "0.05", "7"].map(significant)).toEqual([1, 3, 1, 1]);
  expect([roundedDecimal(2.71, 2), roundedDecimal(123456, 2), roundedDecimal(0.000123456, 2), roundedDecimal(-5, 1)]).toEqual([
    "2.7",
    "120000",
    "0.00012",
    "5",
  ]);
  expect([writtenDecimal("1234567.5", "."), writtenDecimal("1234567.5", ","), writtenDecimal("999", ".")]).toEqual([
    "1,234,567.5",
    "1.234.567,5",
    "999",
  ]);
});
