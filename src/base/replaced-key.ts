/** Keys of configuration that another key has taken the place of: what an error says of the old one. It is noted of the new key's schema. */
const replaced = new WeakMap<object, { readonly key: string; readonly hint: string }>();

/** The schema itself, noted as that of the key that replaces `key`; `hint` says what to write. */
export function replacingKey<S extends object>(schema: S, key: string, hint: string): S {
  replaced.set(schema, { key, hint });
  return schema;
}

/** What to write in place of `key`, where this schema's key replaces it. */
export function replacementOf(schema: object, key: string): string | undefined {
  const found = replaced.get(schema);
  return found?.key === key ? found.hint : undefined;
}
