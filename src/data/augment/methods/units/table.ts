/**
 * Units that are converted, each a row. Words of two meanings are left out (a pound of money, `in` as a word, `m` for millions behind a currency
 * is refused by the pattern). Factors are exact by definition (international yard and pound 1959, NIST SP 811).
 */

export interface MeasurementUnit {
  /** As written, case counts; the first one is written. */
  readonly symbols: readonly string[];
  /** Singular and plural; the first pair is written. */
  readonly names: readonly (readonly [string, string])[];
  /** Power of ten to another metric unit: `[symbol, places]`. */
  readonly metric: readonly (readonly [string, number])[];
  /** To the other system: value x factor + offset. */
  readonly other?: { readonly symbol: string; readonly factor: number; readonly offset?: number };
}

const inverse = (symbol: string, factor: number) => ({ symbol, factor: 1 / factor });

export const measurementUnits: readonly MeasurementUnit[] = [
  {
    symbols: ["km"],
    names: [
      ["kilometre", "kilometres"],
      ["kilometer", "kilometers"],
    ],
    metric: [["m", 3]],
    other: inverse("mi", 1.609344),
  },
  {
    symbols: ["m"],
    names: [
      ["metre", "metres"],
      ["meter", "meters"],
    ],
    metric: [
      ["km", -3],
      ["cm", 2],
    ],
    other: inverse("ft", 0.3048),
  },
  {
    symbols: ["cm"],
    names: [
      ["centimetre", "centimetres"],
      ["centimeter", "centimeters"],
    ],
    metric: [
      ["mm", 1],
      ["m", -2],
    ],
    other: inverse("inch", 2.54),
  },
  {
    symbols: ["mm"],
    names: [
      ["millimetre", "millimetres"],
      ["millimeter", "millimeters"],
    ],
    metric: [["cm", -1]],
  },
  { symbols: ["mi"], names: [["mile", "miles"]], metric: [], other: { symbol: "km", factor: 1.609344 } },
  { symbols: ["yd"], names: [["yard", "yards"]], metric: [], other: { symbol: "m", factor: 0.9144 } },
  { symbols: ["ft"], names: [["foot", "feet"]], metric: [], other: { symbol: "m", factor: 0.3048 } },
  { symbols: ["inch"], names: [["inch", "inches"]], metric: [], other: { symbol: "cm", factor: 2.54 } },
  { symbols: ["kg"], names: [["kilogram", "kilograms"]], metric: [["g", 3]], other: inverse("lb", 0.45359237) },
  { symbols: ["g"], names: [["gram", "grams"]], metric: [["kg", -3]], other: inverse("oz", 28.349523125) },
  { symbols: ["lb", "lbs"], names: [], metric: [], other: { symbol: "kg", factor: 0.45359237 } },
  { symbols: ["oz"], names: [["ounce", "ounces"]], metric: [], other: { symbol: "g", factor: 28.349523125 } },
  {
    symbols: ["l", "L"],
    names: [
      ["litre", "litres"],
      ["liter", "liters"],
    ],
    metric: [["ml", 3]],
    other: inverse("gal", 3.785411784),
  },
  {
    symbols: ["ml", "mL"],
    names: [
      ["millilitre", "millilitres"],
      ["milliliter", "milliliters"],
    ],
    metric: [["l", -3]],
  },
  { symbols: ["gal"], names: [["gallon", "gallons"]], metric: [], other: { symbol: "l", factor: 3.785411784 } },
  { symbols: ["km/h"], names: [], metric: [], other: inverse("mph", 1.609344) },
  { symbols: ["mph"], names: [], metric: [], other: { symbol: "km/h", factor: 1.609344 } },
  { symbols: ["°C"], names: [["degree Celsius", "degrees Celsius"]], metric: [], other: { symbol: "°F", factor: 1.8, offset: 32 } },
  {
    symbols: ["°F"],
    names: [["degree Fahrenheit", "degrees Fahrenheit"]],
    metric: [],
    other: { symbol: "°C", factor: 5 / 9, offset: -160 / 9 },
  },
];

const bySymbol = new Map(measurementUnits.map(u => [u.symbols[0]!, u]));
/** The unit that is written with this symbol. */
export const measurementUnitOf = (symbol: string): MeasurementUnit => bySymbol.get(symbol)!;
