/** How registries of images are spoken to: with the credentials that this machine keeps for them. */
import { credentialsFor, type RegistryOptions } from "../../registry/index.ts";
import type { Watch } from "../call.ts";

export const registryOptions = (host: string, plainHttp: boolean, { signal }: Watch): RegistryOptions => ({
  credentials: credentialsFor(host),
  plainHttp,
  signal,
});
