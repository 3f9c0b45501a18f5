import { expect, test } from "vitest";
import { TrunklineError } from "../../src/core/errors.ts";
import { checkInputs } from "../../src/signature/check.ts";
import { signature } from "../../src/signature/make.ts";
import { file, image } from "../../src/signature/media.ts";

const bytes = (text: string): Uint8Array => Uint8Array.from(text, (c) => c.charCodeAt(0));

test("an image is its address, its bytes or a data URL", () => {
  expect(image("https://example.com/a.png")).toEqual({ type: "image", url: "https://example.com/a.png" });
  expect(image(new URL("gs://bucket/a.png"), { name: "a" })).toEqual({
    type: "image",
    url: "gs://bucket/a.png",
    name: "a",
  });
  expect(image("data:image/webp;base64,UklGRg==")).toEqual({
    type: "image",
    data: "UklGRg==",
    mediaType: "image/webp",
  });
  expect(Object.isFrozen(image("https://example.com/a.png"))).toBe(true);
});

test.each([
  ["\x89PNG\r\n", "image/png"],
  ["\xff\xd8\xff\xe0", "image/jpeg"],
  ["GIF89a", "image/gif"],
  ["RIFF\x01\n\x03\x04WEBP", "image/webp"],
  ["%PDF-1.7", "application/pdf"],
])("the first bytes tell %j", (start, mediaType) => {
  const data = bytes(`${start} and more`);
  expect(file(data)).toEqual({ type: "file", data, mediaType });
});

test("what is given wins over what is found", () => {
  const data = bytes("a,b\n1,2");
  expect(file(data, { mediaType: "text/csv", name: "t.csv" })).toEqual({
    type: "file",
    data,
    mediaType: "text/csv",
    name: "t.csv",
  });
});

test.each([
  [
    () => image("cat.png"),
    "image: expected bytes, an http(s) address or a base64 data: URL, got another string",
  ],
  [() => image(7 as never), "got 7"],
  [() => image("data:text/plain,hello"), "got another string"],
  [() => file(bytes("hello")), "file: its first bytes tell no known type; pass { mediaType }"],
])("anything else is refused %#", (make, message) => {
  expect(make).toThrow(
    expect.objectContaining({ code: "signature", message: expect.stringContaining(message) }),
  );
  expect(make).toThrow(TrunklineError);
});

test("both fit the fields of their kind", () => {
  const one = signature("photo: image, paper: file[] -> title");
  const inputs = { photo: image("https://example.com/a.png"), paper: [file(bytes("%PDF-1.7"))] };
  expect(checkInputs(one, inputs)).toEqual(inputs);
});
