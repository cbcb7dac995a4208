/** What the console is told where nobody can log in: there is a gateway, which knows nobody without a key, and no artifact store behind it. */
export const aloneSession = { gateway: true, record: false, access: "none", csrf: null, demo: null };
