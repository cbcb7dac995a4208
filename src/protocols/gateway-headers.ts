/** Headers that the gateway writes for the server of the same process, which believes them because nobody else can send them there. */

/** Who owns what a request stores and may use. */
export const ownerHeader = "x-loam-owner";
/** Account of whoever is signed in by the server's own login: everybody with its link, so nobody's name. */
export const consoleAccount = "loam-console";
/** The gateway's note about the caller, for requests made later on their behalf (lines of a batch). */
export const callerHeader = "x-loam-caller";
