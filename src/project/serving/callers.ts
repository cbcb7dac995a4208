/** Who may call a server, and what of it: keys of requests, web pages of other origins, endpoints that are turned off. */
import { corsOrigin } from "../../base/index.ts";
import { type OptionalEndpoint, optionalEndpoints } from "../../serve/index.ts";
import { projectErrors, wrongArgument } from "../errors.ts";
import type { ProjectFile } from "../project-file.ts";
import type { ServeOptions } from "./serve-options.ts";

/** The keys that requests need. Errors: project/argument beside a gateway, which has keys of its own. */
export function apiKeysOf({ apiKeys = [] }: ServeOptions, hasGateway: boolean): readonly string[] {
  if (hasGateway && apiKeys.length > 0)
    throw projectErrors.fail("argument", {
      place: "loam serve: --api-key",
      message: "the project has a gateway, whose keys count",
      hint: "Create a key: loam gateway keys create NAME --subject USER.",
    });
  const own = process.env.LOAM_API_KEY;
  return apiKeys.length > 0 || hasGateway || own === undefined || own === "" ? apiKeys : [own];
}

/** Pages of other origins that may call the server. Errors: project/argument for one that is none, and for any page where everybody administers. */
export function corsOriginsOf({ corsOrigins, admin }: ServeOptions, project: ProjectFile | undefined): readonly string[] {
  const origins = corsOrigins ?? project?.config.serve?.corsOrigins ?? [];
  const wrong = origins.find(o => !corsOrigin.safeParse(o).success);
  if (wrong !== undefined)
    throw wrongArgument(
      "loam serve: --cors-origin",
      "an origin without a path, such as https://app.example.com; localhost, or *",
      JSON.stringify(wrong),
    );
  if (admin === true && origins.includes("*"))
    throw wrongArgument(
      "loam serve: --admin with --cors-origin *",
      "origins by name where everybody who reaches the server administers it",
      '"*"',
      "Any web page that somebody here opens could administer the server.",
    );
  return origins;
}

/** Endpoints that are turned off. Errors: project/argument for one that there is not. */
export function disabledEndpointsOf({ disabledEndpoints }: ServeOptions, project: ProjectFile | undefined): readonly OptionalEndpoint[] {
  return (disabledEndpoints ?? project?.config.serve?.disabledEndpoints ?? []).map(name => {
    const found = optionalEndpoints.find(known => known === name);
    if (found !== undefined) return found;
    throw wrongArgument("loam serve: --disable-endpoint", optionalEndpoints.join(", "), JSON.stringify(name));
  });
}
