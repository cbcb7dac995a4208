/** Keys by HTTP: listed, made, given a new secret, revoked. A secret is in the one answer that makes it. */
import { z } from "zod";
import type { KeyInfo } from "../contract.ts";
import { endpoints } from "../endpoints.ts";
import { gatewayErrors } from "../errors.ts";
import { durationMs } from "../limits/durations.ts";
import { type AdminPage, adminBody, adminJson, onlyKeys } from "./page.ts";
import { mayHandleKeysOf } from "./roles.ts";

const text = (most: number) =>
  z
    .string()
    .min(1)
    .max(most)
    .regex(/^[^\p{Cc}]*$/u, "text of one line");

const created = z.strictObject({
  name: text(128),
  subject: text(127),
  scopes: z.array(z.enum(endpoints)).max(endpoints.length).default([]),
  /** `sigv4`: requests are signed with the secret; `prefix` of the answer is the access key id. */
  kind: z.enum(["bearer", "sigv4"]).default("bearer"),
  /** Either how long it is good, or until when; for ever when both are absent. */
  expiresIn: durationMs.optional(),
  expiresAt: z.iso.datetime({ offset: true }).optional(),
});
const rotated = z.strictObject({
  /** How long the old secret goes on: a time, or "0" for not at all; 24 h when absent. */
  overlap: z.union([z.literal("0").transform(() => 0), durationMs]).optional(),
});

/** `live`: its secrets open. */
const stateOfKey = (key: KeyInfo, nowMs: number): "live" | "revoked" | "expired" =>
  key.revokedMs !== null ? "revoked" : key.expiresMs !== null && key.expiresMs <= nowMs ? "expired" : "live";

/** Longest life of a key that can be asked for: what is beyond is a mistake. */
const longestMs = 100 * 366 * 86_400_000;

function expiryOf({ expiresIn, expiresAt }: z.output<typeof created>, nowMs: number): number | null {
  const bad = (place: string, expected: string, received: string) => gatewayErrors.fail("parameter", { place, expected, received });
  if (expiresIn !== undefined && expiresAt !== undefined) throw bad("expiresAt", "expiresIn or expiresAt", "both");
  const at = expiresIn !== undefined ? nowMs + expiresIn : expiresAt !== undefined ? Date.parse(expiresAt) : null;
  if (at === null) return null;
  if (at <= nowMs || at > nowMs + longestMs)
    throw bad(
      expiresIn === undefined ? "expiresAt" : "expiresIn",
      "a time that is to come, within 100 years",
      `"${new Date(Math.min(at, 8e15)).toISOString()}"`,
    );
  return at;
}

export const keyPages: readonly AdminPage[] = [
  {
    path: "/gateway/keys",
    methods: {
      GET: {
        right: "lookAtKeys",
        answer: async ({ gateway, query }) => {
          onlyKeys(query, ["subject"]);
          const subject = query.get("subject");
          const nowMs = gateway.clock.now();
          const data = await gateway.control.keys.list(subject === null ? {} : { subject });
          return adminJson({ object: "list", data: data.map(key => ({ ...key, state: stateOfKey(key, nowMs) })) });
        },
      },
      POST: {
        right: "changeKeys",
        answer: async ({ gateway, identity, request, by }) => {
          const { control, clock } = gateway;
          const body = await adminBody(request, created);
          mayHandleKeysOf(identity, body.subject, control.rolesOf(body.subject));
          const { name, subject, scopes, kind } = body;
          const { key, secret } = await control.keys.create({ name, subject, scopes, kind, expiresMs: expiryOf(body, clock.now()) }, by);
          return adminJson({ key: { ...key, state: "live" }, secret }, 201);
        },
      },
    },
  },
  {
    path: "/gateway/keys/:key/rotate",
    methods: {
      POST: {
        right: "changeKeys",
        answer: async ({ gateway, identity, request, key: named, by }) => {
          const { control } = gateway;
          const { overlap } = await adminBody(request, rotated);
          const { subject, id } = await control.keys.info(named);
          mayHandleKeysOf(identity, subject, control.rolesOf(subject));
          const { key, secret } = await control.keys.rotate(id, by, ...(overlap === undefined ? [] : [overlap]));
          return adminJson({ key: { ...key, state: "live" }, secret });
        },
      },
    },
  },
  {
    path: "/gateway/keys/:key",
    methods: {
      GET: {
        right: "lookAtKeys",
        answer: async ({ gateway, key: named }) => {
          const key = await gateway.control.keys.info(named);
          return adminJson({ key: { ...key, state: stateOfKey(key, gateway.clock.now()) } });
        },
      },
      DELETE: {
        right: "changeKeys",
        answer: async ({ gateway, identity, key: named, by }) => {
          const { control } = gateway;
          const { subject, id } = await control.keys.info(named);
          mayHandleKeysOf(identity, subject, control.rolesOf(subject));
          return adminJson({ key: { ...(await control.keys.revoke(id, by)), state: "revoked" } });
        },
      },
    },
  },
];
