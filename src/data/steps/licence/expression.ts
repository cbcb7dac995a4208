/** SPDX licence expressions: `MIT OR (GPL-2.0-only AND CC-BY-4.0)`. Whether one can be met; not whether the names in it exist. */

export type LicenceExpression =
  | { readonly kind: "id"; readonly id: string }
  | { readonly kind: "and" | "or"; readonly parts: readonly LicenceExpression[] };

/** Terms of one expression: more are no expression a person wrote. */
const maxTerms = 64;

/** Undefined where it is no expression. Exceptions (`WITH`) belong to their licence's name. */
export function parseExpression(text: string): LicenceExpression | undefined {
  const tokens = text.match(/\(|\)|[\w.+:-]+/g) ?? [];
  if (tokens.length === 0 || tokens.length > 2 * maxTerms || tokens.join("") !== text.replace(/\s+/g, "")) return undefined;
  let at = 0;
  const is = (word: string) => tokens[at]?.toUpperCase() === word;
  const term = (): LicenceExpression | undefined => {
    if (is("(")) {
      at++;
      const inner = either();
      if (!is(")")) return undefined;
      at++;
      return inner;
    }
    const id = tokens[at++];
    if (id === undefined || /^(?:AND|OR|WITH|\)|\()$/i.test(id)) return undefined;
    if (!is("WITH")) return { kind: "id", id };
    at++;
    const exception = tokens[at++];
    return exception === undefined ? undefined : { kind: "id", id: `${id} WITH ${exception}` };
  };
  const joined = (kind: "and" | "or", word: string, part: () => LicenceExpression | undefined): LicenceExpression | undefined => {
    const parts = [part()];
    while (is(word)) {
      at++;
      parts.push(part());
    }
    if (!parts.every(p => p !== undefined)) return undefined;
    return parts.length === 1 ? parts[0] : { kind, parts: parts as LicenceExpression[] };
  };
  const both = () => joined("and", "AND", term);
  const either = () => joined("or", "OR", both);
  const result = either();
  return at === tokens.length ? result : undefined;
}

/** Whether choosing where there is a choice can meet it with licences that `isFine` takes. */
export const canMeet = (e: LicenceExpression, isFine: (id: string) => boolean): boolean =>
  e.kind === "id" ? isFine(e.id) : e.kind === "and" ? e.parts.every(p => canMeet(p, isFine)) : e.parts.some(p => canMeet(p, isFine));

export function showExpression(e: LicenceExpression, inside?: "and" | "or"): string {
  if (e.kind === "id") return e.id;
  const text = e.parts.map(p => showExpression(p, e.kind)).join(e.kind === "and" ? " AND " : " OR ");
  return inside === undefined || inside === e.kind || inside === "or" ? text : `(${text})`;
}

export const licenceIds = (e: LicenceExpression): string[] => (e.kind === "id" ? [e.id] : e.parts.flatMap(licenceIds));
