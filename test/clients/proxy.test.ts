import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { readProxy } from "../../src/clients/proxy.ts";
import { thrown } from "./parts.ts";

const names = ["HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy", "NO_PROXY", "no_proxy"];
beforeEach(() => {
  for (const name of names) vi.stubEnv(name, undefined);
});
afterEach(() => {
  vi.unstubAllEnvs();
});

const byEnvironment = (url: string) => readProxy(undefined, url);

describe("by environment", () => {
  test("each scheme has its variable", () => {
    vi.stubEnv("HTTPS_PROXY", "http://secure-proxy:3128");
    vi.stubEnv("HTTP_PROXY", "http://plain-proxy:3128");
    expect(byEnvironment("https://api.example.com/v1")).toBe("http://secure-proxy:3128/");
    expect(byEnvironment("http://api.example.com/v1")).toBe("http://plain-proxy:3128/");
  });

  test("lower case counts too, and wins", () => {
    vi.stubEnv("https_proxy", "http://lower:1");
    expect(byEnvironment("https://api.example.com")).toBe("http://lower:1/");
    vi.stubEnv("HTTPS_PROXY", "http://upper:1");
    expect(byEnvironment("https://api.example.com")).toBe("http://lower:1/");
  });

  test("no scheme means http", () => {
    vi.stubEnv("HTTPS_PROXY", "proxy:3128");
    expect(byEnvironment("https://api.example.com")).toBe("http://proxy:3128/");
  });

  test("this machine is never behind it", () => {
    vi.stubEnv("HTTP_PROXY", "http://proxy:1");
    for (const host of ["localhost:11434", "127.0.0.1", "127.1.2.3:80", "[::1]:8000", "vllm.localhost"]) {
      expect(byEnvironment(`http://${host}/v1`), host).toBeUndefined();
    }
    expect(byEnvironment("http://127.0.0.1.example.com")).toBe("http://proxy:1/");
  });

  test.each([
    ["*", "https://any.example.com", true],
    ["example.com", "https://example.com", true],
    ["example.com", "https://api.example.com", true],
    [".example.com", "https://api.example.com", true],
    ["*.example.com", "https://api.example.com", true],
    ["EXAMPLE.com", "https://api.example.com", true],
    ["example.com", "https://notexample.com", false],
    ["api.example.com", "https://example.com", false],
    ["other.org, api.example.com", "https://api.example.com", true],
    ["other.org api.example.com", "https://api.example.com", true],
    ["example.com:443", "https://example.com", true],
    ["example.com:8443", "https://example.com", false],
    ["example.com:8443", "https://example.com:8443", true],
    ["10.1.2.3", "https://10.1.2.3", true],
    ["10.0.0.0/8", "https://10.1.2.3:8000", true],
    ["10.0.0.0/8", "https://11.1.2.3", false],
    ["192.168.4.0/22", "https://192.168.7.9", true],
    ["192.168.4.0/22", "https://192.168.8.1", false],
    ["0.0.0.0/0", "https://8.8.8.8", true],
    ["10.0.0.0/8", "https://ten.example.com", false],
    ["fd00::1", "https://[fd00::1]:8000", true],
    ["[fd00::1]:8000", "https://[fd00::1]:8000", true],
    ["[fd00::1]:8000", "https://[fd00::1]:9000", false],
    [",, ,", "https://example.com", false],
  ])("NO_PROXY=%s before %s: direct is %s", (list, url, direct) => {
    vi.stubEnv("HTTPS_PROXY", "http://proxy:1");
    vi.stubEnv("NO_PROXY", list);
    expect(byEnvironment(url) === undefined).toBe(direct);
  });

  test.each(["socks5://me:secret-word@proxy:1080", "http://", "http://me:secret-word@:x"])(
    "%s is refused by the variable's name, without its text",
    (value) => {
      vi.stubEnv("HTTPS_PROXY", value);
      const error = thrown(() => byEnvironment("https://api.example.com"));
      expect(error.code).toBe("config");
      expect(error.message).toMatch(/^HTTPS_PROXY: expected an http:\/\/ or https:\/\/ address/);
      expect(error.message).not.toContain("secret-word");
    },
  );

  test("a wrong variable harms nobody who goes direct", () => {
    vi.stubEnv("HTTPS_PROXY", "socks5://proxy");
    vi.stubEnv("NO_PROXY", "example.com");
    expect(byEnvironment("https://example.com")).toBeUndefined();
  });
});

describe("by option", () => {
  test("it wins over the environment, NO_PROXY and loopback included", () => {
    vi.stubEnv("HTTPS_PROXY", "http://environment:1");
    vi.stubEnv("NO_PROXY", "*");
    expect(readProxy("https://own:8443", "http://localhost")).toBe("https://own:8443/");
  });

  test("false is none", () => {
    vi.stubEnv("HTTPS_PROXY", "http://environment:1");
    expect(readProxy(false, "https://api.example.com")).toBeUndefined();
  });

  test("it keeps its credentials for the connection", () => {
    expect(readProxy("http://me:pass@proxy:3128", "https://a.example")).toBe("http://me:pass@proxy:3128/");
  });
});
