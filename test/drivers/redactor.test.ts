import { describe, expect, test } from "vitest";
import { Redactor } from "../../src/drivers/redactor.ts";

describe("Redactor", () => {
  test("N22: keys and header values go, short words stay", () => {
    const redactor = new Redactor({ "x-token": "client-header-value", "x-beta": "on" });
    redactor.addKey("key-of-the-client");
    const text = "on key-of-the-client, client-header-value and call-header-value, key-of-the-client";
    expect(redactor.mask(text, { "x-call": "call-header-value" })).toBe("on ****, **** and ****, ****");
    expect(redactor.mask("nothing secret", undefined)).toBe("nothing secret");
  });

  test("Z11: the latest keys of a rotation are remembered, and no more than that", () => {
    const redactor = new Redactor({});
    for (let i = 0; i < 40; i++) redactor.addKey(`rotated-key-${i}-`);
    redactor.addKey("rotated-key-24-");
    redactor.addKey("rotated-key-40-");
    expect(redactor.mask("rotated-key-40-", undefined)).toBe("****");
    expect(redactor.mask("rotated-key-24-", undefined)).toBe("****");
    expect(redactor.mask("rotated-key-0-", undefined)).toBe("rotated-key-0-");
    expect(redactor.mask("rotated-key-25-", undefined)).toBe("rotated-key-25-");
  });
});
