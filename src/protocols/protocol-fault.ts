/**
 * What is wrong with a request or an answer that is put into another protocol, as data. It has no code: whoever asked for the translation (gateway,
 * server) says it in an error of its own.
 */

type ProtocolFaultKind =
  /** The request is wrong in its own protocol. */
  | "parameter"
  /** It is right, and the other protocol has no word for it. */
  | "untranslated"
  /** An answer is not what its protocol says. */
  | "malformed";

export class ProtocolFault extends Error {
  readonly kind: ProtocolFaultKind;
  /** The parameter; empty for answers. */
  readonly place: string;
  /** Of `parameter`: what was expected. Of the others: what it is. */
  readonly what: string;
  /** Of `parameter`, as JSON. */
  readonly received: string | undefined;
  readonly hint: string | undefined;

  private constructor(
    kind: ProtocolFaultKind,
    place: string,
    what: string,
    more: { readonly received?: string; readonly hint?: string } = {},
  ) {
    super(place === "" ? what : `${place}: ${what}`);
    this.name = "ProtocolFault";
    this.kind = kind;
    this.place = place;
    this.what = what;
    this.received = more.received;
    this.hint = more.hint;
  }

  static parameter(place: string, expected: string, value: unknown): ProtocolFault {
    return new ProtocolFault("parameter", place, expected, { received: (JSON.stringify(value) ?? "nothing").slice(0, 60) });
  }

  /** What was received is said as it is, where it is no JSON value: bytes, counts. */
  static stated(place: string, expected: string, received: string): ProtocolFault {
    return new ProtocolFault("parameter", place, expected, { received });
  }

  static untranslated(place: string, what: string, hint = "Leave it out."): ProtocolFault {
    return new ProtocolFault("untranslated", place, what, { hint });
  }

  static malformed(what: string): ProtocolFault {
    return new ProtocolFault("malformed", "", what);
  }
}
