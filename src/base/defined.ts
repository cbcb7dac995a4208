/** Objects without the keys whose value is undefined, for `exactOptionalPropertyTypes`: a key that is absent is not one that is undefined. */

/** The same keys, each absent where its value would be undefined. */
export type Defined<T> = { [K in keyof T]?: Exclude<T[K], undefined> };

/** The keys whose value is not undefined, in their order: `{ ...defined({ place, hint }) }`. */
export function defined<T extends object>(properties: T): Defined<T> {
  // Object.fromEntries knows no keys
  return Object.fromEntries(Object.entries(properties).filter(([, value]) => value !== undefined)) as Defined<T>;
}
