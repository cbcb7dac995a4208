/**
 * Requests that the server behind the gateway asks later, for somebody who is no longer there: the lines of a batch. The server keeps a note of who it was and
 * brings it with each; here it becomes whoever that is by then, so a key that was revoked meanwhile opens nothing, and the request passes the door as any
 * other. A note names nobody's secret. Who came with a token is believed for a day, since nobody can be asked about it.
 */
import { randomBytes } from "node:crypto";
import { z } from "zod";
import { isLoamError } from "../../base/index.ts";
import type { Control } from "../contract.ts";
import type { Authentication, Identity } from "../identity/contract.ts";
import { invalid, missing, unavailable } from "../identity/credentials.ts";
import { accountOf } from "../identity/principals.ts";

/** As long as a batch may take by OpenAI's contract. */
const tokenMs = 24 * 3_600_000;

const texts = z.array(z.string());
const whoSchema = z.union([
  z.strictObject({ key: z.string() }),
  z.strictObject({ certificate: z.string() }),
  z.strictObject({
    untilMs: z.number(),
    identity: z.strictObject({
      kind: z.literal("jwt"),
      keyId: z.string(),
      subject: z.string(),
      subjectKind: z.enum(["user", "serviceAccount"]),
      teams: texts,
      organisation: z.string().nullable(),
      roles: texts,
      scopes: texts,
    }),
  }),
]);
const noteSchema = z.strictObject({
  who: whoSchema,
  /** Of the data in the requests, as the header said when they were brought. */
  dataClass: z.string().nullable(),
});
type Who = z.output<typeof whoSchema>;

function noteOf(text: string): z.output<typeof noteSchema> | undefined {
  try {
    return noteSchema.safeParse(JSON.parse(Buffer.from(text, "base64url").toString())).data;
  } catch {
    return undefined;
  }
}

export class Callers {
  /** The gateway's, which knows whoever a request is asked for. */
  readonly control: Control;
  readonly #control: Control;
  readonly #now: () => number;
  /** Accounts of this process, which no key of the state opens. */
  readonly #own: readonly Identity[];
  /** Of requests under way, by a token that only they bring. */
  readonly #lent = new Map<string, Authentication>();

  constructor(control: Control, now: () => number, own: readonly Identity[]) {
    this.#control = control;
    this.#now = now;
    this.#own = own;
    this.control = {
      ...control,
      authenticate: credentials =>
        (credentials.token === undefined ? undefined : this.#lent.get(credentials.token)) ?? control.authenticate(credentials),
    };
  }

  /** What the server keeps of somebody. */
  note(identity: Identity, dataClass: string | null): string {
    const { kind, keyId, subject, subjectKind, teams, organisation, roles, scopes } = identity;
    const who: Who =
      kind === "key"
        ? { key: keyId }
        : kind === "certificate"
          ? { certificate: subject }
          : {
              untilMs: this.#now() + tokenMs,
              identity: { kind, keyId, subject, subjectKind, teams: [...teams], organisation, roles: [...roles], scopes: [...scopes] },
            };
    return Buffer.from(JSON.stringify({ who, dataClass })).toString("base64url");
  }

  /** Asks by `fetch` for whom the note names; without one for nobody, which the door refuses. */
  async ask(text: string | null, request: Request, fetch: (request: Request) => Response | Promise<Response>): Promise<Response> {
    const note = text === null ? undefined : noteOf(text);
    const token = `caller-${randomBytes(32).toString("base64url")}`;
    const headers = new Headers(request.headers);
    headers.set("authorization", `Bearer ${token}`);
    if (note && note.dataClass !== null) headers.set("x-loam-data-class", note.dataClass);
    this.#lent.set(
      token,
      note ? await this.#whoIs(note.who) : { refusal: text === null ? missing : invalid("a note that cannot be read") },
    );
    try {
      return await fetch(new Request(request, { headers }));
    } finally {
      this.#lent.delete(token);
    }
  }

  async #whoIs(who: Who): Promise<Authentication> {
    try {
      if ("key" in who) return await this.#ofKey(who.key);
      if ("certificate" in who) return await this.#control.authenticate({ certificate: who.certificate });
    } catch (error) {
      if (!isLoamError(error)) throw error;
      return { refusal: error.code === "gateway/stateLost" ? unavailable(error.message) : invalid(error.message) };
    }
    const { identity, untilMs } = who;
    const { principals } = this.#control.access();
    if (this.#now() >= untilMs) return { refusal: invalid(`the token of ${identity.subject} was seen too long ago`) };
    const isClosed =
      accountOf(principals, identity.subject)?.disabled ||
      (identity.organisation !== null && principals.organisations[identity.organisation]?.disabled);
    return isClosed ? { refusal: invalid(`the account "${identity.subject}" is disabled`) } : { identity };
  }

  async #ofKey(id: string): Promise<Authentication> {
    const own = this.#own.find(identity => identity.keyId === id);
    if (own) return { identity: own };
    const { revokedMs, expiresMs } = await this.#control.keys.info(id);
    if (revokedMs !== null) return { refusal: invalid(`key ${id} is revoked`) };
    if (expiresMs !== null && expiresMs <= this.#now()) return { refusal: invalid(`key ${id} has expired`) };
    return { identity: await this.#control.identityOf(id) };
  }
}
