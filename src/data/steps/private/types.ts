/**
 * The types of private data and what a finding is. The order of the table is the priority among findings of equal length. A policy says
 * what becomes of a type; the defaults mask everything but addresses of networks that nobody outside can reach.
 */

/** What becomes of a finding: stays, `[EMAIL]`, another value of the same form, or the whole document goes. */
export const policies = ["keep", "mask", "surrogate", "drop"] as const;
export type RedactionPolicy = (typeof policies)[number];

export const privateTypes = {
  privateKey: "mask",
  secret: "mask",
  urlCredentials: "mask",
  email: "mask",
  iban: "mask",
  card: "mask",
  nationalId: "mask",
  phone: "mask",
  /** Addresses that are routed on the internet. */
  ip: "mask",
  /** Private, loopback, link-local, documentation and other special ranges. */
  ipReserved: "keep",
  /** Only through a recogniser. */
  name: "mask",
  /** Only through a recogniser. */
  place: "mask",
} as const satisfies Record<string, RedactionPolicy>;
export type PrivateType = keyof typeof privateTypes;
export const privateTypeNames = Object.keys(privateTypes) as PrivateType[];

/** One finding, in UTF-16 code units of the text; never the value itself. */
export interface PrivateSpan {
  readonly type: PrivateType;
  readonly start: number;
  readonly end: number;
  /** From 0 to 1: how much of form, check digits and surroundings speaks for it. */
  readonly score: number;
  /** Which of its type: `us-ssn`, `v6`, the region of a phone number. */
  readonly kind?: string;
}

/** `nationalId` -> `national-id`: how rules and masks write a type. */
export const kebab = (type: PrivateType): string => type.replace(/[A-Z]/g, c => `-${c.toLowerCase()}`);
export const privateMask = (type: PrivateType): string => `[${kebab(type).toUpperCase()}]`;
