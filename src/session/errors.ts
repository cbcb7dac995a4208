/** The error codes of this module. */
import { errorTable } from "../base/index.ts";

export const sessionErrors = errorTable("session", {
  code: {
    status: 401,
    exit: "usage",
    meaning: "A login code is unknown, was already used, or has expired. `loam login` prints a new one.",
  },
  attempts: { status: 429, exit: "usage", meaning: "Too many wrong login codes came from one address; retry in a minute." },
  token: { status: 401, exit: "usage", meaning: "A new login code is issued only for the token in the server's token file." },
  forgery: {
    status: 403,
    exit: "usage",
    meaning:
      "A request with a session cookie came from another page: its `Origin` differs from the server's, or its CSRF header is missing or wrong.",
  },
});
