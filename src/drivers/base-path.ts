import type { Line } from "./http-driver.ts";
import type { Provider } from "./providers.ts";

/** The address of a Client. */
export function addressOf(provider: Provider, { config }: Line): URL {
  if (config.baseURL === undefined) throw new TypeError(`${provider.name}: its Client has no address`);
  return new URL(config.baseURL);
}

/** The path in front of every question: that of the base URL, or the API's own behind one that names only a host. */
export function basePath(provider: Provider, { pathname }: URL): string {
  return pathname === "/" ? (provider.barePath ?? "") : pathname;
}
