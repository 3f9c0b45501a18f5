import { env } from "../core/env.ts";
import { TrunklineError } from "../core/errors.ts";

/**
 * The proxy for one origin: what the option says, else what the environment says at this moment, else none. As
 * everywhere, the lower-case spelling of a variable wins over the upper-case one, `NO_PROXY` names the hosts that
 * are reached directly, and the environment never puts a proxy before this machine itself.
 */
export function readProxy(option: string | false | undefined, baseURL: string): string | undefined {
  if (option === false) return undefined;
  if (option !== undefined) return proxyURL("proxy", option);
  const target = new URL(baseURL);
  const name = target.protocol === "https:" ? "HTTPS_PROXY" : "HTTP_PROXY";
  const found = eitherCase(name);
  if (found === undefined || isLoopback(target.hostname)) return undefined;
  return bypassed(target, eitherCase("NO_PROXY")) ? undefined : proxyURL(name, found);
}

function eitherCase(name: string): string | undefined {
  return env(name.toLowerCase()) ?? env(name);
}

/** The text is never in the error: a proxy's address often holds a password. */
function proxyURL(name: string, text: string): string {
  const trimmed = text.trim();
  // Without a scheme it is a host and a port, and nothing that could be a misspelt scheme.
  const hasScheme = /^[a-z][a-z0-9+.-]*:\/\//i.test(trimmed);
  const url =
    hasScheme || !trimmed.includes("/") ? URL.parse(hasScheme ? trimmed : `http://${trimmed}`) : null;
  if (url !== null && (url.protocol === "http:" || url.protocol === "https:")) return url.href;
  const came = url === null ? "something that is no address" : `an address with ${url.protocol}//`;
  throw new TrunklineError(
    "config",
    `${name}: expected an http:// or https:// address such as http://proxy:3128, got ${came}`,
  );
}

function isLoopback(host: string): boolean {
  return (
    host === "localhost" || host.endsWith(".localhost") || host === "[::1]" || /^127(\.\d+){3}$/.test(host)
  );
}

/** Whether a `NO_PROXY` list names the target: `*`, a host with its subdomains, `host:port`, or an IPv4 block. */
function bypassed(target: URL, list: string | undefined): boolean {
  const port = target.port || (target.protocol === "https:" ? "443" : "80");
  return (list ?? "")
    .toLowerCase()
    .split(/[\s,]+/)
    .filter((entry) => entry !== "")
    .some((entry) => names(entry, target.hostname, port));
}

function names(entry: string, host: string, port: string): boolean {
  if (entry === "*") return true;
  const block = /^(\d+\.\d+\.\d+\.\d+)\/(\d+)$/.exec(entry);
  if (block !== null) return inBlock(host, block[1]!, Number(block[2]));
  const [, name, onlyPort] = /^(.*?)(?::(\d+))?$/.exec(bracketed(entry))!;
  if (onlyPort !== undefined && onlyPort !== port) return false;
  const suffix = name!.replace(/^\*?\.?/, "");
  return host === suffix || host.endsWith(`.${suffix}`);
}

/** An IPv6 address as URLs write it, so that its colons are not taken for a port. */
function bracketed(entry: string): string {
  return entry.split(":").length > 2 && !entry.startsWith("[") ? `[${entry}]` : entry;
}

function inBlock(host: string, base: string, bits: number): boolean {
  const [a, b] = [ipv4(host), ipv4(base)];
  if (a === undefined || b === undefined || bits > 32) return false;
  return Math.floor(a / 2 ** (32 - bits)) === Math.floor(b / 2 ** (32 - bits));
}

function ipv4(text: string): number | undefined {
  if (!/^\d+(\.\d+){3}$/.test(text)) return undefined;
  return text.split(".").reduce((number, byte) => number * 256 + Number(byte), 0);
}
