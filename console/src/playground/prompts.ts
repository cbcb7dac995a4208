/** Beginnings for a small model of mail: a mail is its subject, an empty line, then the body, and that is what it continues best. */

export interface Beginning {
  readonly label: string;
  readonly text: string;
}

export const beginnings: readonly Beginning[] = [
  { label: "A reply", text: "Re: " },
  { label: "Subject:", text: "Subject: " },
  { label: "A question to a list", text: "[ILUG] How do I " },
  { label: "A meeting", text: "Meeting on Thursday\n\nHi all,\n\n" },
  { label: "A quotation", text: "On Tue, Sep 10, 2002, Tom wrote:\n> " },
  { label: "An offer", text: "Dear friend,\n\nYou can " },
];
