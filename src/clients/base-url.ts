import { show } from "../core/check.ts";
import { TrunklineError } from "../core/errors.ts";

/**
 * A base URL in one form: no trailing slash, lower-case host, no default port. What would surprise later
 * (credentials, a query, a fragment) is refused now.
 */
export function readBaseURL(name: string, text: string): string {
  const url = URL.parse(text.trim());
  if (url === null || (url.protocol !== "http:" && url.protocol !== "https:")) {
    throw wrong(name, "an address such as https://host/v1", safeToShow(text));
  }
  if (url.username !== "" || url.password !== "") {
    throw wrong(name, "an address without a user name or password; pass apiKey or headers", url.origin);
  }
  if (url.search !== "" || text.includes("?")) {
    throw wrong(name, "an address without a query", `${url.origin}${url.pathname}?...`);
  }
  if (url.hash !== "" || text.includes("#")) {
    throw wrong(name, "an address without a fragment", `${url.origin}${url.pathname}#...`);
  }
  return url.origin + url.pathname.replace(/\/+$/, "");
}

function wrong(name: string, expected: string, came: string): TrunklineError {
  return new TrunklineError("config", `${name}: expected ${expected}, got ${came}`);
}

/** A key that ended up in the wrong option must not end up in an error text. */
function safeToShow(text: string): string {
  return /^[\w.:/-]{0,60}$/.test(text) && /[.:/]/.test(text)
    ? show(text)
    : `a string of ${text.length} characters`;
}
