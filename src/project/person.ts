/** Who does something, where nobody says: the user of this machine. */
import { userInfo } from "node:os";

export function thisUser(): string {
  try {
    return userInfo().username;
  } catch {
    return "unknown";
  }
}
