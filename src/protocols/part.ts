/** What schemas of other modules need of protocols: their names, and what a row is. */

export const protocolNames = ["openai", "anthropic", "ollama", "tensorflow", "inference"] as const;
export type ProtocolName = (typeof protocolNames)[number];

export type Row = Readonly<Record<string, unknown>>;
/** An object of JSON, not a list. */
export const isRow = (v: unknown): v is Row => typeof v === "object" && v !== null && !Array.isArray(v);
