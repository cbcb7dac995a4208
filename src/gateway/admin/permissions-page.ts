/** What the caller may do here: the console shows what they may not as disabled, with the reason. The rights are checked again by each address. */
import { type AdminPage, adminJson, onlyKeys } from "./page.ts";
import { missingRights } from "./roles.ts";

export const permissionsPage: AdminPage = {
  path: "/gateway/permissions",
  methods: {
    GET: {
      right: "own",
      answer: async ({ gateway, identity, query }) => {
        onlyKeys(query, []);
        const { subject, keyId, roles } = identity;
        return adminJson({ subject, key: keyId, roles, missing: missingRights(gateway.control, identity) });
      },
    },
  },
};
