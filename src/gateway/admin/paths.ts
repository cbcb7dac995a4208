/** Addresses of administration. */
export const adminPaths = [
  "/gateway/state",
  "/gateway/usage",
  "/gateway/limits",
  "/gateway/keys",
  "/gateway/keys/:key",
  "/gateway/keys/:key/rotate",
  "/gateway/principals",
  "/gateway/principals/:kind/:name",
  "/gateway/principals/:kind/:name/members",
  "/gateway/principals/:kind/:name/members/:member",
  "/gateway/policies",
  "/gateway/policies/:name",
  "/gateway/changes",
  "/gateway/requests",
  "/gateway/requests/:id",
  "/gateway/explain",
  "/gateway/reload",
  "/gateway/cache",
  "/gateway/held",
  "/gateway/held/:key",
] as const;
export type AdminPath = (typeof adminPaths)[number];
