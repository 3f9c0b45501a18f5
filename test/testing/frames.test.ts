import fc from "fast-check";
import { expect, test } from "vitest";
import { FrameEditor, goawayFrame, rstStreamFrame } from "../../src/testing/faulty/frames.ts";

const goaway = 7;

function frame(type: number, payload: Uint8Array): Buffer {
  const head = Buffer.from([0, 0, payload.length, type, 0, 0, 0, 0, 1]);
  return Buffer.concat([head, payload]);
}

/** Takes a stream of frames apart again; throws when it is none. */
function framesOf(bytes: Buffer): Buffer[] {
  const frames: Buffer[] = [];
  for (let at = 0; at < bytes.length; ) {
    const end = at + 9 + bytes.readUIntBE(at, 3);
    if (end > bytes.length) throw new Error("a frame is cut");
    frames.push(bytes.subarray(at, end));
    at = end;
  }
  return frames;
}

const frames = fc.array(
  fc.record({ type: fc.constantFrom(0, 1, 4, 6, goaway), payload: fc.uint8Array({ maxLength: 40 }) }),
  { maxLength: 12 },
);

test("frames slipped in anywhere lie between whole frames, and a server's GOAWAY does not follow ours", () => {
  fc.assert(
    fc.property(
      frames,
      fc.array(fc.integer({ min: 1, max: 30 })),
      fc.infiniteStream(fc.nat(9)),
      (list, sizes, luck) => {
        const sent = list.map(({ type, payload }) => frame(type, payload));
        const stream = Buffer.concat(sent);
        const editor = new FrameEditor();
        const out: Uint8Array[] = [];
        const slipped: Buffer[] = [];
        let saidGoaway = false;
        for (let at = 0, i = 0; at < stream.length; i++) {
          const size = sizes[i] ?? 1_000;
          out.push(...editor.pass(stream.subarray(at, at + size)));
          at += size;
          if (luck.next().value !== 0) continue;
          const own =
            slipped.length % 2 === 0 ? rstStreamFrame(99, slipped.length) : goawayFrame(0, slipped.length);
          saidGoaway ||= own[3] === goaway;
          slipped.push(own);
          out.push(...editor.inject(own));
        }
        const came = framesOf(Buffer.concat(out));
        const isOurs = (bytes: Buffer) => slipped.some((own) => own.equals(bytes));
        // All of ours, in order, each whole.
        expect(came.filter(isOurs)).toEqual(slipped);
        // All of the server's, in order; only a GOAWAY may be missing, and only after ours.
        const theirs = came.filter((bytes) => !isOurs(bytes));
        expect(theirs.filter((bytes) => bytes[3] !== goaway)).toEqual(
          sent.filter((bytes) => bytes[3] !== goaway),
        );
        if (!saidGoaway) expect(theirs).toEqual(sent);
        const ours = came.findIndex((bytes) => isOurs(bytes) && bytes[3] === goaway);
        if (ours >= 0)
          expect(came.slice(ours).filter((bytes) => !isOurs(bytes) && bytes[3] === goaway)).toEqual([]);
      },
    ),
    { numRuns: 300 },
  );
});

test("our frames are what the protocol says", () => {
  expect([...goawayFrame(3, 2)]).toEqual([0, 0, 8, 7, 0, 0, 0, 0, 0, 0, 0, 0, 3, 0, 0, 0, 2]);
  expect([...rstStreamFrame(5, 7)]).toEqual([0, 0, 4, 3, 0, 0, 0, 0, 5, 0, 0, 0, 7]);
});

test("after a reset of ours nothing more of that stream goes out, the server's own reset included", () => {
  const on = (stream: number, type: number): Buffer => {
    const bytes = frame(type, Buffer.from("x"));
    bytes[8] = stream;
    return bytes;
  };
  const editor = new FrameEditor();
  const out = [
    ...editor.pass(on(1, 1)),
    ...editor.inject(rstStreamFrame(1, 2)),
    ...editor.pass(Buffer.concat([on(1, 0), on(3, 0), on(1, 3), on(3, 3)])),
  ];
  const types = framesOf(Buffer.concat(out)).map((bytes) => [bytes[8], bytes[3]]);
  expect(types).toEqual([
    [1, 1],
    [1, 3],
    [3, 0],
    [3, 3],
  ]);
});
